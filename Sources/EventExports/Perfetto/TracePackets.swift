import EventFormats
import KernelEvents

/// The packets of Perfetto's trace format, by the fields of schema/perfetto.proto.
extension OutputBuffer {
  private enum Packet {
    static var field: UInt64 { 1 }
    static var clockSnapshot: UInt64 { 6 }
    static var timestamp: UInt64 { 8 }
    static var sequence: UInt64 { 10 }
    static var event: UInt64 { 11 }
    static var flags: UInt64 { 13 }
    static var defaults: UInt64 { 59 }
    static var descriptor: UInt64 { 60 }
    static var isFirst: UInt64 { 87 }
  }

  private enum Event {
    static var type: UInt64 { 9 }
    static var track: UInt64 { 11 }
    static var category: UInt64 { 22 }
    static var name: UInt64 { 23 }
    static var counter: UInt64 { 30 }
    static var flow: UInt64 { 47 }
    static var flowEnd: UInt64 { 48 }
  }

  private enum Descriptor {
    static var uuid: UInt64 { 1 }
    static var name: UInt64 { 2 }
    static var process: UInt64 { 3 }
    static var thread: UInt64 { 4 }
    static var parent: UInt64 { 5 }
    static var counter: UInt64 { 8 }
    static var childOrdering: UInt64 { 11 }
    static var rank: UInt64 { 12 }
  }

  /// CLOCK_MONOTONIC and CLOCK_REALTIME among Perfetto's clocks.
  private static var monotonic: UInt64 { 3 }
  private static var realtime: UInt64 { 1 }

  /// Appends the first packets: what the others' times mean.
  ///
  /// - Parameters:
  ///   - time: some moment of CLOCK_MONOTONIC.
  ///   - wall: the same moment since 1970; nil where it is not known.
  mutating func appendPreamble(time: UInt64, wall: UInt64?) {
    var packet = open(message: Packet.field)
    append(field: Packet.sequence, varint: 1)
    append(field: Packet.flags, varint: 1)
    append(field: Packet.isFirst, varint: 1)
    let defaults = open(message: Packet.defaults)
    append(field: 58, varint: OutputBuffer.monotonic)
    close(message: defaults)
    close(message: packet)

    packet = open(message: Packet.field)
    append(field: Packet.sequence, varint: 1)
    append(field: Packet.flags, varint: 2)
    let snapshot = open(message: Packet.clockSnapshot)
    append(clock: OutputBuffer.monotonic, time)
    if let wall { append(clock: OutputBuffer.realtime, wall) }
    append(field: 2, varint: OutputBuffer.monotonic)
    close(message: snapshot)
    close(message: packet)
  }

  private mutating func append(clock: UInt64, _ time: UInt64) {
    let start = open(message: 1)
    append(field: 1, varint: clock)
    append(field: 2, varint: time)
    close(message: start)
  }

  /// A packet that is being written.
  struct OpenPacket {
    fileprivate let packet: Int
    fileprivate let content: Int
  }

  private mutating func openPacket(_ field: UInt64, time: UInt64) -> OpenPacket {
    let packet = open(message: Packet.field)
    append(field: Packet.timestamp, varint: time)
    append(field: Packet.sequence, varint: 1)
    append(field: Packet.flags, varint: 2)
    return OpenPacket(packet: packet, content: open(message: field))
  }

  /// Ends a packet.
  mutating func close(packet: OpenPacket) {
    close(message: packet.content)
    close(message: packet.packet)
  }

  /// What an event of a track is.
  enum TrackEventType: UInt64 {
    case sliceBegin = 1
    case sliceEnd = 2
    case instant = 3
    case counter = 4
  }

  /// The field of ``DebugAnnotations`` in an event of a track.
  static var annotations: UInt64 { 4 }

  /// Begins an event of a track; ``close(packet:)`` ends it.
  mutating func open(event type: TrackEventType, track: UInt64, time: UInt64) -> OpenPacket {
    let packet = openPacket(Packet.event, time: time)
    append(field: Event.type, varint: type.rawValue)
    append(field: Event.track, varint: track)
    return packet
  }

  /// Names the open event.
  mutating func append(eventName name: RawSpan) { append(field: Event.name, text: name) }
  /// Names the open event.
  mutating func append(eventName name: StaticString) { append(field: Event.name, text: name) }
  /// Tells the open event's category.
  mutating func append(category: StaticString) { append(field: Event.category, text: category) }
  /// Lets an arrow begin, or go through, at the open event.
  mutating func append(flow: UInt64) { append(field: Event.flow, fixed: flow) }
  /// Lets an arrow end at the open event.
  mutating func append(flowEnd flow: UInt64) { append(field: Event.flowEnd, fixed: flow) }

  /// Annotates the open event with a number.
  mutating func append(annotation name: StaticString, _ number: UInt64) {
    let start = open(message: OutputBuffer.annotations)
    append(field: 10, text: name)
    append(field: 3, varint: number)
    close(message: start)
  }

  /// Appends a value of a counter.
  mutating func append(counter value: UInt64, track: UInt64, time: UInt64) {
    let packet = open(event: .counter, track: track, time: time)
    append(field: Event.counter, varint: min(value, UInt64(Int64.max)))
    close(packet: packet)
  }

  /// Appends the end of the slice that is open on a track.
  mutating func append(endOn track: UInt64, time: UInt64) {
    let packet = open(event: .sliceEnd, track: track, time: time)
    close(packet: packet)
  }

  /// Describes a process's own track.
  ///
  /// - Parameters:
  ///   - uuid: the track.
  ///   - pid: the process.
  ///   - name: its name; nil where it may get another one yet. Perfetto keeps the first that it is told.
  ///   - time: the packet's time.
  mutating func append(processTrack uuid: UInt64, pid: UInt32, name: CommName?, time: UInt64) {
    let packet = openPacket(Packet.descriptor, time: time)
    append(field: Descriptor.uuid, varint: uuid)
    append(field: Descriptor.name, text: "life")
    let process = open(message: Descriptor.process)
    append(field: 1, varint: UInt64(bitPattern: Int64(Int32(bitPattern: pid))))
    if let name { append(field: 6, comm: name) }
    close(message: process)
    close(packet: packet)
  }

  /// Describes a thread's track, below its process's.
  mutating func append(
    threadTrack uuid: UInt64, of process: UInt64, pid: UInt32, tid: UInt32, name: CommName,
    time: UInt64
  ) {
    let packet = openPacket(Packet.descriptor, time: time)
    append(field: Descriptor.uuid, varint: uuid)
    append(field: Descriptor.parent, varint: process)
    let thread = open(message: Descriptor.thread)
    append(field: 1, varint: UInt64(bitPattern: Int64(Int32(bitPattern: pid))))
    append(field: 2, varint: UInt64(bitPattern: Int64(Int32(bitPattern: tid))))
    append(field: 5, comm: name)
    close(message: thread)
    close(packet: packet)
  }

  /// Begins the description of a track of no process; ``close(packet:)`` ends it.
  mutating func open(
    track uuid: UInt64, parent: UInt64? = nil, rank: UInt64? = nil, time: UInt64
  ) -> OpenPacket {
    let packet = openPacket(Packet.descriptor, time: time)
    append(field: Descriptor.uuid, varint: uuid)
    if let parent { append(field: Descriptor.parent, varint: parent) }
    if let rank { append(field: Descriptor.rank, varint: rank) }
    return packet
  }

  /// Names the open track.
  mutating func append(trackName name: RawSpan) { append(field: Descriptor.name, text: name) }

  /// Lets the tracks below the open one stand in the order of their ranks.
  mutating func orderChildrenByRank() { append(field: Descriptor.childOrdering, varint: 3) }

  /// Makes the open track a counter's, of things.
  mutating func countOnTrack() {
    let counter = open(message: Descriptor.counter)
    append(field: 3, varint: 2)
    close(message: counter)
  }

  private mutating func append(field: UInt64, comm: CommName) {
    let bytes = comm.bytes
    append(field: field, text: bytes.span.extracting(0..<comm.count).raw)
  }
}

/// A task's name, kept without an allocation.
struct CommName: Equatable {
  private var low: UInt64 = 0
  private var high: UInt64 = 0
  private(set) var count: Int

  /// Copies a name of at most 16 bytes.
  init(_ name: RawSpan) {
    count = min(name.byteCount, 16)
    for index in 0..<count {
      let byte = UInt64(name.byte(index)) << UInt64(8 * (index & 7))
      if index < 8 { low |= byte } else { high |= byte }
    }
  }

  /// The bytes; those from ``count`` on are 0.
  var bytes: InlineArray<16, UInt8> {
    var bytes = InlineArray<16, UInt8>(repeating: 0)
    for index in 0..<16 {
      bytes[index] = UInt8(
        truncatingIfNeeded: (index < 8 ? low : high) >> UInt64(8 * (index & 7)))
    }
    return bytes
  }
}

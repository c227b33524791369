import EventExports
import SwiftProtobuf
import TestSupport

typealias TracePacket = Ordinal_Perfetto_TracePacket
typealias TrackEvent = Ordinal_Perfetto_TrackEvent
typealias TrackDescriptor = Ordinal_Perfetto_TrackDescriptor
typealias Annotation = Ordinal_Perfetto_DebugAnnotation

/// A trace as an independent reader of protocol buffers has it, and what is wrong with it by Perfetto's rules.
struct DecodedTrace {
  /// A slice that was begun and ended.
  struct Slice {
    var track: UInt64
    var name: String
    var depth: Int
    var begin: TrackEvent
    var end: TrackEvent
    var time: Range<UInt64>
  }

  var packets: [TracePacket]
  var tracks: [UInt64: TrackDescriptor] = [:]
  var slices: [Slice] = []
  var instants: [TrackEvent] = []
  var counters: [UInt64: [Int64]] = [:]
  /// Events that an arrow goes through, in order.
  var flows: [UInt64: [TrackEvent]] = [:]
  var problems: [String] = []

  init(_ bytes: [UInt8]) throws {
    packets = try Ordinal_Perfetto_Trace(serializedBytes: bytes).packet
    check()
  }

  /// The name of a track; a process's or thread's own where it has one.
  func name(_ track: UInt64) -> String {
    guard let found = tracks[track] else { return "?" }
    if found.hasThread { return "thread \(found.thread.tid) \(found.thread.threadName)" }
    if found.hasProcess { return "process \(found.process.pid) \(found.process.processName)" }
    return found.name
  }

  private mutating func check() {
    var open: [UInt64: [(TrackEvent, UInt64)]] = [:]
    var ended: Set<UInt64> = []
    var last: UInt64 = 0
    guard let first = packets.first, first.firstPacketOnSequence, first.sequenceFlags & 1 == 1,
      first.tracePacketDefaults.timestampClockID == 3
    else { return problems.append("no first packet that tells the clock") }
    for (index, packet) in packets.enumerated() {
      if packet.trustedPacketSequenceID != 1 { problems.append("\(index): no sequence") }
      if !packet.unknownFields.data.isEmpty { problems.append("\(index): unknown fields") }
      if index > 0, packet.sequenceFlags != 2 { problems.append("\(index): flags") }
      switch packet.data {
      case .clockSnapshot(let snapshot):
        if snapshot.primaryTraceClock != .monotonic { problems.append("\(index): clock") }
        continue
      case .trackDescriptor(let descriptor): note(descriptor, index)
      case .trackEvent(let event):
        if !event.unknownFields.data.isEmpty { problems.append("\(index): unknown fields") }
        guard let track = tracks[event.trackUuid] else {
          problems.append("\(index): an event on a track that is not described")
          continue
        }
        if track.hasCounter != (event.type == .counter) { problems.append("\(index): counter") }
        for flow in event.flowIds + event.terminatingFlowIds {
          if ended.contains(flow) { problems.append("\(index): arrow \(flow) goes on") }
          flows[flow, default: []].append(event)
        }
        ended.formUnion(event.terminatingFlowIds)
        for annotation in event.debugAnnotations { check(annotation, index, isNamed: true) }
        note(event, packet.timestamp, &open, index)
      case nil:
        if index > 0 { problems.append("\(index): an empty packet") }
        continue
      }
      if packet.timestamp < last { problems.append("\(index): time goes back") }
      last = packet.timestamp
    }
    for (track, slices) in open where !slices.isEmpty {
      problems.append("\(slices.count) slices of \(name(track)) have no end")
    }
  }

  private mutating func note(
    _ event: TrackEvent, _ time: UInt64, _ open: inout [UInt64: [(TrackEvent, UInt64)]],
    _ index: Int
  ) {
    switch event.type {
    case .sliceBegin: open[event.trackUuid, default: []].append((event, time))
    case .sliceEnd:
      guard let (begin, start) = open[event.trackUuid]?.popLast() else {
        return problems.append("\(index): an end without a beginning")
      }
      slices.append(
        Slice(
          track: event.trackUuid, name: begin.name, depth: open[event.trackUuid]?.count ?? 0,
          begin: begin, end: event, time: start..<max(start, time)))
    case .instant: instants.append(event)
    case .counter: counters[event.trackUuid, default: []].append(event.counterValue)
    case .unspecified: problems.append("\(index): an event of no type")
    }
  }

  private mutating func note(_ descriptor: TrackDescriptor, _ index: Int) {
    if !descriptor.unknownFields.data.isEmpty { problems.append("\(index): unknown fields") }
    if descriptor.hasParentUuid, tracks[descriptor.parentUuid] == nil {
      problems.append("\(index): a track below one that is not described")
    }
    if let known = tracks[descriptor.uuid] {
      if known.process.pid != descriptor.process.pid || known.thread.tid != descriptor.thread.tid
        || known.parentUuid != descriptor.parentUuid || known.hasCounter != descriptor.hasCounter
      {
        problems.append("\(index): a track becomes another")
      }
      if known.process.hasProcessName, !descriptor.process.hasProcessName {
        // Described anew after it had to go; its name stays.
        return
      }
    }
    tracks[descriptor.uuid] = descriptor
  }

  private mutating func check(_ annotation: Annotation, _ index: Int, isNamed: Bool) {
    if annotation.hasName != isNamed { problems.append("\(index): an annotation's name") }
    if annotation.value != nil && !(annotation.dictEntries + annotation.arrayValues).isEmpty {
      problems.append("\(index): an annotation of two values")
    }
    for entry in annotation.dictEntries { check(entry, index, isNamed: true) }
    for element in annotation.arrayValues { check(element, index, isNamed: false) }
  }
}

extension TrackEvent {
  /// The annotation of a name; of an object's member by `object.member`.
  func annotation(_ path: String) -> Annotation? {
    var among = debugAnnotations
    var found: Annotation?
    for name in path.split(separator: ".") {
      found = among.first { $0.name == name }
      among = found?.dictEntries ?? []
    }
    return found
  }
}

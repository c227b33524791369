package import BPFLoader
package import SequencerABI
package import Sequencer

/// A ring whose producers are BPF programs of the caller's own, written on BPF/Kit with the maps of
/// RingMaps.bpf.h: for benchmarks and tests that need events at a rate of their choice.
///
/// What ``CaptureSession`` is without filters, pins and the programs of the product. Attached from
/// ``open(_:name:programs:ringBytes:)`` until the value goes. Single-threaded.
package struct ProgramRing: ~Copyable {
  /// Reads the ring.
  package var consumer: RingConsumer
  /// Wakes a parked consumer.
  package let doorbell: Doorbell
  // Attachments go before the object.
  private var links: [LinkBox]
  /// The loaded object, for its further maps and programs.
  package let object: BPFObject

  /// An array holds no value that can't be copied.
  private final class LinkBox {
    let link: BPFLink
    init(_ link: consuming BPFLink) { self.link = link }
  }

  private init(
    consumer: consuming RingConsumer, doorbell: consuming Doorbell, links: [LinkBox],
    object: consuming BPFObject
  ) {
    self.consumer = consumer
    self.doorbell = doorbell
    self.links = links
    self.object = object
  }

  /// Loads an object and attaches programs of it; they offer nothing before ``begin()``.
  ///
  /// - Parameters:
  ///   - bytes: the object file.
  ///   - name: what errors call it.
  ///   - programs: those to attach, in this order.
  ///   - ringBytes: the ring's size; nil: the default of a capture.
  ///   - timestamps: what the programs' `timestamp()` gives.
  ///   - families: those whose fields of the kernel the programs read.
  ///   - direct: further maps whose one element the programs address without a look-up.
  ///   - prepare: sets up what else the object has, before it is loaded.
  /// - Returns: the ring, its programs attached.
  /// - Throws: one line that says what to do next; nothing is left attached.
  package static func open(
    _ bytes: [UInt8], name: String, programs: [String], ringBytes: UInt64? = nil,
    timestamps: TimestampSource? = nil, families: Set<EventFamily>? = nil, direct: [String] = [],
    prepare: (borrowing BPFObject) throws(BPFError) -> Void = { _ in }
  ) throws(CaptureError) -> ProgramRing {
    guard let cpus = CPUList.possible()?.max().map({ $0 + 1 }) else {
      throw CaptureError(
        "can't read /sys/devices/system/cpu/possible; check that /sys is mounted")
    }
    let geometry = try RingSize.geometry(bytes: ringBytes, possibleCPUs: cpus)
    var options = CaptureOptions()
    options.timestamps = timestamps
    options.families = families
    let facts = try KernelFacts(for: options)
    do {
      let object = try BPFObject(opening: bytes, name: name)
      try configure(object, options, facts: facts, geometry: geometry, cpus: cpus)
      try prepare(object)
      try object.load(
        direct: directMaps + direct, kernelFunctions: facts.preemptionFunctions)
      let maps = try MappedMaps(
        control: try object.map("control"), ring: try object.map("ring"),
        cpuState: try object.map("cpu_state"), geometry: geometry, cpus: cpus)
      maps.identify(geometry)
      let doorbell = try Doorbell(descriptor: try object.map("doorbell").descriptor)
      var links: [LinkBox] = []
      for program in programs { links.append(LinkBox(try object.attach(program))) }
      return ProgramRing(
        consumer: try maps.consume(geometry), doorbell: doorbell, links: links, object: object)
    } catch {
      throw CaptureError(wrapping: error)
    }
  }

  /// Sets an element of one of the object's own maps.
  ///
  /// - Parameters:
  ///   - name: the map.
  ///   - key: the element.
  ///   - value: laid out as the map's value type.
  /// - Throws: if there is no such map, or it has other sizes.
  package func update<Key: BitwiseCopyable, Value: BitwiseCopyable>(
    map name: String, key: Key, value: Value
  ) throws(BPFError) {
    try object.map(name).update(key: key, value: value)
  }

  /// Begins delivery, for all programs at the same moment.
  package func begin() { consumer.setControlSwitch(ControlLayout.enabled, 1) }

  /// Ends delivery and waits until no program runs any more; what they published is still to be
  /// drained, and the counters are at rest. ``begin()`` may follow.
  package func end() {
    consumer.setControlSwitch(ControlLayout.enabled, 0)
    waitForPrograms()
  }

  /// Waits once, by `waiter`; to be called when a drain delivered nothing.
  ///
  /// - Parameters:
  ///   - waiter: the consumer's.
  ///   - deadline: ns of `CLOCK_MONOTONIC` by which to return.
  package mutating func wait(_ waiter: inout Waiter, deadline: UInt64) {
    _ = waiter.wait(&consumer, doorbell: doorbell, interrupt: -1, deadline: deadline)
  }

  /// Runs that the kernel skipped, of all programs; monotonic.
  package func missed() throws(BPFError) -> UInt64 {
    var sum: UInt64 = 0
    for box in links { sum &+= try box.link.missed() }
    return sum
  }
}

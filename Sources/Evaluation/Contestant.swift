import BPFLoader
import CEvaluation
import EvaluationTransports
import Sequencer

/// What is measured in a loop inside the kernel: a transport with its consumer, or a control without.
struct Contestant {
  /// As rows name it.
  let name: String
  /// Sends events.
  let loop: EventLoop
  /// Events that are sent between two drains, by all CPUs together: what the buffers hold, and no more
  /// than a loop may keep a CPU for.
  let batch: Int
  private let transport: (any EventTransport)?
  // Keeps a control loaded.
  private let source: EventSource

  /// The most events of one call: some hundred microseconds without preemption.
  private static let longest = 10_000

  /// Loads a transport; it is ready to send.
  ///
  /// - Parameters:
  ///   - transport: which.
  ///   - settings: the machine's CPUs.
  ///   - options: what it is loaded with.
  ///   - longest: the most events of a batch.
  ///   - name: as rows name it; nil: as the transport.
  /// - Throws: one line that says what to do next.
  init(
    _ transport: Transport, _ settings: EvaluationSettings, _ options: EventOptions,
    longest: Int = Contestant.longest, name: String? = nil
  ) throws {
    let open = try transport.open(options)
    open.begin()
    self.transport = open
    source = open.source
    loop = open.source.loop
    self.name = name ?? transport.rawValue
    let bytes = transport.bytes(
      of: options.bytes, cpus: settings.cpus.count, cpusPerShard: options.cpusPerShard)
    // One CPU's share, as the others may have none of it.
    let shards =
      switch transport {
      case .sequencer, .ringbuf, .ringbufBatched: 1
      case .ringbufTime, .ringbufTicket:
        (settings.cpus.count + options.cpusPerShard - 1) / options.cpusPerShard
      case .perf, .perfEvery, .perf8K, .perf64K: settings.cpus.count
      }
    let fitting = bytes / shards * 8 / 10 / transport.bytesOfEvent(options.payload)
    // A wake-up for each event costs microseconds.
    let wakes = transport == .perfEvery || transport == .perf8K || transport == .perf64K
    batch = max(1, min(fitting, wakes ? longest / 10 : longest))
  }

  /// Loads a control.
  init(_ control: Control, _ options: EventOptions) throws {
    source = try EventSource.open(control, options)
    loop = source.loop
    name = control.rawValue
    transport = nil
    batch = Contestant.longest
  }

  /// Loads a loop that is neither: an experiment's, `program` of BPF/Evaluation/Programs.
  init(program: String, name: String, _ options: EventOptions) throws {
    source = try EventSource.open(experiment: program, options)
    loop = source.loop
    self.name = name
    transport = nil
    batch = Contestant.longest
  }

  /// Fills the buffers on a CPU.
  ///
  /// - Parameters:
  ///   - cpu: where it is sent from.
  ///   - count: events; nil: a ``batch``.
  /// - Throws: if the loop can't be run on that CPU.
  func fill(on cpu: Int, count: Int? = nil) throws {
    let loop = self.loop
    let count = count ?? batch
    _ = try PinnedThreads.run(on: [cpu]) { _ in
      // In calls of some hundred microseconds: preemption is off meanwhile.
      var sent = 0
      while sent < count {
        let burst = min(5000, count - sent)
        try loop.send(burst, from: UInt64(sent))
        sent += burst
      }
    }
  }

  /// Empties on a CPU what ``fill(on:count:)`` put into the buffers.
  ///
  /// - Parameters:
  ///   - cpu: where it is drained.
  ///   - count: events that are there; nil: a ``batch``.
  /// - Returns: ns an event.
  /// - Throws: if not every event was there.
  func timedDrain(on cpu: Int, count: Int? = nil) throws -> Double {
    let count = count ?? batch
    guard let transport else { throw EvaluationError("\(name) has nothing to drain") }
    guard evaluation_pin(Int32(cpu)) == 0 else {
      throw EvaluationError("can't run on CPU \(cpu); choose --cpus that are allowed")
    }
    var sink = EventSink(.count)
    let began = monotonicNow()
    while try transport.drain(&sink, limit: .max) > 0 {}
    let elapsed = monotonicNow() - began
    guard sink.count == count else {
      throw EvaluationError(
        "\(name) delivered \(sink.count) of \(count) events that fit its buffers")
    }
    return Double(elapsed) / Double(count)
  }

  /// ns an event on each of `cpus` at the same time, the median of a few batches; drained between them.
  func cost(on cpus: [Int], batches: Int = 8) throws -> Double {
    let share = max(1, batch / cpus.count)
    let loop = self.loop
    var rates: [Double] = []
    for _ in 0..<batches {
      let outcomes = try PinnedThreads.run(on: cpus) { _ in
        try loop.send(share)
        return share
      }
      rates.append(PinnedThreads.rate(outcomes))
      try drain()
    }
    rates.sort()
    return Double(cpus.count) / rates[rates.count / 2] * 1e9
  }

  /// Empties the buffers.
  func drain() throws {
    guard let transport else { return }
    var sink = EventSink(.count)
    while try transport.drain(&sink, limit: .max) > 0 {}
  }
}

extension Transport {
  /// Bytes that an event of `payload` bytes takes in the buffers.
  func bytesOfEvent(_ payload: Int) -> Int {
    switch self {
    // A line of metadata, whole slots of 128 bytes.
    case .sequencer: (64 + payload + 127) / 128 * 128
    // 8 bytes of header (BPF_RINGBUF_HDR_SZ), rounded to 8.
    case .ringbuf, .ringbufBatched, .ringbufTime, .ringbufTicket: (payload + 8 + 7) / 8 * 8
    // struct perf_event_header and the sample's length, rounded to 8.
    case .perf, .perfEvery, .perf8K, .perf64K: (payload + 12 + 7) / 8 * 8
    }
  }
}

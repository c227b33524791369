import EvaluationCKit

/// A way from the kernel to user space, as the evaluation names it in its rows.
package enum Transport: String, CaseIterable, Sendable {
  /// This project's ring.
  case sequencer
  /// One BPF ringbuf, read by libbpf: the position is given back after each record.
  case ringbuf
  /// The same, by a consumer that gives its position back once a batch.
  case ringbufBatched = "ringbuf-batched"
  /// A ringbuf for every few CPUs, merged by time: the layout of Falco's modern probe.
  case ringbufTime = "ringbuf-time"
  /// The same, numbered by a shared counter and merged by that: as exact an order as the sequencer's.
  case ringbufTicket = "ringbuf-ticket"
  /// perf buffers of as many bytes in all as the others have, woken once in ``wakeInterval`` events.
  case perf
  /// The same, woken at every event.
  case perfEvery = "perf-every"
  /// perf buffers of 8 KiB a CPU, woken at every event: what the paper's program really ran with.
  case perf8K = "perf-8k"
  /// perf buffers of 64 KiB a CPU, woken at every event: what the paper's text says.
  case perf64K = "perf-64k"

  /// Events between two wake-ups of ``perf``.
  package static var wakeInterval: UInt32 { 64 }

  /// Those that hand over one order of all CPUs.
  package static var ordered: [Transport] {
    [.sequencer, .ringbuf, .ringbufBatched, .ringbufTime, .ringbufTicket]
  }

  /// Whether its order is made in user space, of several buffers.
  package var isMerged: Bool { self == .ringbufTime || self == .ringbufTicket }

  /// Whether its buffers have the bytes that all are given; the others have the paper's.
  package var hasEqualBytes: Bool { self != .perf8K && self != .perf64K }

  /// Bytes of its buffers, all CPUs together, where `total` are given.
  package func bytes(of total: UInt64, cpus: Int, cpusPerShard: Int) -> Int {
    switch self {
    case .sequencer, .ringbuf, .ringbufBatched: return Int(total)
    case .ringbufTime, .ringbufTicket:
      let shards = (cpus + cpusPerShard - 1) / cpusPerShard
      return ShardTransport.bytesOfShard(total, shards: shards) * shards
    case .perf, .perfEvery, .perf8K, .perf64K:
      return PerfTransport.bytesOfCPU(self, total, cpus: cpus) * cpus
    }
  }

  var kind: eval_transport {
    switch self {
    case .sequencer: EVAL_SEQUENCER
    case .ringbuf, .ringbufBatched: EVAL_RINGBUF
    case .ringbufTime: EVAL_RINGBUF_TIME
    case .ringbufTicket: EVAL_RINGBUF_TICKET
    case .perf, .perfEvery, .perf8K, .perf64K: EVAL_PERF
    }
  }

  /// The program of BPF/Evaluation that sends in a loop.
  var loop: String {
    switch self {
    case .sequencer: "eval_run_sequencer"
    case .ringbuf, .ringbufBatched: "eval_run_ringbuf"
    case .ringbufTime, .ringbufTicket: "eval_run_shard"
    case .perf, .perfEvery, .perf8K, .perf64K: "eval_run_perf"
    }
  }
}

/// What transports are held against: loops without one.
package enum Control: String, CaseIterable, Sendable {
  /// The loop alone.
  case null
  /// A counter of each CPU's own: whether the machine gives a second CPU what it gave the first.
  case privateCounter = "private-counter"
  /// One shared counter.
  case fetchAdd = "fetch-add"
  /// One shared counter and the payload into the slot that it names: no gate, no account, no consumer.
  case bare = "bare"

  var kind: eval_transport {
    switch self {
    case .null: EVAL_NULL
    case .privateCounter: EVAL_PRIVATE
    case .fetchAdd: EVAL_FETCH_ADD
    case .bare: EVAL_BARE
    }
  }

  var loop: String {
    switch self {
    case .null: "eval_run_null"
    case .privateCounter: "eval_run_private"
    case .fetchAdd: "eval_run_fetch_add"
    case .bare: "eval_run_bare"
    }
  }
}

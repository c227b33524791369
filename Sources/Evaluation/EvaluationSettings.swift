import BPFLoader
import CEvaluation
package import EvaluationTransports
import SequencerABI

/// What is measured, and for how long.
package struct EvaluationSettings: Sendable {
  /// Rounds of each measurement; transports take turns in each of them.
  package var rounds = 9
  /// CPU counts to measure, ascending: 1, 2, 4 … all.
  package var cpuCounts: [Int] = []
  /// The CPUs online, ascending: a count of n takes the last n of them, so that the first is left to the
  /// consumer as long as there is one to spare.
  package var cpus: [Int] = []
  /// Payloads, bytes.
  package var payloads = [8, 56, 120, 248]
  /// Transports to measure.
  package var transports = Transport.allCases
  /// Bytes of each transport's buffers, all CPUs together.
  package var bytes: UInt64 = atLeast(4 << 20)
  /// Shorter rounds and fewer of them.
  package var isQuick = false

  /// Processes of a storm, in place of what ``CapturePart`` makes by itself.
  package var forks: Int?

  /// The user chose ``rounds``: parts that take more or fewer by themselves keep to it.
  package var hasOwnRounds = false

  /// Everything, in the time that `ordinal bench all` has.
  package init() {}

  /// The CPU that consumers run on.
  package var consumerCPU: Int { cpus.first ?? 0 }

  /// Has the calling thread, a consumer, run on ``consumerCPU`` alone: else it is woken onto a producer's CPU.
  ///
  /// - Throws: ``EvaluationError`` if that CPU may not be used.
  package func pinConsumer() throws {
    guard evaluation_pin(Int32(consumerCPU)) == 0 else {
      throw EvaluationError("can't run on CPU \(consumerCPU); choose --cpus that are allowed")
    }
  }

  /// The CPUs of `count` producers: the consumer's comes last.
  package func producerCPUs(_ count: Int) -> [Int] { Array(cpus.reversed().prefix(count)) }

  /// `bytes`, or where the ring needs more for this machine's possible CPUs, that: buffers of all transports
  /// stay equal.
  package static func atLeast(_ bytes: UInt64) -> UInt64 {
    let cpus = (CPUList.possible()?.max() ?? 0) + 1
    return max(
      bytes, RingGeometry.minimumCapacity(possibleCPUs: UInt64(cpus)) * UInt64(Slot.size))
  }

  /// Powers of two below `all`, and `all`.
  package static func counts(upTo all: Int) -> [Int] {
    var counts: [Int] = []
    var count = 1
    while count < all {
      counts.append(count)
      count *= 2
    }
    return counts + [all]
  }

  /// Bytes of the transports' buffers, all CPUs together, by transport.
  package var sizes: [String: Int] {
    Dictionary(
      uniqueKeysWithValues: transports.map {
        ($0.rawValue, $0.bytes(of: bytes, cpus: cpus.count, cpusPerShard: cpusPerShard))
      })
  }

  /// CPUs that share a ringbuf where there are several: two, as Falco has it; one where that would leave
  /// only one ringbuf.
  package var cpusPerShard: Int { cpus.count > 2 ? 2 : 1 }

  /// Options of a transport as all parts load it.
  package func options(payload: Int = 56) -> EventOptions {
    var options = EventOptions()
    options.payload = payload
    options.bytes = bytes
    options.cpusPerShard = cpusPerShard
    return options
  }
}

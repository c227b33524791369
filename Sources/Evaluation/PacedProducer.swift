import CEvaluation
import CSequencerAtomics
package import EvaluationTransports
import Glibc
import Sequencer

/// Sends events at a rate of its choice from inside the kernel, in small bursts.
package struct PacedProducer: Sendable {
  /// What came of it.
  package struct Outcome: Sendable {
    /// Events sent.
    package var sent: Int
    /// Events a second over the whole time.
    package var rate: Double
    /// Bursts that began later than they should by more than the time between two.
    package var late: Int
  }

  /// Events a second.
  package let rate: Double
  /// Events of one call into the kernel.
  package let burst: Int

  /// A producer of `rate` events a second, in bursts of at most 25 microseconds' worth, 1024 events.
  package init(rate: Double) {
    self.rate = rate
    burst = max(1, min(1024, Int(rate * 25e-6)))
  }

  /// Sends for `nanoseconds`, in the calling thread.
  ///
  /// A burst that is late is sent at once; what a thread missed for longer than a millisecond (it did not
  /// run) is left out, so that no flood follows.
  package func run(_ loop: EventLoop, nanoseconds: UInt64) throws -> Outcome {
    let began = monotonicNow()
    let interval = Double(burst) / rate * 1e9
    var due = Double(began)
    var sent = 0
    var late = 0
    var now = began
    while now &- began < nanoseconds {
      now = monotonicNow()
      while Double(now) < due {
        // A long way to go is slept: a slow producer leaves its CPU to others.
        if due - Double(now) > 200_000 {
          var time = timespec(tv_sec: 0, tv_nsec: Int(min(due - Double(now) - 100_000, 9e8)))
          _ = unsafe nanosleep(&time, nil)
        } else {
          seq_spin_hint()
        }
        now = monotonicNow()
      }
      if Double(now) - due > interval { late += 1 }
      if Double(now) - due > 1_000_000 { due = Double(now) }
      try loop.send(burst, from: UInt64(sent))
      sent += burst
      due += interval
    }
    let elapsed = Double(monotonicNow() - began)
    return Outcome(sent: sent, rate: Double(sent) / elapsed * 1e9, late: late)
  }
}

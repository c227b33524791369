import CEvaluation
import Synchronization

/// A token that threads pass on, each emitting its event before it lets go.
@safe final class TokenBaton: @unchecked Sendable {
  // Written by the threads in turn, atomically, in C.
  private let turn: UnsafeMutablePointer<UInt64>
  private let seats = Atomic<UInt64>(0)

  init() {
    unsafe turn = .allocate(capacity: 1)
    unsafe turn.initialize(to: 0)
  }

  deinit { unsafe turn.deallocate() }

  /// Takes a seat among `threads` threads and passes tokens on until there were `end`, or it is `until` ns of
  /// `CLOCK_MONOTONIC`.
  ///
  /// - Returns: the tokens emitted here, in order.
  func pass(of threads: Int, to end: UInt64, until: UInt64) -> [UInt64] {
    let seat = seats.add(1, ordering: .relaxed).oldValue
    return unsafe [UInt64](unsafeUninitializedCapacity: Int(end)) { log, count in
      guard let base = log.baseAddress else { return }
      count = Int(unsafe evaluation_pass_tokens(turn, seat, UInt64(threads), end, until, base))
    }
  }
}

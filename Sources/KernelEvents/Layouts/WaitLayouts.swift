import SequencerABI

extension EventLayout {
  private typealias Futex = MemoryLayout<FutexPayload>
  private typealias Lock = MemoryLayout<LockPayload>

  static let futexEnter = EventLayout(
    .futexEnter, "A task calls on a futex: it is about to wait, or to wake.",
    source: "sys_enter of futex(), futex_wait(), futex_wake(), futex_requeue(), futex_waitv()",
    size: Futex.size, fields: futexFields)

  static let futexExit = EventLayout(
    .futexExit, "A task comes back from a call on a futex.",
    source: "sys_exit of futex(), futex_wait(), futex_wake(), futex_requeue(), futex_waitv()",
    size: Futex.size,
    fields: futexFields + [
      EventField(
        "result", at: Futex.offset(of: \.result), 8, .result,
        "0 for a wait that was woken, the number of tasks woken or moved, or an error below 0.")
    ])

  private static let futexFields = [
    systemCall,
    EventField(
      "operation", at: Futex.offset(of: \.operation), 4, .named(.futexOperation),
      "FUTEX_ operation without flags; 255 for futex_waitv()."),
    EventField(
      "flags", at: Futex.offset(of: \.flags), 4, .flags(.futexFlags),
      "The operation's flags; 0 for the calls other than futex()."),
    EventField(
      "address", at: Futex.offset(of: \.address), 8, .hexadecimal,
      "The futex's address in the caller; of futex_waitv() and futex_requeue() that of the list."),
    EventField(
      "second_address", at: Futex.offset(of: \.secondAddress), 8, .hexadecimal,
      "The second futex of a requeue or a wake-op, else 0."),
    EventField(
      "value", at: Futex.offset(of: \.value), 4, .number,
      "The value waited on, how many to wake, or how many futexes are in the list."),
  ]

  static let lockWait = EventLayout(
    .lockWait, "A task waits for a kernel lock that is not free.",
    source: "contention_begin, kernel/locking", size: Lock.size,
    fields: [
      lock,
      EventField(
        "flags", at: Lock.offset(of: \.flags), 4, .flags(.lockContention),
        "The kind of lock and of wait; 0 is a mutex or a semaphore that sleeps."),
    ])

  static let lockAcquired = EventLayout(
    .lockAcquired, "A wait for a kernel lock has ended.",
    source: "contention_end, kernel/locking", size: Lock.size,
    fields: [
      lock,
      EventField(
        "result", at: Lock.offset(of: \.result), 4, .result,
        "0 where the lock is held, or why the wait was given up."),
    ])

  private static let lock = EventField(
    "lock", at: Lock.offset(of: \.lock), 8, .hexadecimal,
    "The lock's address in the kernel: the same for a wait and its end.")
}

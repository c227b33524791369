import KernelEvents
import SequencerABI

// What must hold of begins and ends: system calls, calls on futexes, waits for locks.

extension CausalityVerifier {
  mutating func checkCallBegins(
    _ task: TaskKey, at place: Int32, _ detail: UInt16, _ mark: EventMark
  ) {
    let entry = tasks.entries[Int(place)]
    if entry.flags.contains(.inCall), !CallNumbers.mayNotEnd(entry.callDetail), isWholeTask(entry) {
      report(
        .callInsideCall, task, mark, against: entry.call, unlessLost: EventFamily.syscall.bit)
    }
    tasks.entries[Int(place)].flags.insert(.inCall)
    tasks.entries[Int(place)].callDetail = detail
    tasks.entries[Int(place)].call = mark
  }

  /// An end without a begin proves nothing: seccomp and debuggers keep calls from beginning, and new tasks
  /// come out of the call that made them.
  mutating func checkCallEnds(_ task: TaskKey, at place: Int32, _ detail: UInt16, _ mark: EventMark)
  {
    let entry = tasks.entries[Int(place)]
    guard entry.flags.contains(.inCall) else { return }
    if entry.callDetail != detail, !CallNumbers.mayNotEnd(entry.callDetail), isWholeTask(entry) {
      report(
        .otherCallEnded, task, mark, against: entry.call, unlessLost: EventFamily.syscall.bit)
    }
    tasks.entries[Int(place)].flags.remove(.inCall)
  }

  mutating func checkFutexBegins(_ task: TaskKey, at place: Int32, _ mark: EventMark) {
    let entry = tasks.entries[Int(place)]
    if entry.flags.contains(.inFutex), isWholeTask(entry) {
      report(.callInsideCall, task, mark, against: entry.futex, unlessLost: EventFamily.futex.bit)
    }
    tasks.entries[Int(place)].flags.insert(.inFutex)
    tasks.entries[Int(place)].futex = mark
  }

  mutating func checkLock(
    _ payload: LockPayload, isEnd: Bool, _ task: TaskKey, at place: Int32, _ mark: EventMark
  ) {
    // Before its birth a task may have been seen in the middle of a wait.
    let entry = tasks.entries[Int(place)]
    guard isWholeTask(entry), entry.flags.contains(.forkSeen) else { return }
    if !isEnd { return locks.begin(payload.lock, task, born: entry.origin.sequence) }
    if locks.end(payload.lock, task, born: entry.origin.sequence) { return }
    report(
      .lockNotWaitedFor, task, mark, against: entry.origin, unlessLost: EventFamily.lock.bit)
  }
}

/// System calls that may never end where they began.
enum CallNumbers {
  /// Calls that end a task or go back to where a signal came; and those in which a debugger may stop the task
  /// (PTRACE_EVENT_FORK and its like) and change its registers. All tables' numbers at once, as a
  /// recording may be another machine's: x86-64, arm64.
  private static let native: Set<UInt32> = [
    15, 56, 57, 58, 59, 60, 231, 322, 435, 93, 94, 139, 220, 221, 281,
  ]
  /// The same of 32-bit programs: i386, arm.
  private static let compat: Set<UInt32> = [
    1, 2, 11, 119, 120, 173, 190, 248, 252, 358, 387, 435,
  ]
  private static let nativeBits = bits(native)
  private static let compatBits = bits(compat)

  private static func bits(_ numbers: Set<UInt32>) -> [Bool] {
    (0..<SyscallDetail.numberLimit).map { numbers.contains($0) }
  }

  static func mayNotEnd(_ detail: UInt16) -> Bool {
    let number = Int(SyscallDetail.number(detail))
    return detail & SyscallDetail.compat == 0 ? nativeBits[number] : compatBits[number]
  }
}

/// The locks that tasks wait for.
///
/// Bounded: past ``limit`` tasks all are forgotten, and those born before are judged no more.
struct AwaitedLocks {
  fileprivate struct Waits {
    var locks = InlineArray<4, UInt64>(repeating: 0)
    var count = 0
    /// More than there is room for: an end proves nothing any more.
    var isOverfull = false
  }

  static let limit = 16_384
  private var waits: [TaskKey: Waits] = [:]
  /// Of tasks born up to here begins may be forgotten.
  private var forgottenUntil: UInt64 = 0
  private var highestBirth: UInt64 = 0

  mutating func begin(_ lock: UInt64, _ task: TaskKey, born: UInt64) {
    highestBirth = max(highestBirth, born)
    if waits.count >= AwaitedLocks.limit {
      waits.removeAll(keepingCapacity: true)
      forgottenUntil = highestBirth &+ 1
    }
    waits[task, default: Waits()].begin(lock)
  }

  /// Whether the wait for `lock` had begun, as far as is known.
  mutating func end(_ lock: UInt64, _ task: TaskKey, born: UInt64) -> Bool {
    if born < forgottenUntil { return true }
    return waits[task]?.end(lock) ?? false
  }

  mutating func forget(_ task: TaskKey) {
    if !waits.isEmpty { waits[task] = nil }
  }
}

extension AwaitedLocks.Waits {
  // A spin that turns into a sleep begins twice and ends once.
  fileprivate mutating func begin(_ lock: UInt64) {
    for index in 0..<count where locks[index] == lock { return }
    if count == 4 {
      isOverfull = true
      return
    }
    locks[count] = lock
    count += 1
  }

  fileprivate mutating func end(_ lock: UInt64) -> Bool {
    for index in 0..<count where locks[index] == lock {
      count -= 1
      locks[index] = locks[count]
      return true
    }
    return isOverfull
  }
}

import KernelEvents
import SequencerABI

// What must hold of signals, credentials and namespaces.

extension CausalityVerifier {
  private static var sigkill: UInt16 { 9 }
  private static var siUser: Int32 { 0 }

  mutating func noteGenerated(_ payload: SignalGeneratePayload, _ mark: EventMark) {
    if !isWhole { return }
    signals.generated(
      payload.signal, for: ProcessKey(pid: payload.targetPID, start: payload.targetProcessStart),
      at: mark.sequence)
  }

  /// Checks that a signal was generated for the process since its birth, more often than it took it.
  ///
  /// Not SIGKILL, which a process's end gives to all threads, and not what looks like a kill(): a debugger that
  /// puts another signal in a signal's place makes it look so (ptrace_signal(), kernel/signal.c).
  mutating func checkDelivered(
    _ payload: SignalDeliverPayload, to task: TaskKey, at place: Int32, _ mark: EventMark
  ) {
    let process = process(of: task, at: place)
    guard isWhole, process >= 0 else { return }
    let entry = tasks.entries[Int(process)]
    let isKnown = signals.delivered(
      payload.signal, to: ProcessKey(pid: task.pid, start: task.start),
      born: entry.origin.sequence)
    if isKnown || payload.signal == CausalityVerifier.sigkill || payload.hasInformation == 0
      || payload.code == CausalityVerifier.siUser || !entry.flags.contains(.forkSeen)
      || !isWholeTask(entry)
    {
      return
    }
    report(
      .deliveredNotGenerated, task, mark, against: entry.origin,
      unlessLost: EventFamily.signal.bit)
  }

  mutating func checkCredentials(_ event: DecodedEvent, _ actor: TaskKey, _ mark: EventMark) {
    guard isWhole, let payload = event.payload(as: CredentialsPayload.self) else { return }
    let size = MemoryLayout<FullCredentials>.size
    let end = MemoryLayout<CredentialsPayload>.size
    let earlier = credentials.change(
      of: TaskKey(payload.task), isOwn: TaskKey(payload.task) == actor,
      from: event.payload.sum(end - 2 * size..<end - size),
      to: event.payload.sum(end - size..<end), mark)
    if let earlier {
      reportIdentity(.credentialsDiffer, payload.task, mark, earlier, .credentials)
    }
  }

  mutating func checkNamespaces(_ event: DecodedEvent, _ actor: TaskKey, _ mark: EventMark) {
    guard isWhole, let payload = event.payload(as: NamespacePayload.self) else { return }
    let size = MemoryLayout<NamespaceSet>.size
    let end = MemoryLayout<NamespacePayload>.size
    let earlier = namespaces.change(
      of: TaskKey(payload.task), isOwn: TaskKey(payload.task) == actor,
      from: event.payload.sum(end - 2 * size..<end - size),
      to: event.payload.sum(end - size..<end), mark)
    if let earlier { reportIdentity(.namespacesDiffer, payload.task, mark, earlier, .namespace) }
  }

  private mutating func reportIdentity(
    _ rule: CausalityRule, _ reference: TaskReference, _ mark: EventMark, _ earlier: EventMark,
    _ family: EventFamily
  ) {
    let task = TaskKey(reference)
    let place = tasks.find(task)
    guard place >= 0, isWholeTask(tasks.entries[Int(place)]) else { return }
    report(rule, task, mark, against: earlier, unlessLost: family.bit | EventFamily.process.bit)
  }

  /// What a task was last told to be says nothing any more: it ends, is made anew, or runs a program.
  mutating func forgetIdentities(of task: TaskKey) {
    credentials.forget(task)
    namespaces.forget(task)
    locks.forget(task)
  }
}

extension TaskKey {
  fileprivate init(_ reference: TaskReference) {
    self.init(pid: reference.pid, tid: reference.tid, start: reference.processStart)
  }
}

extension RawSpan {
  /// A sum over bytes that are a multiple of 8.
  fileprivate func sum(_ range: Range<Int>) -> UInt64 {
    var sum: UInt64 = 0
    for offset in stride(from: range.lowerBound, to: range.upperBound, by: 8) {
      sum = (sum ^ value(at: offset, as: UInt64.self)) &* 0x9E37_79B9_7F4A_7C15
      sum ^= sum >> 32
    }
    return sum
  }
}

/// Signals generated for processes and not yet taken.
///
/// A count too high only hides a violation: a signal that is flushed, read from a descriptor or waited for is never
/// delivered. Bounded: past ``limit`` all are forgotten, and processes born before are judged no more.
struct PendingSignals {
  private struct Key: Hashable {
    var process: ProcessKey
    var signal: UInt16
  }

  static let limit = 32_768
  private var counts: [Key: UInt32] = [:]
  private var forgottenUntil: UInt64 = 0

  /// One of the same number that is pending already may be for another thread: it counts too.
  mutating func generated(_ signal: UInt16, for process: ProcessKey, at sequence: UInt64) {
    if counts.count >= PendingSignals.limit {
      counts.removeAll(keepingCapacity: true)
      forgottenUntil = sequence
    }
    counts[Key(process: process, signal: signal), default: 0] &+= 1
  }

  /// Whether the signal was generated, as far as is known.
  mutating func delivered(_ signal: UInt16, to process: ProcessKey, born: UInt64) -> Bool {
    let key = Key(process: process, signal: signal)
    guard let count = counts[key] else { return born < forgottenUntil }
    counts[key] = count > 1 ? count - 1 : nil
    return true
  }
}

/// What tasks were told to be after their last change. Bounded: past ``limit`` all are forgotten.
struct LastIdentities {
  static let limit = 16_384
  private var known: [TaskKey: (sum: UInt64, mark: EventMark)] = [:]

  /// Takes in a change.
  ///
  /// - Returns: the task's last change, where that did not lead to what this one begins with.
  mutating func change(
    of task: TaskKey, isOwn: Bool, from before: UInt64, to after: UInt64, _ mark: EventMark
  ) -> EventMark? {
    var contradicted: EventMark?
    // Of a task that is being made the maker's are told as those before.
    if isOwn, let last = known[task], last.sum != before { contradicted = last.mark }
    if known.count >= LastIdentities.limit { known.removeAll(keepingCapacity: true) }
    known[task] = (after, mark)
    return contradicted
  }

  mutating func forget(_ task: TaskKey) {
    if !known.isEmpty { known[task] = nil }
  }
}

import KernelEvents
import SequencerABI

extension DecodedEvent {
  /// The process that the event was done to, by the first task that its kind's layout names; nil where there
  /// is none. A fork's child is told by the fork.
  var target: ProcessKey? {
    guard let (field, start, _) = targetField else { return nil }
    let pid = UInt32(truncatingIfNeeded: payload.number(field))
    // The idle task is no process, and a task that is not known has no pid.
    guard pid != 0 else { return nil }
    return ProcessKey(pid: pid, start: payload.value(at: start, as: UInt64.self))
  }

  /// The name of ``target``'s task; empty where there is none.
  var targetComm: RawSpan {
    @_lifetime(copy self)
    get {
      guard let (_, _, comm) = targetField else { return payload.extracting(0..<0) }
      return payload.comm(at: comm)
    }
  }

  private var targetField: (field: EventField, start: Int, comm: Int)? {
    guard let layout = EventLayout.of(kind) else { return nil }
    for field in layout.fields {
      switch field.form {
      case .task(_, let start, let comm), .optionalTask(_, let start, let comm):
        return (field, start, comm)
      default: continue
      }
    }
    return nil
  }
}

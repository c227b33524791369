/// Payload of ``EventKind/signalGenerate``: one slot with its header.
///
/// The header tells of the task that was running where the signal was generated: the sender of a
/// kill(), the task itself for a fault, whoever was interrupted for a timer. Source:
/// `__send_signal_locked()` in kernel/signal.c, tracepoint `signal_generate`.
public struct SignalGeneratePayload: BitwiseCopyable, Sendable {
  /// Name of the running task.
  public var comm: TaskComm
  /// Thread-group id of the task the signal is for.
  public var targetPID: UInt32
  /// Thread id of that task; for a signal to the whole process, the task the kernel was given.
  public var targetTID: UInt32
  /// Start of its process, ns of `CLOCK_MONOTONIC`.
  public var targetProcessStart: UInt64
  /// The signal's number.
  public var signal: UInt16
  /// What became of it: ``SignalResult``.
  public var result: UInt8
  /// 1: for the whole process, 0: for the one thread.
  public var isGroup: UInt8
  /// `si_code`: who generated it and why.
  public var code: Int32
  /// `si_pid`, in the pid namespace of the target; valid for the codes that carry it.
  public var senderPID: UInt32
  /// `si_uid`, in the user namespace of the target; valid for the codes that carry it.
  public var senderUID: UInt32
  /// Name of the task the signal is for.
  public var targetComm: TaskComm
}

/// What became of a generated signal (`TRACE_SIGNAL_…` in include/trace/events/signal.h).
public enum SignalResult: UInt8, Sendable, CaseIterable {
  /// Queued.
  case delivered = 0
  /// The target ignores it.
  case ignored = 1
  /// One of the same number was pending already.
  case alreadyPending = 2
  /// The target's queue was full: sending failed.
  case overflow = 3
  /// The queue was full: queued without its information.
  case informationLost = 4
}

/// Payload of ``EventKind/signalDeliver``: one slot with its header, which tells of the task that
/// takes the signal.
///
/// Source: `get_signal()` in kernel/signal.c, tracepoint `signal_deliver`.
public struct SignalDeliverPayload: BitwiseCopyable, Sendable {
  /// Name of the task.
  public var comm: TaskComm
  /// The signal's number.
  public var signal: UInt16
  /// 1: the kernel has kept the signal's information; 0: it has not (a fatal SIGKILL's is dropped), and the
  /// next three mean nothing.
  public var hasInformation: UInt16
  /// `si_code`.
  public var code: Int32
  /// `si_pid`; valid for the codes that carry it.
  public var senderPID: UInt32
  /// `si_uid`; valid for the codes that carry it.
  public var senderUID: UInt32
  /// What will handle it: 0 the default action, 1 ignored, else the handler's address.
  public var handler: UInt64
  /// Flags of the action: `SA_…`.
  public var actionFlags: UInt64
  /// `si_addr`: the address of a fault; valid for the kernel's codes of the fault signals.
  public var faultAddress: UInt64
  public var reserved1: UInt64
}

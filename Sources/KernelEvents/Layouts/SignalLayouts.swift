import SequencerABI

extension EventLayout {
  private typealias Generate = MemoryLayout<SignalGeneratePayload>
  private typealias Deliver = MemoryLayout<SignalDeliverPayload>

  static let signalGenerate = EventLayout(
    .signalGenerate, "A signal was generated.",
    source: "signal_generate, __send_signal_locked() in kernel/signal.c", size: Generate.size,
    fields: [
      EventField(
        "signal", at: Generate.offset(of: \.signal), 2, .signal, "The signal's number."),
      EventField(
        "code", at: Generate.offset(of: \.code), 4,
        .signalCode(signal: Generate.offset(of: \.signal) ?? 0, information: nil),
        "si_code: who generated it and why."),
      EventField(
        "result", at: Generate.offset(of: \.result), 1, .named(.signalResult),
        "What became of it."),
      EventField(
        "group", at: Generate.offset(of: \.isGroup), 1, .boolean,
        "Whether it is for the whole process; else for the one thread."),
      EventField(
        "target", at: Generate.offset(of: \.targetPID), 4,
        .task(
          tid: Generate.offset(of: \.targetTID) ?? 0,
          start: Generate.offset(of: \.targetProcessStart) ?? 0,
          comm: Generate.offset(of: \.targetComm) ?? 0), "The task it is for."),
      EventField(
        "sender_pid", at: Generate.offset(of: \.senderPID), 4, .numberIf(generatedBySender),
        "si_pid: the sender in the target's pid namespace; null where the code tells none."),
      EventField(
        "sender_uid", at: Generate.offset(of: \.senderUID), 4, .numberIf(generatedBySender),
        "si_uid: the sender's real uid in the target's user namespace; null where the code tells none."
      ),
    ], otherComm: Generate.offset(of: \.targetComm))

  private static let generatedBySender = FieldCondition.codeTellsSender(
    signal: Generate.offset(of: \.signal) ?? 0, code: Generate.offset(of: \.code) ?? 0,
    information: nil)

  private static let deliveredBySender = FieldCondition.codeTellsSender(
    signal: Deliver.offset(of: \.signal) ?? 0, code: Deliver.offset(of: \.code) ?? 0,
    information: Deliver.offset(of: \.hasInformation))

  static let signalDeliver = EventLayout(
    .signalDeliver, "A task takes a signal.",
    source: "signal_deliver, get_signal() in kernel/signal.c", size: Deliver.size,
    fields: [
      EventField(
        "signal", at: Deliver.offset(of: \.signal), 2, .signal, "The signal's number."),
      EventField(
        "code", at: Deliver.offset(of: \.code), 4,
        .signalCode(
          signal: Deliver.offset(of: \.signal) ?? 0,
          information: Deliver.offset(of: \.hasInformation)),
        "si_code: who generated it and why."),
      EventField(
        "sender_pid", at: Deliver.offset(of: \.senderPID), 4, .numberIf(deliveredBySender),
        "si_pid: the sender in the task's pid namespace; null where the code tells none."),
      EventField(
        "sender_uid", at: Deliver.offset(of: \.senderUID), 4, .numberIf(deliveredBySender),
        "si_uid: the sender's real uid in the task's user namespace; null where the code tells none."
      ),
      EventField(
        "address", at: Deliver.offset(of: \.faultAddress), 8,
        .hexadecimalIf(
          .codeTellsAddress(
            signal: Deliver.offset(of: \.signal) ?? 0, code: Deliver.offset(of: \.code) ?? 0,
            information: Deliver.offset(of: \.hasInformation))),
        "si_addr: the address of a fault; null where the code tells none."),
      EventField(
        "handler", at: Deliver.offset(of: \.handler), 8, .hexadecimal,
        "The handler's address; 0 is the default action, 1 is to ignore."),
      EventField(
        "action_flags", at: Deliver.offset(of: \.actionFlags), 8, .hexadecimal,
        "SA_ flags of the action, as the kernel keeps them."),
    ])
}

extension NumberNames {
  /// ``SequencerABI/SignalResult``, in the words of include/trace/events/signal.h, which is no UAPI header.
  static let signalResult = NumberNames([
    (0, "delivered"), (1, "ignored"), (2, "already_pending"), (3, "overflow_fail"),
    (4, "lose_info"),
  ])
}

/// What a signal's `si_code` says (include/uapi/asm-generic/siginfo.h).
public enum SignalCode {
  /// The name of a code: of all signals, or of this one.
  ///
  /// - Parameters:
  ///   - code: `si_code`.
  ///   - signal: the signal's number.
  /// - Returns: the name, or nil.
  public static func name(of code: Int32, signal: UInt16) -> StaticString? {
    let key = UInt64(UInt32(bitPattern: code))
    if code <= 0 || code == kernel { return NumberNames.signalCode.name(of: key) }
    return switch signal {
    case 4: NumberNames.illCode.name(of: key)
    case 5: NumberNames.trapCode.name(of: key)
    case 7: NumberNames.busCode.name(of: key)
    case 8: NumberNames.fpeCode.name(of: key)
    case 11: NumberNames.segvCode.name(of: key)
    case 17: NumberNames.childCode.name(of: key)
    case 29: NumberNames.pollCode.name(of: key)
    case 31: NumberNames.sysCode.name(of: key)
    default: nil
    }
  }

  private static var kernel: Int32 { 0x80 }

  /// Whether `si_pid` and `si_uid` mean something: SI_USER, SI_QUEUE, SI_MESGQ, SI_TKILL, and the child's
  /// codes of SIGCHLD.
  package static func tellsSender(_ code: Int32, signal: UInt16) -> Bool {
    switch code {
    case 0, -1, -3, -6: true
    case 1...6: signal == 17
    default: false
    }
  }

  /// Whether `si_addr` means something: the kernel's own codes of SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV.
  package static func tellsAddress(_ code: Int32, signal: UInt16) -> Bool {
    code > 0 && code != kernel && [4, 5, 7, 8, 11].contains(signal)
  }
}

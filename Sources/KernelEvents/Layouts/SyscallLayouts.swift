import SequencerABI

extension EventLayout {
  private typealias Enter = MemoryLayout<SyscallEnterPayload>
  private typealias Exit = MemoryLayout<SyscallExitPayload>

  static let syscallEnter = EventLayout(
    .syscallEnter, "A system call begins.",
    source: "sys_enter, syscall_trace_enter() in kernel/entry/common.c", size: Enter.size,
    fields: [
      systemCall,
      EventField(
        "args", at: Enter.offset(of: \.arguments), 48, .registers,
        "The six argument registers, used by the call or not."),
    ])

  static let syscallExit = EventLayout(
    .syscallExit,
    "A system call ends. rt_sigreturn(), which goes back to where a signal came, has no end.",
    source: "sys_exit, syscall_exit_work() in kernel/entry/common.c", size: Exit.size,
    fields: [
      systemCall,
      EventField(
        "result", at: Exit.offset(of: \.result), 8, .result,
        "What it returns; -4095 to -1 is an error."),
    ])

  /// The call's number, of every kind that has it in the record's header.
  static let systemCall = EventField(
    "syscall", at: -1, 2, .systemCall,
    "The call's number, in the table that abi names; syscall_name is null where that has none.")
}

extension DecodedEvent {
  /// The system call of a ``SequencerABI/EventKind/syscallEnter`` or its exit: number and table.
  public var systemCall: (number: UInt32, abi: SyscallABI) {
    let detail = flags.detail
    let isCompat = detail & SyscallDetail.compat != 0
    let native = SyscallABI.ofEvents
    // A 32-bit caller on arm64 uses arm's numbers, of which there is no table here.
    return (SyscallDetail.number(detail), isCompat && native == .x86_64 ? .i386 : native)
  }
}

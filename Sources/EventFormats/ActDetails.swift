import KernelEvents
import SequencerABI

/// What `pretty` and `compact` say of acts on tracees, BPF objects, modules and mounts: the act, `->` to what it
/// is done to, and `=` what came of it.
extension OutputBuffer {
  /// Appends a request of ptrace().
  mutating func append(ptrace act: PtracePayload, _ event: DecodedEvent) {
    if let name = NumberNames.ptraceRequest.name(of: UInt64(act.request)) {
      append(name)
    } else {
      append("request ")
      append(shortHexadecimal: UInt64(act.request))
    }
    if act.request == PtraceRequest.traceMe {
      append(" by ")
      append(
        task: act.tracer.pid, act.tracer.tid,
        event.payload.comm(at: MemoryLayout<PtracePayload>.offset(of: \.tracer.comm) ?? 0))
    } else {
      append(" -> ")
      if act.target.pid == 0 {
        append(decimal: act.askedPID)
        append(", no tracee of its own")
      } else {
        append(task: act.target.pid, act.target.tid, event.otherComm)
      }
    }
    if act.address != 0 {
      append(" at ")
      append(shortHexadecimal: act.address)
    }
    if act.data != 0 {
      append(", ")
      append(ptraceData: act)
    }
    append(" = ")
    append(result: act.result)
  }

  /// Appends the fourth argument of ptrace(): options, a signal, or a number.
  private mutating func append(ptraceData act: PtracePayload) {
    if PtraceRequest.takingOptions.contains(act.request) {
      append(flags: act.data, .ptraceOption)
    } else if PtraceRequest.takingSignal.contains(act.request), act.data <= 64 {
      append(signalName: UInt8(act.data))
    } else {
      append("data ")
      append(shortHexadecimal: act.data)
    }
  }

  /// Appends a call that reads or writes another process's memory.
  mutating func append(processMemory act: ProcessMemoryPayload) {
    append(act.isWrite != 0 ? "writes memory of " : "reads memory of ")
    append(decimal: act.askedPID)
    if act.remoteAddress != 0 {
      append(" at ")
      append(shortHexadecimal: act.remoteAddress)
    }
    if act.remoteCount != 1 {
      append(", ")
      append(decimal: act.remoteCount)
      append(" ranges")
    }
    append(" = ")
    append(result: act.result)
    if act.result > 0 { append(act.result == 1 ? " byte" : " bytes") }
  }

  /// Appends a command of bpf(), and what its result stands for.
  mutating func append(bpf act: BPFPayload, _ event: DecodedEvent) {
    append(number: UInt64(act.command), .bpfCommand, "command ")
    switch BPFObjectKind(rawValue: act.object) {
    case .program: append(" -> program ")
    case .map: append(" -> map ")
    case .some(.none), nil:
      append(" = ")
      return append(result: act.result)
    }
    append(decimal: act.id)
    let name = event.payload.comm(at: MemoryLayout<BPFPayload>.offset(of: \.name) ?? 0)
    if name.byteCount > 0 {
      append(" ")
      append(argument: name)
    }
    append(", ")
    if act.object == BPFObjectKind.program.rawValue {
      append(number: UInt64(act.type), .bpfProgramType, "type ")
      append(", ")
      append(decimal: act.count)
      append(act.count == 1 ? " instruction" : " instructions")
    } else {
      append(number: UInt64(act.type), .bpfMapType, "type ")
      append(", ")
      append(decimal: act.keySize)
      append(" -> ")
      append(decimal: act.valueSize)
      append(" bytes, ")
      append(decimal: act.count)
      append(act.count == 1 ? " entry" : " entries")
    }
    append(" = ")
    append(result: act.result)
  }

  private mutating func append(number: UInt64, _ names: NumberNames, _ word: StaticString) {
    if let name = names.name(of: number) { return append(name) }
    append(word)
    append(decimal: number)
  }

  /// Appends a module's name, and the taints that it brings.
  mutating func append(module act: ModulePayload, _ event: DecodedEvent) {
    append(argument: event.string(0).upToNUL)
    if act.taints != 0 {
      append(", taints ")
      append(shortHexadecimal: act.taints)
    }
  }

  /// Appends a call of modules.
  mutating func append(moduleCall act: ModuleCallPayload, _ event: DecodedEvent) {
    append(callOf: event)
    if act.descriptor >= 0 {
      append(" fd ")
      append(signed: Int64(act.descriptor))
    }
    if act.imageLength != 0 {
      append(" ")
      append(decimal: act.imageLength)
      append(" bytes")
    }
    for index in 0..<2 where !event.string(index).isEmpty {
      append(" ")
      append(argument: event.string(index).upToNUL)
    }
    if act.flags != 0 {
      append(" ")
      append(
        flags: UInt64(act.flags),
        event.actCall == .deleteModule ? .open(on: event.systemCall.abi) : .moduleLoad)
    }
    append(" = ")
    append(result: act.result)
  }
  /// Appends a call of mounts: from what, `->` to where, how.
  mutating func append(mount act: MountPayload, _ event: DecodedEvent) {
    append(callOf: event)
    let call = event.actCall
    if call == .configureFileSystem { return append(configuration: act, event) }
    append(place: event.string(0), under: act.sourceDescriptor)
    // A call that has both places, or could have.
    if call == .mount || call == .moveMount || call == .pivotRoot { append(" ->") }
    append(place: event.string(1), under: act.targetDescriptor)
    if !event.string(2).isEmpty {
      append(" type ")
      append(argument: event.string(2).upToNUL)
    }
    append(attributes: act.attributesSet, " +")
    append(attributes: act.attributesCleared, " -")
    if act.flags != 0 {
      append(" ")
      if let names = event.mountFlagNames {
        append(flags: act.flags, names)
      } else {
        append(shortHexadecimal: act.flags)
      }
    }
    append(" = ")
    append(result: act.result)
  }

  /// Appends a path and, where it is not the whole place, the descriptor that it lies under.
  private mutating func append(place path: RawSpan, under descriptor: Int32) {
    if descriptor >= 0 {
      append(" fd ")
      append(signed: Int64(descriptor))
    }
    if path.isEmpty || path.byte(0) == 0 { return }
    append(" ")
    append(argument: path.upToNUL)
  }

  private mutating func append(attributes bits: UInt64, _ sign: StaticString) {
    if bits == 0 { return }
    append(sign)
    append(flags: bits, .mountAttribute)
  }

  /// Appends what fsconfig() sets, `key=value`, or does.
  private mutating func append(configuration act: MountPayload, _ event: DecodedEvent) {
    append(" fd ")
    append(signed: Int64(act.sourceDescriptor))
    append(" ")
    append(number: act.flags, .fileSystemCommand, "command ")
    if !event.string(3).isEmpty {
      append(" ")
      append(argument: event.string(3).upToNUL)
    }
    if !event.string(0).isEmpty {
      append("=")
      append(argument: event.string(0).upToNUL)
    }
    append(" = ")
    append(result: act.result)
  }
}

/// Requests of ptrace() whose fourth argument has names; looked up once.
private enum PtraceRequest {
  static let traceMe = numbers(["PTRACE_TRACEME"])[0]
  static let takingOptions = numbers(["PTRACE_SETOPTIONS", "PTRACE_SEIZE"])
  static let takingSignal = numbers([
    "PTRACE_CONT", "PTRACE_DETACH", "PTRACE_SYSCALL", "PTRACE_SINGLESTEP",
  ])

  private static func numbers(_ names: [String]) -> [UInt32] {
    names.compactMap { NumberNames.ptraceRequest.value(of: $0) }.map { UInt32($0) }
  }
}

import KernelEvents
import SequencerABI

/// What `pretty` and `compact` say of an event beyond its task.
extension OutputBuffer {
  /// Appends what an event of a kind with a layout tells, in a terminal's words.
  mutating func append(
    detailsOf event: DecodedEvent, _ layout: EventLayout, _ accounts: borrowing AccountNames
  ) {
    switch event.kind {
    case .signalGenerate:
      if let signal = event.payload(as: SignalGeneratePayload.self) {
        append(signal, target: event.otherComm)
      }
    case .signalDeliver:
      if let signal = event.payload(as: SignalDeliverPayload.self) { append(signal, accounts) }
    case .switched:
      if let payload = event.payload(as: SwitchPayload.self) {
        append(taskState: payload.previousState)
        append(payload.isPreempted != 0 ? "+ -> " : " -> ")
        append(task: payload.nextPID, payload.nextTID, event.otherComm)
        if payload.nextTID != 0 { append(priority: payload.nextPriority) }
      }
    case .wakeup, .wakeupNew:
      if let payload = event.payload(as: WakeupPayload.self) {
        append("wakes ")
        append(task: payload.wakeePID, payload.wakeeTID, event.otherComm)
        append(priority: payload.wakeePriority)
        append(", last on cpu ")
        append(decimal: payload.wakeeCPU)
      }
    case .migrate:
      if let payload = event.payload(as: MigratePayload.self) {
        append(task: payload.taskPID, payload.taskTID, event.otherComm)
        append(": cpu ")
        append(decimal: payload.fromCPU)
        append(" -> ")
        append(decimal: payload.toCPU)
      }
    case .syscallEnter:
      append(callOf: event)
      append("(")
      if let arguments = event.payload(as: SyscallEnterPayload.self)?.arguments {
        append(
          words: [
            arguments.0, arguments.1, arguments.2, arguments.3, arguments.4, arguments.5,
          ])
      }
      append(")")
    case .syscallExit:
      append(callOf: event)
      append(" = ")
      if let result = event.payload(as: SyscallExitPayload.self)?.result { append(result: result) }
    case .futexEnter, .futexExit:
      if let payload = event.payload(as: FutexPayload.self) {
        append(payload, isExit: event.kind == .futexExit)
      }
    case .lockWait, .lockAcquired:
      if let payload = event.payload(as: LockPayload.self) {
        append("lock 0x")
        append(hexadecimal: payload.lock, digits: 16)
        if event.kind == .lockWait {
          append(" ")
          if payload.flags == 0 { append("sleeping") }
          if payload.flags != 0 { append(flags: UInt64(payload.flags), .lockContention) }
        } else if payload.result != 0 {
          append(" not taken: ")
          append(result: Int64(payload.result))
        }
      }
    case .credentials, .namespace: append(changeOf: event, layout, accounts)
    case .fileOpen, .fileUnlink, .fileRename, .fileMode, .fileOwner:
      if let act = event.payload(as: FileActPayload.self) {
        append(file: act, event, layout, accounts)
      }
    case .tcpState, .netConnect, .netAccept, .netBind, .netListen:
      if let act = event.payload(as: SocketPayload.self) { append(socket: act, event, layout) }
    default: append(pairsOf: event, layout)
    }
  }

  /// Appends the call, the task and what differs between the layout's objects `before` and `after`.
  private mutating func append(
    changeOf event: DecodedEvent, _ layout: EventLayout, _ accounts: borrowing AccountNames
  ) {
    append(callOf: event)
    var before: [EventField] = []
    var after: [EventField] = []
    for field in layout.fields {
      switch field.form {
      case .optionalTask(let tid, _, let comm):
        // The acting task itself is told already.
        if event.payload.value(at: tid, as: UInt32.self) == event.header.tid { continue }
        append(" makes ")
        append(
          task: UInt32(truncatingIfNeeded: event.payload.number(field)),
          event.payload.value(at: tid, as: UInt32.self), event.payload.comm(at: comm))
      case .boolean:
        if event.payload.number(field) != 0 {
          append(", ")
          append(field.key)
        }
      case .object(let fields):
        if before.isEmpty { before = fields } else { after = fields }
      default: continue
      }
    }
    for (old, new) in zip(before, after)
    where event.payload.number(old) != event.payload.number(new) {
      append(", ")
      append(old.key)
      append(" ")
      let (from, to) = (event.payload.number(old), event.payload.number(new))
      switch old.form {
      case .capabilities: append(gained: to & ~from, lost: from & ~to, .capability)
      case .user:
        let (from, to) = (UInt32(truncatingIfNeeded: from), UInt32(truncatingIfNeeded: to))
        append(id: from, name: accounts.user(from))
        append(" -> ")
        append(id: to, name: accounts.user(to))
      case .group:
        let (from, to) = (UInt32(truncatingIfNeeded: from), UInt32(truncatingIfNeeded: to))
        append(id: from, name: accounts.group(from))
        append(" -> ")
        append(id: to, name: accounts.group(to))
      default:
        append(valueOf: old, of: event)
        append(" -> ")
        append(valueOf: new, of: event)
      }
    }
  }

  /// Appends `0(root)`, or the number alone where it has no name.
  mutating func append(id: UInt32, name: [UInt8]?) {
    append(decimal: id)
    guard let name else { return }
    append("(")
    append(visible: name.span.raw)
    append(")")
  }

  /// Appends `+CAP_KILL -CAP_CHOWN`: by name where they are few, else how many.
  private mutating func append(gained: UInt64, lost: UInt64, _ names: NumberNames) {
    if gained != 0 { append(bits: gained, sign: UInt8(ascii: "+"), names) }
    if gained != 0 && lost != 0 { append(" ") }
    if lost != 0 { append(bits: lost, sign: UInt8(ascii: "-"), names) }
  }

  private mutating func append(bits: UInt64, sign: UInt8, _ names: NumberNames) {
    if bits.nonzeroBitCount > 4 {
      append(sign)
      append(decimal: UInt64(bits.nonzeroBitCount))
      return append(" capabilities")
    }
    var isFirst = true
    for bit in UInt64(0)..<64 where bits >> bit & 1 != 0 {
      if !isFirst { append(" ") }
      isFirst = false
      append(sign)
      if let name = names.name(of: bit) {
        append(name)
      } else {
        append("bit ")
        append(decimal: bit)
      }
    }
  }

  private mutating func append(_ signal: SignalGeneratePayload, target comm: RawSpan?) {
    append(signalName: UInt8(truncatingIfNeeded: signal.signal))
    append(" to ")
    append(task: signal.targetPID, signal.targetTID, comm)
    if signal.isGroup == 0 { append(" (this thread)") }
    append(code: signal.code, signal: signal.signal)
    switch SignalResult(rawValue: signal.result) {
    case .delivered: break
    case .ignored: append(", ignored")
    case .alreadyPending: append(", already pending")
    case .overflow: append(", not sent: the queue is full")
    case .informationLost: append(", sent without its information")
    case nil: append(", result unknown")
    }
  }

  private mutating func append(
    _ signal: SignalDeliverPayload, _ accounts: borrowing AccountNames
  ) {
    append(signalName: UInt8(truncatingIfNeeded: signal.signal))
    if signal.hasInformation != 0 { append(code: signal.code, signal: signal.signal) }
    if signal.hasInformation != 0,
      SignalCode.tellsSender(signal.code, signal: signal.signal)
    {
      append(" from ")
      append(decimal: signal.senderPID)
      append(" uid ")
      append(id: signal.senderUID, name: accounts.user(signal.senderUID))
    }
    if signal.hasInformation != 0,
      SignalCode.tellsAddress(signal.code, signal: signal.signal)
    {
      append(" at 0x")
      append(hexadecimal: signal.faultAddress, digits: 16)
    }
    switch signal.handler {
    case 0: append(", default action")
    case 1: append(", ignored")
    default: append(", handled")
    }
  }

  private mutating func append(_ futex: FutexPayload, isExit: Bool) {
    if futex.operation == FutexPayload.waitv {
      append("FUTEX_WAITV")
    } else if let name = NumberNames.futexOperation.name(of: UInt64(futex.operation)) {
      append(name)
    } else {
      append("operation ")
      append(decimal: futex.operation)
    }
    append(" ")
    append(shortHexadecimal: futex.address)
    if futex.secondAddress != 0 {
      append(" to ")
      append(shortHexadecimal: futex.secondAddress)
    }
    if isExit {
      append(" = ")
      append(result: futex.result)
    } else {
      append(" value ")
      append(decimal: futex.value)
    }
  }

  private mutating func append(code: Int32, signal: UInt16) {
    append(" ")
    if let name = SignalCode.name(of: code, signal: signal) {
      append(name)
    } else {
      append("code ")
      append(signed: Int64(code))
    }
  }

  /// Appends `123 name`, or `123/124 name` for a thread; the idle task by its word.
  mutating func append(task pid: UInt32, _ tid: UInt32, _ comm: RawSpan?) {
    if tid == 0 { return append("idle") }
    append(decimal: pid)
    if pid != tid {
      append("/")
      append(decimal: tid)
    }
    append(" ")
    if let comm { append(argument: comm) }
  }

  private mutating func append(priority: Int32) {
    // 120 is nice 0 (include/linux/sched/prio.h): nothing to say.
    if priority == 120 { return }
    append(" prio ")
    append(signed: Int64(priority))
  }

  /// Appends the name of a system call's event, or its number.
  mutating func append(callOf event: DecodedEvent) {
    let call = event.systemCall
    if let name = call.abi.name(of: call.number) {
      append(name)
    } else {
      append("syscall_")
      append(decimal: call.number)
    }
    if call.abi != .ofEvents { append(" [32-bit]") }
  }

  /// Appends what a system call returned, with the name of an error.
  mutating func append(result: Int64) {
    append(signed: result)
    if let name = result.errorName {
      append(" ")
      append(name)
    }
  }

  private mutating func append(words: InlineArray<6, UInt64>) {
    for index in words.indices {
      if index > 0 { append(", ") }
      append(shortHexadecimal: words[index])
    }
  }

  /// Appends a small number in decimal, any other as `0x…` without leading zeros.
  mutating func append(shortHexadecimal number: UInt64) {
    if number < 10 { return append(decimal: number) }
    append("0x")
    append(hexadecimal: number, digits: max(1, (67 - number.leadingZeroBitCount) / 4))
  }

  /// Appends every field that says something as `key value`, for kinds without words of their own.
  private mutating func append(pairsOf event: DecodedEvent, _ layout: EventLayout) {
    var isFirst = true
    for field in layout.fields where !isNull(field, event) {
      if !isFirst { append(", ") }
      isFirst = false
      append(field.key)
      append(" ")
      append(valueOf: field, of: event)
    }
    for index in layout.strings.indices where !event.string(index).isEmpty {
      if !isFirst { append(", ") }
      isFirst = false
      append(layout.strings[index].key)
      append(" ")
      append(stringOf: event, index, layout.strings[index])
    }
  }

  /// Appends string `index` of an event, a path as one.
  mutating func append(stringOf event: DecodedEvent, _ index: Int, _ string: EventString) {
    switch string.form {
    case .text: append(argument: event.string(index).upToNUL)
    case .socketName:
      let bytes = event.string(index)
      append(argument: bytes.byte(0) == 0 ? bytes : bytes.upToNUL)
    case .components:
      var path: [UInt8] = []
      WorkingDirectory(block: event.string(index), cut: event.flags.contains(.truncated))
        .append(to: &path)
      append(argument: path.span.raw)
    }
  }

  /// Whether JSON tells the field as null.
  private func isNull(_ field: EventField, _ event: DecodedEvent) -> Bool {
    switch field.form {
    case .numberIf(let condition), .hexadecimalIf(let condition), .octalIf(let condition),
      .deviceIf(let condition), .namedIf(_, let condition), .address(_, _, let condition):
      !event.payload.holds(condition)
    case .optionalTask: event.payload.number(field) == 0
    default: false
    }
  }

  mutating func append(valueOf field: EventField, of event: DecodedEvent) {
    let payload = event.payload
    switch field.form {
    case .number, .user, .group: append(decimal: payload.number(field))
    case .signed: append(signed: payload.signedNumber(field))
    case .boolean: append(payload.number(field) != 0 ? "yes" : "no")
    case .hexadecimal, .capabilities: append(shortHexadecimal: payload.number(field))
    case .named(let names):
      if let name = names.name(of: payload.number(field)) {
        append(name)
      } else {
        append(decimal: payload.number(field))
      }
    case .flags(let names): append(flags: payload.number(field), names)
    case .bits: append(shortHexadecimal: payload.number(field))
    case .comm: append(argument: payload.comm(at: field.offset))
    case .task(let tid, _, let comm):
      append(
        task: UInt32(truncatingIfNeeded: payload.number(field)),
        payload.value(at: tid, as: UInt32.self), payload.comm(at: comm))
    case .optionalTask(let tid, _, let comm):
      if payload.number(field) == 0 {
        append("-")
      } else {
        append(
          task: UInt32(truncatingIfNeeded: payload.number(field)),
          payload.value(at: tid, as: UInt32.self), payload.comm(at: comm))
      }
    case .object(let fields):
      append("{")
      for index in fields.indices {
        if index > 0 { append(", ") }
        append(fields[index].key)
        append(" ")
        append(valueOf: fields[index], of: event)
      }
      append("}")
    case .namedIf(let names, let condition):
      if !payload.holds(condition) {
        append("-")
      } else if let name = names.name(of: payload.number(field)) {
        append(name)
      } else {
        append(decimal: payload.number(field))
      }
    case .bit(let bits): append(payload.number(field) & UInt64(bits) != 0 ? "yes" : "no")
    case .octalIf(let condition):
      if payload.holds(condition) { append(octal: payload.number(field)) } else { append("-") }
    case .deviceIf(let condition):
      if payload.holds(condition) {
        append(decimal: payload.number(field) >> 20)
        append(":")
        append(decimal: payload.number(field) & 0xF_FFFF)
      } else {
        append("-")
      }
    case .address(let family, let port, let condition):
      let number = payload.value(at: family, as: UInt16.self)
      if payload.holds(condition), SocketAddressText.isTold(family: number) {
        let isWide = number == SocketAddressText.ipv6
        if isWide { append("[") }
        append(address: payload, at: field.offset, family: number)
        append(isWide ? "]:" : ":")
        append(decimal: UInt32(payload.value(at: port, as: UInt16.self)))
      } else {
        append("-")
      }
    case .mountFlags:
      if let names = event.mountFlagNames {
        append(flags: payload.number(field), names)
      } else {
        append(shortHexadecimal: payload.number(field))
      }
    case .numberIf(let condition):
      if payload.holds(condition) { append(decimal: payload.number(field)) } else { append("-") }
    case .hexadecimalIf(let condition):
      if payload.holds(condition) {
        append(shortHexadecimal: payload.number(field))
      } else {
        append("-")
      }
    case .signal: append(signalName: UInt8(truncatingIfNeeded: payload.number(field)))
    case .signalCode(let signal, _):
      append(
        code: Int32(truncatingIfNeeded: payload.signedNumber(field)),
        signal: payload.value(at: signal, as: UInt16.self))
    case .taskState: append(taskState: UInt32(truncatingIfNeeded: payload.number(field)))
    case .systemCall: append(callOf: event)
    case .registers: append("…")
    case .result: append(result: payload.signedNumber(field))
    }
  }

  /// Appends flags by name, joined by `|`, what has no name as a number.
  mutating func append(flags bits: UInt64, _ names: FlagNames) {
    var isFirst = true
    let rest = names.forEachName(in: bits) { name in
      if !isFirst { append("|") }
      isFirst = false
      append(name)
    }
    if rest != 0 || isFirst {
      if !isFirst { append("|") }
      append(shortHexadecimal: rest)
    }
  }
}

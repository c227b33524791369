public import KernelEvents
import SequencerABI

extension OutputBuffer {
  /// Appends the fields and strings of `event` by its layout, each with a comma before it.
  mutating func append(
    fieldsOf event: DecodedEvent, _ layout: EventLayout, joining room: inout [UInt8]
  ) {
    for field in layout.fields { append(field, of: event) }
    for index in layout.strings.indices {
      let string = layout.strings[index]
      append(",")
      append(string, event.string(index), of: event, joining: &room)
    }
    if !layout.strings.isEmpty {
      append(nextKey: "truncated", event.flags.contains(.truncated))
      append(nextKey: "fault", event.flags.contains(.fault))
    }
  }

  /// Appends one field, a comma before it.
  private mutating func append(
    _ field: EventField, of event: DecodedEvent, isFirst: Bool = false
  ) {
    let payload = event.payload
    if !isFirst { append(",") }
    append(key: field.key)
    switch field.form {
    case .number, .user, .group: append(decimal: payload.number(field))
    case .signed: append(signed: payload.signedNumber(field))
    case .boolean: append(payload.number(field) != 0 ? "true" : "false")
    case .hexadecimal, .capabilities: append(quotedHexadecimal: payload.number(field))
    case .named(let names):
      let number = payload.number(field)
      append(decimal: number)
      append(nameOf: field.key, names.name(of: number))
    case .flags(let names):
      let bits = payload.number(field)
      append(decimal: bits)
      append(namesOf: field.key, names, in: bits)
    case .bits(let names):
      let bits = payload.number(field)
      append(quotedHexadecimal: bits)
      append(namesOf: field.key)
      var first = true
      for bit in UInt64(0)..<64 where bits >> bit & 1 != 0 {
        guard let name = names.name(of: bit) else { continue }
        append(first ? "\"" : ",\"")
        append(name)
        append("\"")
        first = false
      }
      append("]")
    case .comm: append(jsonString: payload.comm(at: field.offset))
    case .task(let tid, let start, let comm):
      append(task: field, of: payload, tid: tid, start: start, comm: comm)
    case .optionalTask(let tid, let start, let comm):
      if payload.number(field) == 0 {
        append("null")
      } else {
        append(task: field, of: payload, tid: tid, start: start, comm: comm)
      }
    case .object(let fields):
      append("{")
      for index in fields.indices { append(fields[index], of: event, isFirst: index == 0) }
      append("}")
    case .namedIf(let names, let condition):
      if payload.holds(condition) {
        let number = payload.number(field)
        append(decimal: number)
        append(nameOf: field.key, names.name(of: number))
      } else {
        append("null")
        append(nameOf: field.key, nil)
      }
    case .bit(let bits): append(payload.number(field) & UInt64(bits) != 0 ? "true" : "false")
    case .octalIf(let condition):
      if payload.holds(condition) {
        append("\"")
        append(octal: payload.number(field))
        append("\"")
      } else {
        append("null")
      }
    case .deviceIf(let condition):
      if payload.holds(condition) {
        let device = UInt32(truncatingIfNeeded: payload.number(field))
        append("{\"major\":")
        append(decimal: device >> 20)
        append(nextKey: "minor", device & 0xF_FFFF)
        append("}")
      } else {
        append("null")
      }
    case .address(let family, let port, let condition):
      let number = payload.value(at: family, as: UInt16.self)
      if payload.holds(condition), SocketAddressText.isTold(family: number) {
        append("\"")
        append(address: payload, at: field.offset, family: number)
        append("\",\"")
        append(field.key)
        append("_port\":")
        append(decimal: UInt32(payload.value(at: port, as: UInt16.self)))
      } else {
        append("null,\"")
        append(field.key)
        append("_port\":null")
      }
    case .mountFlags:
      let bits = payload.number(field)
      append(decimal: bits)
      append(namesOf: field.key, event.mountFlagNames, in: bits)
    case .numberIf(let condition):
      if payload.holds(condition) { append(decimal: payload.number(field)) } else { append("null") }
    case .hexadecimalIf(let condition):
      if payload.holds(condition) {
        append(quotedHexadecimal: payload.number(field))
      } else {
        append("null")
      }
    case .signal:
      let number = payload.number(field)
      append(decimal: number)
      append(",\"")
      append(field.key)
      append("_name\":\"")
      append(signalName: UInt8(truncatingIfNeeded: number))
      append("\"")
    case .signalCode(let signal, let information):
      guard payload.isKept(information) else {
        append("null")
        return append(nameOf: field.key, nil)
      }
      let code = Int32(truncatingIfNeeded: payload.signedNumber(field))
      append(signed: Int64(code))
      let number = payload.value(at: signal, as: UInt16.self)
      append(nameOf: field.key, SignalCode.name(of: code, signal: number))
    case .taskState:
      let state = UInt32(truncatingIfNeeded: payload.number(field))
      append(decimal: state)
      append(",\"state_name\":\"")
      append(taskState: state)
      append("\"")
    case .systemCall:
      let call = event.systemCall
      append(decimal: call.number)
      append(nameOf: field.key, call.abi.name(of: call.number))
      append(",\"abi\":\"")
      append(call.abi.label)
      append("\"")
    case .registers:
      append("[")
      for index in 0..<field.width / 8 {
        if index > 0 { append(",") }
        append(quotedHexadecimal: payload.value(at: field.offset + 8 * index, as: UInt64.self))
      }
      append("]")
    case .result:
      let result = payload.signedNumber(field)
      append(signed: result)
      append(nextErrorOf: result)
    }
  }

  private mutating func append(
    task field: EventField, of payload: RawSpan, tid: Int, start: Int, comm: Int
  ) {
    append("{\"pid\":")
    append(decimal: payload.number(field))
    append(nextKey: "tid", payload.value(at: tid, as: UInt32.self))
    append(nextKey: "start", payload.value(at: start, as: UInt64.self))
    append(",")
    append(key: "comm", jsonString: payload.comm(at: comm))
    append("}")
  }

  /// Appends `,"<key>_names":[…]`, empty where there are no names.
  private mutating func append(
    namesOf key: StaticString, _ names: FlagNames?, in bits: UInt64
  ) {
    append(namesOf: key)
    var first = true
    names?.forEachName(in: bits) { name in
      append(first ? "\"" : ",\"")
      append(name)
      append("\"")
      first = false
    }
    append("]")
  }

  private mutating func append(
    _ string: EventString, _ bytes: RawSpan, of event: DecodedEvent, joining room: inout [UInt8]
  ) {
    if bytes.isEmpty {
      append(key: string.key)
      append("null")
      return
    }
    switch string.form {
    case .text: append(key: string.key, jsonString: bytes.upToNUL)
    case .socketName:
      append(key: string.key, jsonString: bytes.byte(0) == 0 ? bytes : bytes.upToNUL)
    case .components:
      room.removeAll(keepingCapacity: true)
      WorkingDirectory(block: bytes, cut: event.flags.contains(.truncated)).append(to: &room)
      append(key: string.key, jsonString: room.span.raw)
    }
  }

  /// Appends `,"<key>_name":"…"`, or null.
  private mutating func append(nameOf key: StaticString, _ name: StaticString?) {
    append(",\"")
    append(key)
    append("_name\":")
    append(quoted: name)
  }

  /// Appends `,"<key>_names":[`.
  private mutating func append(namesOf key: StaticString) {
    append(",\"")
    append(key)
    append("_names\":[")
  }

  private mutating func append(nextErrorOf result: Int64) {
    append(",\"error\":")
    append(quoted: result.errorName)
  }

  private mutating func append(quoted name: StaticString?) {
    guard let name else { return append("null") }
    append("\"")
    append(name)
    append("\"")
  }

  private mutating func append(quotedHexadecimal number: UInt64) {
    append("\"0x")
    append(hexadecimal: number, digits: 16)
    append("\"")
  }

  /// Appends `number` in decimal, with its sign where it is below 0.
  mutating func append(signed number: Int64) {
    if number < 0 { append("-") }
    append(decimal: number.magnitude)
  }

  /// Appends a scheduler's state as the letters that ps and trace-cmd show: R for runnable, else a letter a
  /// bit (`task_state_array` of fs/proc/array.c).
  mutating func append(taskState state: UInt32) {
    var known = false
    // TASK_IDLE: an uninterruptible sleep that is no load.
    if state & 0x402 == 0x402 { return append("I") }
    for bit in UInt32(0)..<8 where state >> bit & 1 != 0 {
      append(taskStateLetter(bit))
      known = true
    }
    if !known { append(state == 0 ? "R" : "?") }
  }
}

private func taskStateLetter(_ bit: UInt32) -> UInt8 {
  switch bit {
  case 0: UInt8(ascii: "S")
  case 1: UInt8(ascii: "D")
  case 2: UInt8(ascii: "T")
  case 3: UInt8(ascii: "t")
  case 4: UInt8(ascii: "X")
  case 5: UInt8(ascii: "Z")
  case 6: UInt8(ascii: "P")
  // TASK_DEAD.
  default: UInt8(ascii: "X")
  }
}

extension Int64 {
  /// The name of the error that a system call's result is; nil for a success.
  var errorName: StaticString? {
    // MAX_ERRNO of include/linux/err.h.
    guard self < 0, self >= -4095 else { return nil }
    return NumberNames.errno.name(of: magnitude) ?? NumberNames.restartErrno.name(of: magnitude)
  }
}

extension SyscallABI {
  /// The table's name in output, as the kernel's own tables are called.
  public var label: StaticString {
    switch self {
    case .x86_64: "x86_64"
    case .i386: "i386"
    case .arm64: "arm64"
    }
  }
}

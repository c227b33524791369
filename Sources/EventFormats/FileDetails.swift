import KernelEvents
import SequencerABI

/// What `pretty` and `compact` say of acts on files and sockets.
extension OutputBuffer {
  /// Appends an act on a file: what was done to which path, and what came of it.
  mutating func append(
    file act: FileActPayload, _ event: DecodedEvent, _ layout: EventLayout,
    _ accounts: borrowing AccountNames
  ) {
    if event.kind == .fileOpen {
      append(NumberNames.openAccessMode.name(of: UInt64(act.access)) ?? "?")
      if act.flags != 0 {
        append("|")
        append(flags: UInt64(act.flags), .open(on: .ofEvents))
      }
      append(" ")
    }
    let bits = FileActBits(rawValue: act.bits)
    if bits.contains(.mode) {
      append(octal: UInt64(act.mode))
      append(" ")
    }
    if event.kind == .fileOwner {
      if bits.contains(.owner) { append(id: act.owner, name: accounts.user(act.owner)) }
      append(":")
      if bits.contains(.group) { append(id: act.group, name: accounts.group(act.group)) }
      append(" ")
    }
    append(pathOf: event, base: 1, asked: 2, layout)
    if event.kind == .fileRename {
      append(" -> ")
      append(pathOf: event, base: 3, asked: 4, layout)
    }
    if bits.contains(.created) { append(" (new)") }
    if act.result < 0 || event.kind == .fileOpen {
      append(" = ")
      append(result: Int64(act.result))
    }
  }

  /// Appends the kernel's path where the event has one, else the caller's, behind the directory it begins at.
  private mutating func append(
    pathOf event: DecodedEvent, base: Int, asked: Int, _ layout: EventLayout
  ) {
    if base == 1, !event.string(0).isEmpty {
      return append(stringOf: event, 0, layout.strings[0])
    }
    let text = event.string(asked)
    if !event.string(base).isEmpty {
      append(stringOf: event, base, layout.strings[base])
      append("/")
    }
    append(argument: text.upToNUL)
  }

  /// Appends an act on a socket, or a state of its connection.
  mutating func append(socket act: SocketPayload, _ event: DecodedEvent, _ layout: EventLayout) {
    append(NumberNames.addressFamily.name(of: UInt64(act.family)) ?? "?")
    append(" ")
    if event.kind == .tcpState {
      append(NumberNames.tcpState.name(of: UInt64(act.oldState)) ?? "?")
      append(" -> ")
      append(NumberNames.tcpState.name(of: UInt64(act.newState)) ?? "?")
      append(" ")
    }
    var isFirst = true
    for field in layout.fields {
      guard case .address(_, _, let condition) = field.form, event.payload.holds(condition) else {
        continue
      }
      append(isFirst ? "" : event.kind == .netAccept ? " <- " : " -> ")
      isFirst = false
      append(valueOf: field, of: event)
    }
    if !layout.strings.isEmpty, !event.string(0).isEmpty {
      if !isFirst { append(" ") }
      append(stringOf: event, 0, layout.strings[0])
    }
    if event.kind == .tcpState { return }
    append(" = ")
    append(result: Int64(act.result))
  }
}

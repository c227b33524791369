import KernelEvents
public import SequencerABI

/// The reference of events, made from the same tables as their decoding: `ordinal events`, docs/events.md and
/// the definitions of schema/event.schema.json.
public enum EventReference {
  /// The kinds of a family, in order.
  ///
  /// - Parameter family: the family.
  /// - Returns: its kinds.
  public static func kinds(of family: EventFamily) -> [EventKind] {
    EventKind.allCases.filter { $0.family == family }
  }

  /// What a family tells: one line.
  ///
  /// - Parameter family: the family.
  /// - Returns: the line, without its end.
  public static func about(_ family: EventFamily) -> StaticString {
    switch family {
    case .process: "processes and threads: made, running a program, ended"
    case .signal: "signals: generated and delivered"
    case .credentials: "changes of a task's identity and capabilities, before and after"
    case .scheduler: "switches, wakeups and migrations of tasks"
    case .syscall: "system calls: entry and exit; --syscall chooses which"
    case .file: "files opened for writing or made, removed, renamed, their mode or owner changed"
    case .network: "sockets: TCP states, connect, accept, bind, listen"
    case .futex: "calls on futexes: waits and wakes, as programs' locks make them"
    case .bpf: "bpf(): programs and maps loaded"
    case .module: "kernel modules loaded and freed"
    case .namespace: "namespaces entered and made"
    case .lock: "waits for the kernel's own locks"
    case .ptrace: "ptrace() and reads and writes of other processes' memory"
    case .mount: "mounts made, changed and removed"
    case .test: "records of the project's own tests"
    }
  }

  /// The families and their kinds, for a terminal.
  ///
  /// - Parameter families: those to list.
  /// - Returns: lines.
  public static func overview(of families: [EventFamily]) -> String {
    var text = ""
    for family in families {
      text += pad(family.name.description, 11) + about(family).description + "\n"
      for kind in kinds(of: family) {
        text += "  " + pad(kind.name.description, 18) + sentence(of: kind) + "\n"
      }
    }
    return text
  }

  /// A family's kinds with their fields, for a terminal.
  ///
  /// - Parameter family: the family.
  /// - Returns: lines.
  public static func details(of family: EventFamily) -> String {
    var text = "\(family.name): \(about(family))\n"
    for kind in kinds(of: family) {
      text += "\n\(kind.name): \(sentence(of: kind))\n"
      guard let layout = EventLayout.of(kind) else {
        text += "  fields: see docs/json.md\n"
        continue
      }
      text += "  source: \(layout.source)\n"
      for row in rows(of: layout) {
        text += "  " + pad(row.key, 22) + pad(row.type, 18) + row.about + "\n"
      }
    }
    return text
  }

  /// docs/events.md.
  ///
  /// - Parameter families: those to document.
  /// - Returns: the document.
  public static func markdown(of families: [EventFamily]) -> String {
    var text = """
      # Events

      Written by `ordinal events --markdown` from the tables that decoding and output use; a test compares it. Every event has the keys of
      [json.md](json.md) ("Every event") as well: those tell of the task that was running. `fork`, `exec` and `exit` stand there too.

      `--events` takes the families' names. All families share one order.

      """
    for family in families {
      text += "\n## \(family.name)\n\n\(about(family)).\n"
      for kind in kinds(of: family) {
        guard let layout = EventLayout.of(kind) else { continue }
        text += "\n### \(kind.name)\n\n\(layout.about) Source: \(layout.source).\n\n"
        text += "| key | type | meaning |\n|---|---|---|\n"
        for row in rows(of: layout) { text += "| `\(row.key)` | \(row.type) | \(row.about) |\n" }
      }
    }
    return text
  }

  private static func sentence(of kind: EventKind) -> String {
    switch kind {
    case .fork: "A task was made."
    case .exec: "A task runs a new program."
    case .exit: "A task ended."
    default: EventLayout.of(kind)?.about.description ?? ""
    }
  }

  private static func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
  }

  /// A key as documents show it.
  struct Row {
    let key: String
    let type: String
    let about: String
  }

  static func rows(of layout: EventLayout) -> [Row] {
    var rows: [Row] = []
    for field in layout.fields { rows += self.rows(of: field, prefix: "") }
    for string in layout.strings {
      rows.append(
        Row(
          key: string.key.description, type: "string or null",
          about: "\(string.about) At most \(string.limit) bytes."))
    }
    if !layout.strings.isEmpty {
      rows.append(Row(key: "truncated", type: "boolean", about: "A string is cut at its limit."))
      rows.append(
        Row(key: "fault", type: "boolean", about: "A string could not be read from the caller."))
    }
    return rows
  }

  private static func rows(of field: EventField, prefix: String) -> [Row] {
    let key = prefix + field.key.description
    let about = field.about.description
    func named(_ suffix: String, _ type: String, _ text: String) -> Row {
      Row(key: key + suffix, type: type, about: text)
    }
    switch field.form {
    case .number, .user, .group, .signed: return [Row(key: key, type: "integer", about: about)]
    case .boolean: return [Row(key: key, type: "boolean", about: about)]
    case .hexadecimal, .capabilities: return [Row(key: key, type: "string, hex", about: about)]
    case .named, .signal:
      return [
        Row(key: key, type: "integer", about: about), named("_name", "string or null", "Its name."),
      ]
    case .signalCode:
      return [
        Row(key: key, type: "integer or null", about: about),
        named("_name", "string or null", "Its name."),
      ]
    case .flags, .mountFlags:
      return [
        Row(key: key, type: "integer", about: about), named("_names", "array", "The flags' names."),
      ]
    case .bits:
      return [
        Row(key: key, type: "string, hex", about: about),
        named("_names", "array", "The names of the bits that are set."),
      ]
    case .comm: return [Row(key: key, type: "string", about: about)]
    case .task, .optionalTask:
      let isOptional = if case .optionalTask = field.form { true } else { false }
      return [
        Row(
          key: key, type: isOptional ? "object or null" : "object",
          about: about + " `{pid, tid, start, comm}`, as of a line.")
      ]
    case .object(let fields):
      return [Row(key: key, type: "object", about: about)]
        + fields.flatMap { rows(of: $0, prefix: key + ".") }
    case .namedIf:
      return [
        Row(key: key, type: "integer or null", about: about),
        named("_name", "string or null", "Its name."),
      ]
    case .bit: return [Row(key: key, type: "boolean", about: about)]
    case .octalIf: return [Row(key: key, type: "string, octal, or null", about: about)]
    case .deviceIf:
      return [Row(key: key, type: "object or null", about: about + " `{major, minor}`.")]
    case .address:
      return [
        Row(key: key, type: "string or null", about: about),
        named("_port", "integer or null", "Its port."),
      ]
    case .numberIf: return [Row(key: key, type: "integer or null", about: about)]
    case .hexadecimalIf: return [Row(key: key, type: "string, hex, or null", about: about)]
    case .taskState:
      return [
        Row(key: key, type: "integer", about: about),
        Row(key: prefix + "state_name", type: "string", about: "Its letters, as ps has them."),
      ]
    case .systemCall:
      return [
        Row(key: key, type: "integer", about: about),
        named("_name", "string or null", "Its name."),
        Row(
          key: prefix + "abi", type: "string", about: "Whose numbers: x86_64, i386 or arm64."),
      ]
    case .registers: return [Row(key: key, type: "array of string, hex", about: about)]
    case .result:
      return [
        Row(key: key, type: "integer", about: about),
        Row(key: prefix + "error", type: "string or null", about: "The error's name."),
      ]
    }
  }
}

public import SequencerABI

/// How a field of a payload is told: in JSON, in the schema and in the documentation.
public enum FieldForm: Sendable {
  /// A number.
  case number
  /// A user's number in the initial user namespace.
  case user
  /// A group's number in the initial user namespace.
  case group
  /// A number that may be below 0.
  case signed
  /// True where it is not 0.
  case boolean
  /// `"0x…"`, 16 digits: an address or a mask.
  case hexadecimal
  /// `"0x…"`, 16 digits: a set of capabilities, bit n for capability n of linux/capability.h.
  case capabilities
  /// A number, and `<key>_name`: its name, or null.
  case named(NumberNames)
  /// A number, and `<key>_names`: the names of the flags in it.
  case flags(FlagNames)
  /// `"0x…"`, and `<key>_names`: the names of the bits in it, numbered from 0.
  case bits(NumberNames)
  /// A name of the kernel's, 16 bytes.
  case comm
  /// A process and one of its tasks: `{pid, tid, start, comm}`; the field is the pid, the rest lies at
  /// these offsets.
  case task(tid: Int, start: Int, comm: Int)
  /// A number, and `<key>_name`: its name, or null; both null where the condition does not hold.
  case namedIf(NumberNames, FieldCondition)
  /// True where one of these bits is set.
  case bit(UInt16)
  /// A mode in octal digits, `"0644"`; null where the condition does not hold.
  case octalIf(FieldCondition)
  /// A device as the kernel encodes it, `{major, minor}`; null where the condition does not hold.
  case deviceIf(FieldCondition)
  /// An address of 16 bytes, `"127.0.0.1"` or `"::1"`, and `<key>_port`: by the family and the port, two bytes
  /// each at these offsets; both null where the condition does not hold, or for other families.
  case address(family: Int, port: Int, FieldCondition)
  /// The same, null where the pid is 0.
  case optionalTask(tid: Int, start: Int, comm: Int)
  /// An object of these fields, which lie at their own offsets in the payload.
  case object([EventField])
  /// A number, and `<key>_names`: the names of the flags in it, of mount() and umount2(); none for the other
  /// calls of mounts.
  case mountFlags
  /// A number, null where the condition does not hold.
  case numberIf(FieldCondition)
  /// `"0x…"`, null where the condition does not hold.
  case hexadecimalIf(FieldCondition)
  /// A signal's number, and `<key>_name`.
  case signal
  /// A signal's `si_code` and its name; the signal's number is the two bytes at `signal`. Both null where
  /// the two bytes at `information` are 0.
  case signalCode(signal: Int, information: Int?)
  /// A scheduler's state of a task and its letters, as ps shows them.
  case taskState
  /// A system call's number out of the header, its name, and whose table it is of.
  case systemCall
  /// Six registers, as an array of `"0x…"`.
  case registers
  /// What a system call returned, and the name of the error it is, or null.
  case result
}

/// When a field means something.
public enum FieldCondition: Sendable {
  /// The signal's code says that a process sent it.
  case codeTellsSender(signal: Int, code: Int, information: Int?)
  /// The signal's code says that an address caused it.
  case codeTellsAddress(signal: Int, code: Int, information: Int?)
  /// All of these bits are set in the two bytes at this offset.
  case bits(UInt16, at: Int)
  /// The two bytes at this offset are this number.
  case equal(at: Int, to: UInt16)
}

/// A field of a payload.
public struct EventField: Sendable {
  /// Its key in JSON.
  public let key: StaticString
  /// Where it lies in the payload, bytes; −1 where it lies in the header.
  public let offset: Int
  /// Its bytes: 1, 2, 4 or 8 for numbers.
  public let width: Int
  /// How it is told.
  public let form: FieldForm
  /// What it is, with its unit: a sentence.
  public let about: StaticString

  /// Describes a field.
  ///
  /// - Parameters:
  ///   - key: its key in JSON.
  ///   - offset: where it lies in the payload; nil is a mistake in the table, and traps at first use.
  ///   - width: its bytes.
  ///   - form: how it is told.
  ///   - about: what it is, with its unit.
  init(
    _ key: StaticString, at offset: Int?, _ width: Int, _ form: FieldForm = .number,
    _ about: StaticString
  ) {
    guard let offset else { preconditionFailure("\(key) is no stored property") }
    self.key = key
    self.offset = offset
    self.width = width
    self.form = form
    self.about = about
  }
}

/// A string that follows the fixed part of a payload.
public struct EventString: Sendable {
  /// How the bytes make a string.
  public enum Form: Sendable {
    /// As they are, up to the first NUL.
    case text
    /// Path components from the leaf to the root, each with a NUL after it: see ``WorkingDirectory``.
    case components
    /// A UNIX socket's: a path up to the first NUL, or an abstract name, which begins with a NUL, whole.
    case socketName
  }
  /// Its key in JSON.
  public let key: StaticString
  /// Where the payload holds its length, two bytes.
  public let lengthOffset: Int
  /// Bytes it has at most.
  public let limit: Int
  /// How the bytes make a string; an empty one is told as null.
  public let form: Form
  /// What it is: a sentence.
  public let about: StaticString

  /// Describes a string; the parameters are the properties.
  init(
    _ key: StaticString, length lengthOffset: Int?, limit: Int, _ form: Form = .text,
    _ about: StaticString
  ) {
    guard let lengthOffset else { preconditionFailure("\(key) has no stored length") }
    self.key = key
    self.lengthOffset = lengthOffset
    self.limit = limit
    self.form = form
    self.about = about
  }
}

/// What a kind of event tells beyond the record's header: the one table that decoding, JSON, the schema and
/// docs/events.md are made from.
///
/// Fork, exec and exit have their own code (``DecodedEvent/fork`` and its like); every other kind has a
/// layout, whose payload begins with the acting task's name, 16 bytes.
public struct EventLayout: Sendable {
  /// The kind.
  public let kind: EventKind
  /// What happened: a sentence.
  public let about: StaticString
  /// Where in the kernel it is taken.
  public let source: StaticString
  /// Bytes of the fixed part.
  public let size: Int
  /// The fields, in the order they are told.
  public let fields: [EventField]
  /// The strings behind the fixed part, in the order they lie there.
  public let strings: [EventString]
  /// Where the name of the second task lies, for filters on names; nil where the event has one task.
  public let otherComm: Int?
  /// Where the second task's process lies: its pid, and its start.
  public let otherTask: (pid: Int, start: Int)?

  /// Describes a kind; the parameters are the properties.
  init(
    _ kind: EventKind, _ about: StaticString, source: StaticString, size: Int,
    fields: [EventField], strings: [EventString] = [], otherComm: Int? = nil
  ) {
    self.kind = kind
    self.about = about
    self.source = source
    self.size = size
    self.fields = fields
    self.strings = strings
    self.otherComm = otherComm
    var otherTask: (pid: Int, start: Int)?
    for field in fields {
      if case .task(_, let start, let comm) = field.form, comm == otherComm {
        otherTask = (field.offset, start)
      }
    }
    self.otherTask = otherTask
  }

  /// The layout of a kind; nil for fork, exec, exit and the tests' records.
  public static func of(_ kind: EventKind) -> EventLayout? {
    switch kind {
    case .fork, .exec, .exit, .test: return nil
    case .signalGenerate: return signalGenerate
    case .signalDeliver: return signalDeliver
    case .switched: return switched
    case .wakeup: return wakeup
    case .wakeupNew: return wakeupNew
    case .migrate: return migrate
    case .syscallEnter: return syscallEnter
    case .syscallExit: return syscallExit
    case .futexEnter: return futexEnter
    case .futexExit: return futexExit
    case .lockWait: return lockWait
    case .lockAcquired: return lockAcquired
    case .fileOpen: return fileOpen
    case .fileUnlink: return fileUnlink
    case .fileRename: return fileRename
    case .fileMode: return fileMode
    case .fileOwner: return fileOwner
    case .tcpState: return tcpState
    case .netConnect: return netConnect
    case .netAccept: return netAccept
    case .netBind: return netBind
    case .netListen: return netListen
    case .credentials: return credentials
    case .namespace: return namespace
    case .ptrace: return ptrace
    case .processMemory: return processMemory
    case .bpf: return bpf
    case .moduleLoad: return moduleLoad
    case .moduleFree: return moduleFree
    case .moduleCall: return moduleCall
    case .mount: return mount
    }
  }
}

import KernelEvents

/// What a segment tells of the machine and the run, beyond numbers of fixed size.
public struct SegmentFacts: Equatable, Sendable {
  /// `ordinal --version` of the recorder.
  public var version = ""
  /// The kernel's release, `uname -r`.
  public var kernel = ""
  /// The processor's architecture, `uname -m`.
  public var architecture = ""
  /// The machine's name, `uname -n`.
  public var host = ""
  /// /proc/sys/kernel/random/boot_id.
  public var bootID = ""
  /// /etc/machine-id.
  public var machineID = ""
  /// The filters, as they were given: `--pid 12`.
  public var filters: [String] = []
  /// The system calls that were chosen, by name; empty: all.
  public var syscalls = ""
  /// The command that was run, its words.
  public var command: [[UInt8]] = []
  /// Processes that need no cause: the recorder, and its command.
  public var excused: [UInt32] = []
  /// Whether the stream is of one process tree.
  public var isTree = false

  /// Nothing known.
  public init() {}

  private enum Tag: UInt16 {
    case version = 1
    case kernel, architecture, host, bootID, machineID, filter, syscalls, word, excused, tree
  }

  /// The facts as bytes: tag and length, two bytes each, then as many bytes, again and again.
  func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    func put(_ tag: Tag, _ value: some Collection<UInt8>) {
      let kept = value.prefix(Int(UInt16.max))
      for number in [tag.rawValue, UInt16(kept.count)] {
        bytes.append(UInt8(truncatingIfNeeded: number))
        bytes.append(UInt8(truncatingIfNeeded: number >> 8))
      }
      bytes += kept
    }
    put(.version, version.utf8)
    put(.kernel, kernel.utf8)
    put(.architecture, architecture.utf8)
    put(.host, host.utf8)
    put(.bootID, bootID.utf8)
    put(.machineID, machineID.utf8)
    if !syscalls.isEmpty { put(.syscalls, syscalls.utf8) }
    // Command lines can be longer than a header may be; what is cut is the end.
    let most = SegmentHeader.byteLimit / 4
    var room = most
    for filter in filters {
      room -= filter.utf8.count + 4
      if room < 0 { break }
      put(.filter, filter.utf8)
    }
    room = most
    for word in command {
      room -= word.count + 4
      if room < 0 { break }
      put(.word, word)
    }
    for pid in excused.prefix(most / 8) {
      put(.excused, (0..<4).map { UInt8(truncatingIfNeeded: pid >> (8 * $0)) })
    }
    if isTree { put(.tree, []) }
    return bytes
  }

  /// Reads what ``encoded()`` wrote; what is not known is passed over.
  init(decoding bytes: RawSpan) {
    var position = 0
    func number(_ offset: Int) -> Int {
      Int(bytes.byte(offset)) | Int(bytes.byte(offset + 1)) << 8
    }
    while position + 4 <= bytes.byteCount {
      let tag = number(position)
      let length = number(position + 2)
      position += 4
      guard tag != 0, position + length <= bytes.byteCount else { return }
      let value = (position..<position + length).map { bytes.byte($0) }
      position += length
      let text = String(decoding: value, as: UTF8.self)
      switch Tag(rawValue: UInt16(tag)) {
      case .version: version = text
      case .kernel: kernel = text
      case .architecture: architecture = text
      case .host: host = text
      case .bootID: bootID = text
      case .machineID: machineID = text
      case .filter: filters.append(text)
      case .syscalls: syscalls = text
      case .word: command.append(value)
      case .excused where value.count == 4:
        excused.append(value.reversed().reduce(0) { $0 << 8 | UInt32($1) })
      case .tree: isTree = true
      default: break
      }
    }
  }
}

public import EventFormats
public import KernelEvents

/// Events as comma-separated values, a row an event, with a row of names before them; docs/export.md tells
/// the columns.
///
/// Quoting is RFC 4180's; lines end with a line feed. Text in a field is escaped as in a JSON string, so that
/// a row is always one line and none acts on a terminal.
public struct CSVExport: EventExport, ~Copyable {
  /// The names of the columns, the first row.
  public static let columns = [
    "seq", "ts", "time", "cpu", "type", "family", "pid", "tid", "start", "ppid", "uid", "comm",
    "cgroup", "cgroup_id", "details",
  ]

  private var file: ExportFile
  private var details = EventDetails()
  private var scratch = OutputBuffer(capacity: 1024)

  /// Opens the target and writes the row of names.
  ///
  /// - Parameter target: the file, or a stream.
  /// - Throws: ``ExportError`` where it can't be written.
  public init(_ target: ExportTarget) throws(ExportError) {
    self.init(try ExportFile(target))
    file.buffer.append(text: CSVExport.columns.joined(separator: ",") + "\n")
  }

  private init(_ file: consuming ExportFile) { self.file = file }

  public mutating func visit(
    _ event: DecodedEvent, context: inout FormattingContext
  ) throws(ExportError) {
    let header = event.header
    file.buffer.append(decimal: event.sequence)
    file.buffer.append(",")
    if let timestamp = event.timestamp {
      file.buffer.append(decimal: timestamp)
      file.buffer.append(",")
      let text = context.clock.rfc3339(timestamp)
      file.buffer.append(text.span.raw)
    } else {
      file.buffer.append(",")
    }
    append(UInt64(header.cpu))
    file.buffer.append(",")
    file.buffer.append(event.kind.name)
    file.buffer.append(",")
    file.buffer.append(event.family.name)
    append(UInt64(header.pid))
    append(UInt64(header.tid))
    append(header.processStart)
    append(UInt64(header.parentPID))
    append(UInt64(header.uid))
    file.buffer.append(",")
    scratch.removeAll()
    scratch.append(jsonString: event.comm)
    file.buffer.append(csvJSONString: scratch)
    file.buffer.append(",")
    let cgroup = context.cgroupPath(header.cgroup)
    if let cgroup {
      scratch.removeAll()
      scratch.append(jsonString: cgroup.span.raw)
      file.buffer.append(csvJSONString: scratch)
    }
    append(header.cgroup)
    file.buffer.append(",")
    scratch.removeAll()
    details.write(event, cgroup: cgroup, into: &scratch)
    file.buffer.append(csvField: scratch)
    file.buffer.append("\n")
    try file.flushIfDue()
  }

  public mutating func visit(_ gap: Gap) throws(ExportError) {
    file.buffer.append(",,,")
    if gap.cpu != Gap.unknownCPU { file.buffer.append(decimal: gap.cpu) }
    file.buffer.append(",gap,,,,,,,,,,")
    scratch.removeAll()
    details.write(gap: gap, into: &scratch)
    file.buffer.append(csvField: scratch)
    file.buffer.append("\n")
    try file.flushIfDue()
  }

  public var temporaryPath: String? { file.temporaryPath }

  public mutating func finish(progress: (_ done: Int, _ all: Int) -> Void) throws(ExportError) {
    try file.finish()
  }

  private mutating func append(_ number: UInt64) {
    file.buffer.append(",")
    file.buffer.append(decimal: number)
  }
}

extension OutputBuffer {
  /// Appends bytes as a quoted field: a quote in them is doubled.
  fileprivate mutating func append(csvField buffer: borrowing OutputBuffer) {
    let bytes = buffer.bytes
    append(UInt8(ascii: "\""))
    var start = 0
    for offset in 0..<bytes.byteCount where bytes.byte(offset) == UInt8(ascii: "\"") {
      append(bytes.extracting(start...offset))
      start = offset
    }
    append(bytes.extracting(start..<bytes.byteCount))
    append(UInt8(ascii: "\""))
  }

  /// Appends a JSON string as a quoted field, without its quotes; `\"` in it becomes two quotes.
  fileprivate mutating func append(csvJSONString buffer: borrowing OutputBuffer) {
    let bytes = buffer.bytes
    append(UInt8(ascii: "\""))
    var offset = 1
    while offset < bytes.byteCount - 1 {
      let byte = bytes.byte(offset)
      if byte == UInt8(ascii: "\\") {
        let next = bytes.byte(offset + 1)
        append(next == UInt8(ascii: "\"") ? next : byte)
        append(next)
        offset += 2
      } else {
        append(byte)
        offset += 1
      }
    }
    append(UInt8(ascii: "\""))
  }
}

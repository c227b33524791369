import EventFormats
import KernelEvents

/// What an event's kind tells beyond the columns that all events have, as a JSON object: the keys of
/// docs/json.md and docs/events.md, and the exact bytes of the columns' text that is not UTF-8.
struct EventDetails {
  private var format = JSONFormat()

  /// Appends an event's object to an empty buffer.
  ///
  /// - Parameters:
  ///   - event: the event.
  ///   - cgroup: its cgroup's path, which is a column.
  ///   - buffer: an empty buffer.
  mutating func write(_ event: DecodedEvent, cgroup: [UInt8]?, into buffer: inout OutputBuffer) {
    let isCommValid = event.comm.isValidUTF8
    let isCgroupValid = cgroup.map { $0.span.raw.isValidUTF8 } ?? true
    if isCommValid && isCgroupValid { return format.writeDetails(event, into: &buffer) }
    // Rare; the columns' bytes stand last, as no later key follows them.
    var own = OutputBuffer(capacity: 1024)
    format.writeDetails(event, into: &own)
    buffer.append(own.bytes.extracting(0..<own.count - 1))
    var isFirst = own.count == 2
    if !isCommValid {
      buffer.append(isFirst ? "\"comm_b64\":" : ",\"comm_b64\":")
      buffer.append(base64String: event.comm)
      isFirst = false
    }
    if let cgroup, !isCgroupValid {
      buffer.append(isFirst ? "\"cgroup_b64\":" : ",\"cgroup_b64\":")
      buffer.append(base64String: cgroup.span.raw)
    }
    buffer.append("}")
  }

  /// Appends a gap's object.
  mutating func write(gap: Gap, into buffer: inout OutputBuffer) {
    format.writeDetails(gap: gap, into: &buffer)
  }
}

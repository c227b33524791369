import EventFormats
import KernelEvents

extension OutputBuffer {
  /// Appends `bytes` with U+FFFD in place of what is not UTF-8, as JSON output has it.
  mutating func append(repairing bytes: RawSpan) {
    var start = 0
    var offset = 0
    while offset < bytes.byteCount {
      if bytes.byte(offset) < 0x80 {
        offset += 1
        continue
      }
      let step = bytes.scalarStep(at: offset)
      if step.scalar == nil {
        append(bytes.extracting(start..<offset))
        append("\u{FFFD}")
        start = offset + step.length
      }
      offset += step.length
    }
    append(bytes.extracting(start..<offset))
  }
}

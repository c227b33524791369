import EventFormats
import KernelEvents

/// The columns to the left of a drawn tree: when a process started, how long it ran, how it ended.
struct TreeColumns {
  /// Characters of the column that tells the end, the blank behind it included.
  static var endWidth: Int { 15 }
  private static var ranWidth: Int { 9 }

  private let begin: UInt64?
  private let clock: ClockOffset?

  /// Columns of times since `begin`, or of times of day where `clock` tells them.
  init(begin: UInt64?, clock: ClockOffset?) {
    self.begin = begin
    self.clock = clock
  }

  private var startWidth: Int { clock == nil ? 16 : 30 }

  /// Characters of all columns together.
  var width: Int { startWidth + TreeColumns.ranWidth + 2 + TreeColumns.endWidth }

  /// Appends the columns' titles.
  func appendTitles(to buffer: inout OutputBuffer) {
    right("START", startWidth, &buffer)
    right("RAN", TreeColumns.ranWidth, &buffer)
    buffer.append("  ")
    let start = buffer.count
    buffer.append("END")
    buffer.pad(from: start, to: TreeColumns.endWidth)
    buffer.append("PROCESS")
  }

  /// Appends columns without anything in them.
  func appendBlank(to buffer: inout OutputBuffer) { buffer.append(UInt8(ascii: " "), count: width) }

  /// Appends the first column.
  func append(start: UInt64, to buffer: inout OutputBuffer) {
    var text = OutputBuffer(capacity: 32)
    append(moment: start, to: &text)
    buffer.append(UInt8(ascii: " "), count: startWidth - text.count)
    buffer.append(text.bytes)
  }

  /// Appends the second column.
  func append(ran runtime: UInt64?, to buffer: inout OutputBuffer) {
    var text = OutputBuffer(capacity: 32)
    if let runtime { text.append(duration: runtime) } else { text.append("-") }
    var characters = 0
    for offset in 0..<text.count where text.bytes.byte(offset) & 0xC0 != 0x80 { characters += 1 }
    buffer.append(UInt8(ascii: " "), count: TreeColumns.ranWidth - characters)
    buffer.append(text.bytes)
    buffer.append("  ")
  }

  /// Appends a moment: seconds since the beginning, `+1.234567`, or UTC.
  func append(moment: UInt64, to buffer: inout OutputBuffer) {
    if var clock { return buffer.append(clock.rfc3339(moment).span.raw) }
    let begin = begin ?? 0
    let distance = moment >= begin ? moment - begin : begin - moment
    buffer.append(moment >= begin ? "+" : "-")
    buffer.append(decimal: distance / 1_000_000_000)
    buffer.append(".")
    let fraction = distance % 1_000_000_000 / 1000
    var unit: UInt64 = 100_000
    while unit > 0 {
      buffer.append(UInt8(ascii: "0") + UInt8(fraction / unit % 10))
      unit /= 10
    }
  }

  private func right(_ title: StaticString, _ width: Int, _ buffer: inout OutputBuffer) {
    buffer.append(UInt8(ascii: " "), count: width - title.utf8CodeUnitCount)
    buffer.append(title)
  }
}

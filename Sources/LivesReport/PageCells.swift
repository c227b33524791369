import EventFormats
import KernelEvents
import Markup

/// The texts in the page's cells. What comes from the recording is shown as a terminal would be, control
/// characters as escapes, and then escaped for HTML.
extension PageTables {
  /// A process's pid, which leads to its life where the timeline has it.
  func link(_ process: ProcessTree.Process) -> String {
    guard let place = data.places[process.key] else { return "\(process.key.pid)" }
    return "<button type=\"button\" data-life=\"\(place)\">\(process.key.pid)</button>"
  }

  /// What a process runs.
  func command(_ process: ProcessTree.Process) -> String {
    escaped { $0.append(commandOf: process) }
  }

  /// A process's name.
  func comm(_ process: ProcessTree.Process) -> String {
    escaped { $0.append(visible: process.comm.span.raw) }
  }

  /// How a process ended.
  func status(_ process: ProcessTree.Process) -> String {
    guard let status = process.status else { return "no end" }
    return escaped { $0.append(status: status) }
  }

  /// A number with its thousands apart.
  func number(_ value: UInt64) -> String { escaped { $0.append(grouped: value) } }

  /// A length of time in the unit that fits.
  func duration(_ nanoseconds: UInt64) -> String { escaped { $0.append(duration: nanoseconds) } }

  /// A moment as seconds since the beginning, as the timeline shows it.
  func moment(_ moment: UInt64) -> String {
    let isBefore = moment < data.begin
    let distance = isBefore ? data.begin - moment : moment - data.begin
    let fraction = String(distance % 1_000_000_000 / 1000)
    return (isBefore ? "−" : "+") + "\(distance / 1_000_000_000)."
      + String(repeating: "0", count: 6 - fraction.count) + fraction + " s"
  }

  /// A number with one digit behind the point.
  static func tenths(_ value: Double) -> String {
    let tenths = UInt64(max(0, value * 10 + 0.5))
    return "\(tenths / 10).\(tenths % 10)"
  }

  /// The text of a time of day.
  static func text(_ time: InlineArray<30, UInt8>) -> String {
    String(decoding: (0..<30).map { time[$0] }, as: UTF8.self)
  }

  /// A time of day in whole seconds, for a heading.
  static func day(_ time: InlineArray<30, UInt8>) -> String {
    let whole = text(time)
    return "\(whole.prefix(10)) \(whole.dropFirst(11).prefix(8)) UTC"
  }

  private func escaped(_ fill: (inout OutputBuffer) -> Void) -> String {
    var text = OutputBuffer(capacity: 64)
    fill(&text)
    return Markup.escape(String(decoding: text.array, as: UTF8.self))
  }
}

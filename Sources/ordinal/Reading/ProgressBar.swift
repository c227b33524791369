import Glibc
import Sequencer

/// How far a long piece of work is, as one line on a terminal that is written over; nothing elsewhere.
struct ProgressBar {
  private let isShown: Bool
  private let total: UInt64
  private let began = monotonicNow()
  private var nextUpdate: UInt64
  private var isDrawn = false

  /// Nanoseconds between two drawings, and before the first: short work shows none.
  private static let interval: UInt64 = 200_000_000

  /// A bar for `total` bytes; silent where stderr is no terminal, or where that was asked for.
  init(total: UInt64, isQuiet: Bool) {
    isShown = !isQuiet && isatty(STDERR_FILENO) == 1
    self.total = max(1, total)
    nextUpdate = monotonicNow() &+ ProgressBar.interval
  }

  /// Draws how far it is, not too often.
  mutating func update(_ done: UInt64) {
    guard isShown, case let now = monotonicNow(), now >= nextUpdate else { return }
    nextUpdate = now &+ ProgressBar.interval
    let share = min(1, Double(done) / Double(total))
    let seconds = Double(now &- began) / 1e9
    let left = share > 0 ? seconds * (1 - share) / share : 0
    let filled = Int(share * 30)
    let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 30 - filled)
    let rate = Double(done) / max(seconds, 1e-9) / 1e6
    draw(
      "\(bar) \(Int(share * 100)) %  \(Int(rate)) MB/s  \(Int(left.rounded(.up))) s left")
    isDrawn = true
  }

  /// Takes the line away.
  mutating func clear() {
    if isDrawn { draw("") }
    isDrawn = false
  }

  private func draw(_ text: String) {
    let line = "\r\u{1B}[K" + text
    _ = unsafe write(STDERR_FILENO, line, line.utf8.count)
  }
}

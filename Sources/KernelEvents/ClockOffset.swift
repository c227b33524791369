import Glibc

/// Turns nanoseconds of `CLOCK_MONOTONIC` into UTC text (RFC 3339 with nine digits).
///
/// The offset between the clocks is measured once: a step of the wall clock during a run doesn't
/// reorder the text. The text of the current second is kept, so most calls write nine digits.
public struct ClockOffset: Sendable {
  /// Nanoseconds to add to the monotonic clock to get the time since 1970.
  public let nanoseconds: Int64
  private var cachedSecond: Int64
  private var text: InlineArray<30, UInt8>

  /// Makes a converter of a known offset (a recording carries its own).
  public init(nanoseconds: Int64) {
    self.nanoseconds = nanoseconds
    cachedSecond = .min
    text = InlineArray(repeating: UInt8(ascii: "0"))
    text[4] = UInt8(ascii: "-")
    text[7] = UInt8(ascii: "-")
    text[10] = UInt8(ascii: "T")
    text[13] = UInt8(ascii: ":")
    text[16] = UInt8(ascii: ":")
    text[19] = UInt8(ascii: ".")
    text[29] = UInt8(ascii: "Z")
  }

  /// Measures the offset of this machine's clocks: of some readings the one that took least time.
  public static func measured() -> ClockOffset {
    var best: Int64 = 0
    var least = Int64.max
    for _ in 0..<8 {
      let before = reading(CLOCK_MONOTONIC)
      let wall = reading(CLOCK_REALTIME)
      let after = reading(CLOCK_MONOTONIC)
      if after - before < least {
        least = after - before
        best = wall - (before + (after - before) / 2)
      }
    }
    return ClockOffset(nanoseconds: best)
  }

  private static func reading(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    // The kernel fills `time`; both clocks always exist.
    unsafe clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }

  /// The time `monotonic` as `YYYY-MM-DDTHH:MM:SS.nnnnnnnnnZ`, 30 bytes of ASCII.
  ///
  /// Every value of `monotonic` gives a year of four digits.
  public mutating func rfc3339(_ monotonic: UInt64) -> InlineArray<30, UInt8> {
    let billion: Int64 = 1_000_000_000
    // The remainder first: floor × 10⁹ would leave the range near its lower end.
    var offsetFraction = nanoseconds % billion
    if offsetFraction < 0 { offsetFraction += billion }
    var second = Int64(monotonic / 1_000_000_000) + floorDivide(nanoseconds, billion)
    var fraction = Int64(monotonic % 1_000_000_000) + offsetFraction
    if fraction >= billion {
      fraction -= billion
      second += 1
    }
    if second != cachedSecond {
      writeSecond(second)
      cachedSecond = second
    }
    var digits = UInt64(fraction)
    for place in stride(from: 28, through: 20, by: -1) {
      text[place] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: digits % 10)
      digits /= 10
    }
    return text
  }

  private mutating func writeSecond(_ second: Int64) {
    let day = floorDivide(second, 86_400)
    let rest = second - day * 86_400
    let date = civilDate(daysSince1970: day)
    write(date.year, at: 0, digits: 4)
    write(date.month, at: 5, digits: 2)
    write(date.day, at: 8, digits: 2)
    write(rest / 3600, at: 11, digits: 2)
    write(rest / 60 % 60, at: 14, digits: 2)
    write(rest % 60, at: 17, digits: 2)
  }

  private mutating func write(_ number: Int64, at start: Int, digits: Int) {
    var number = number
    for place in stride(from: start + digits - 1, through: start, by: -1) {
      text[place] = UInt8(ascii: "0") + UInt8(number % 10)
      number /= 10
    }
  }
}

private func floorDivide(_ number: Int64, _ divisor: Int64) -> Int64 {
  let quotient = number / divisor
  return number % divisor < 0 ? quotient - 1 : quotient
}

/// The proleptic Gregorian date of a day counted from 1970-01-01.
///
/// A year is taken to begin in March, so that the leap day is its last; 146 097 days are 400 years.
package func civilDate(daysSince1970: Int64) -> (year: Int64, month: Int64, day: Int64) {
  let shifted = daysSince1970 + 719_468
  let era = floorDivide(shifted, 146_097)
  let dayOfEra = shifted - era * 146_097
  let yearOfEra =
    (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
  let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
  let monthFromMarch = (5 * dayOfYear + 2) / 153
  let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
  let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
  return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
}

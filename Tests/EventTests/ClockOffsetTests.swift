import Foundation
import KernelEvents
import TestSupport
import Testing

@Suite("Time as text")
struct ClockOffsetTests {
  private func text(_ clock: inout ClockOffset, _ monotonic: UInt64) -> String {
    clock.rfc3339(monotonic).span.raw.text
  }

  @Test(
    "seconds since 1970 as UTC",
    arguments: [
      (Int64(0), "1970-01-01T00:00:00"), (951_782_399, "2000-02-28T23:59:59"),
      (951_782_400, "2000-02-29T00:00:00"), (951_868_800, "2000-03-01T00:00:00"),
      (1_709_164_800, "2024-02-29T00:00:00"), (1_709_251_199, "2024-02-29T23:59:59"),
      (1_735_689_599, "2024-12-31T23:59:59"), (1_735_689_600, "2025-01-01T00:00:00"),
      (4_107_542_399, "2100-02-28T23:59:59"), (4_107_542_400, "2100-03-01T00:00:00"),
      (2_147_483_648, "2038-01-19T03:14:08"), (-1, "1969-12-31T23:59:59"),
      (-2_203_891_200, "1900-03-01T00:00:00"),
    ])
  func seconds(second: Int64, expected: String) {
    var clock = ClockOffset(nanoseconds: second * 1_000_000_000)
    #expect(text(&clock, 0) == expected + ".000000000Z")
    #expect(text(&clock, 7) == expected + ".000000007Z")
    #expect(text(&clock, 999_999_999) == expected + ".999999999Z")
  }

  @Test("nanoseconds carry into the second, and the second's text is renewed")
  func carry() {
    var clock = ClockOffset(nanoseconds: 1_600_000_000_999_999_999)
    #expect(text(&clock, 0) == "2020-09-13T12:26:40.999999999Z")
    #expect(text(&clock, 1) == "2020-09-13T12:26:41.000000000Z")
    #expect(text(&clock, 0) == "2020-09-13T12:26:40.999999999Z")
    #expect(text(&clock, 20_000_000_000) == "2020-09-13T12:27:00.999999999Z")
  }

  @Test("negative offsets with a fraction")
  func negative() {
    var clock = ClockOffset(nanoseconds: -1)
    #expect(text(&clock, 0) == "1969-12-31T23:59:59.999999999Z")
    #expect(text(&clock, 1) == "1970-01-01T00:00:00.000000000Z")
  }

  @Test("the ends of the range have four-digit years")
  func ends() {
    for offset in [Int64.min, -1, 0, .max] {
      var clock = ClockOffset(nanoseconds: offset)
      for monotonic in [UInt64(0), .max] {
        let found = text(&clock, monotonic)
        #expect(found.utf8.count == 30)
        #expect(Int(found.prefix(4)) != nil, "\(found)")
      }
    }
    var clock = ClockOffset(nanoseconds: 0)
    #expect(text(&clock, .max) == "2554-07-21T23:34:33.709551615Z")
  }

  @Test("every day of 800 years follows the one before, as Foundation counts them")
  func civil() {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = TimeZone(secondsFromGMT: 0)!
    for day in stride(from: Int64(-50_000), through: 250_000, by: 97) {
      let date = civilDate(daysSince1970: day)
      let parts = calendar.dateComponents(
        [.year, .month, .day], from: Date(timeIntervalSince1970: Double(day) * 86_400))
      #expect(Int(date.year) == parts.year && Int(date.month) == parts.month)
      #expect(Int(date.day) == parts.day)
    }
  }

  @Test("the measured offset tells the time of now")
  func measured() {
    var clock = ClockOffset.measured()
    var now = timespec()
    // Fills `now`.
    unsafe clock_gettime(CLOCK_MONOTONIC, &now)
    let monotonic = UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
    let wall = Date().timeIntervalSince1970
    let told = Double(clock.nanoseconds) / 1e9 + Double(monotonic) / 1e9
    #expect(abs(told - wall) < 1)
    let formatter = ISO8601DateFormatter()
    let parsed = formatter.date(from: String(text(&clock, monotonic).prefix(19)) + "Z")
    #expect(abs((parsed ?? .distantPast).timeIntervalSince1970 - wall) < 2)
  }
}

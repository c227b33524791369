import Capture
import SequencerABI
import Testing

struct RingSizeTests {
  static let sizes: [(String, UInt64)] = [
    ("4096", 4096), ("0", 0), ("16MiB", 16_777_216), ("16M", 16_777_216), ("16mb", 16_777_216),
    ("512KiB", 524_288), ("512k", 524_288), ("1GiB", 1_073_741_824), ("2g", 2_147_483_648),
    ("100b", 100), ("3MiB", 3_145_728), ("18446744073709551615", .max),
  ]

  @Test(arguments: sizes)
  func parsesWhatPeopleWrite(text: String, bytes: UInt64) {
    #expect(RingSize.parse(text) == bytes)
  }

  @Test(arguments: [
    "", "MiB", "-1", "+1", "1.5MiB", "16 MiB", "16TiB", "16MiBs", " 16", "0x10", "١٦MiB", "1e6",
    "18446744073709551616", "17179869184GiB", "18014398509481984KiB",
  ])
  func refusesWhatIsNoSize(text: String) {
    #expect(RingSize.parse(text) == nil)
  }

  static let texts: [(UInt64, String)] = [
    (0, "0"), (1, "1"), (1000, "1000"), (1024, "1KiB"), (1536, "1536"), (4096, "4KiB"),
    (262_144, "256KiB"), (1_048_576, "1MiB"), (3_145_728, "3MiB"), (1_049_600, "1025KiB"),
    (16_777_216, "16MiB"), (1_073_741_824, "1GiB"), (3_221_225_472, "3GiB"),
    (1 << 40, "1024GiB"),
  ]

  @Test(arguments: texts)
  func writesAndReadsBack(bytes: UInt64, text: String) {
    #expect(RingSize.text(bytes) == text)
    #expect(RingSize.parse(text) == bytes)
  }

  @Test("Without a wish the ring is the standard one, or the least where that is too small")
  func standard() throws {
    #expect(try RingSize.geometry(bytes: nil, possibleCPUs: 2).capacity == 131_072)
    // 128 CPUs need 4 × 49152 slots, 32 MiB.
    #expect(try RingSize.geometry(bytes: nil, possibleCPUs: 128).capacity == 262_144)
  }

  @Test(arguments: [1, 2, 3, 4, 8, 64, 128, 1365])
  func everySizeIsUsableOrTheMessageNamesOneThatIs(cpus: Int) throws {
    var usable = 0
    for shift in UInt64(0)...40 {
      for bytes in [1 << shift, (1 << shift) + 128, (1 << shift) - 1, 3 << shift] as [UInt64] {
        do {
          let geometry = try RingSize.geometry(bytes: bytes, possibleCPUs: cpus)
          #expect(geometry.capacity == bytes / 128)
          usable += 1
        } catch {
          // The last word is a size, and that size works here.
          let named = try #require(error.description.split(separator: " ").last)
          let suggested = try #require(RingSize.parse(String(named)), "\(error.description)")
          #expect(throws: Never.self) {
            try RingSize.geometry(bytes: suggested, possibleCPUs: cpus)
          }
        }
      }
    }
    #expect(usable > 0)
  }

  private func message(_ bytes: UInt64, cpus: Int) -> String? {
    do {
      _ = try RingSize.geometry(bytes: bytes, possibleCPUs: cpus)
      return nil
    } catch {
      return error.description
    }
  }

  @Test func messagesNameTheRemedy() {
    #expect(
      message(64 << 10, cpus: 2)
        == "a ring of 64KiB is too small for 2 possible CPUs; the smallest that works here is "
        + "--ring-size 512KiB")
    #expect(message(512 << 10, cpus: 2) == nil)
    #expect(
      message(3 << 20, cpus: 2)
        == "a ring of 3MiB is not a power of two; use --ring-size 2MiB or 4MiB")
    #expect(
      message(4 << 30, cpus: 2)
        == "a ring of 4GiB is too large; the largest is --ring-size 256MiB")
    #expect(
      message(16 << 20, cpus: 4096)
        == "4096 possible CPUs need a ring of 1GiB, and the verifier lets programs index 256MiB; "
        + "boot with possible_cpus=1365 or less")
    #expect(
      message(16 << 20, cpus: 1366)
        == "1366 possible CPUs need a ring of 512MiB, and the verifier lets programs index 256MiB; "
        + "boot with possible_cpus=1365 or less")
    #expect(message(256 << 20, cpus: 1365) == nil)
    #expect(message(256 << 20, cpus: 2) == nil && message(257 << 20, cpus: 2) != nil)
    // The power of two below would be too small.
    #expect(
      message(1000 << 10, cpus: 4)
        == "a ring of 1000KiB is too small for 4 possible CPUs; the smallest that works here is "
        + "--ring-size 1MiB")
    #expect(
      message((1 << 20) + 128, cpus: 4)
        == "a ring of 1048704 is not a power of two; use --ring-size 1MiB or 2MiB")
  }

  private func memoryMessage(_ bytes: UInt64, available: UInt64?, cpus: Int = 2) throws -> String? {
    let geometry = try RingSize.geometry(bytes: bytes, possibleCPUs: cpus)
    do {
      try RingSize.check(geometry, available: available, possibleCPUs: cpus)
      return nil
    } catch {
      return error.description
    }
  }

  @Test("A ring larger than memory: the message names the largest that fits, or that none does")
  func largerThanMemory() throws {
    #expect(try memoryMessage(256 << 20, available: nil) == nil)
    // 47 slots behind the ring belong to it.
    let tail: UInt64 = 47 * 128
    #expect(try memoryMessage(16 << 20, available: (16 << 20) + tail) == nil)
    #expect(
      try memoryMessage(16 << 20, available: (16 << 20) + tail - 1)
        == "a ring of 16MiB is larger than the memory available, 16389 KiB; "
        + "the largest that fits is --ring-size 8MiB")
    #expect(
      try memoryMessage(256 << 20, available: 100 << 20)
        == "a ring of 256MiB is larger than the memory available, 102400 KiB; "
        + "the largest that fits is --ring-size 64MiB")
    #expect(try memoryMessage(64 << 20, available: 100 << 20) == nil)
    #expect(
      try memoryMessage(1 << 20, available: 100 << 10)
        == "there is no memory for a ring: 100 KiB are available, and the smallest that works here "
        + "takes 512KiB; free some memory")
  }

  @Test func readsTheMemoryAvailable() {
    #expect(
      RingSize.availableMemory("MemTotal: 5 kB\nMemAvailable:   24208080 kB\n")
        == 24789073920)
    for text in [
      "", "MemAvailable: 5", "MemAvailable: x kB", "MemFree: 5 kB",
      "MemAvailable: 18446744073709551615 kB",
    ] {
      #expect(RingSize.availableMemory(text) == nil)
    }
  }
}

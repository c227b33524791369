import KernelEvents
import SequencerABI
import RingStress
import TestSupport
import Testing

extension FuzzTests {
  /// Inputs made by a seeded generator that knows what inputs look like: a short run of the same, each
  /// time, where libFuzzer's takes its time and goes by what it reaches.
  @Suite struct GeneratorTests {
    @Test("Records, each a little damaged", .timeLimit(.minutes(5)), arguments: 0..<8)
    func records(seed: Int) {
      Generator.tryAll(.record, count: 3000, seed: seed) { Generator.record(&$0) }
    }

    @Test("Rings, and what befalls them", .timeLimit(.minutes(5)), arguments: 0..<4)
    func rings(seed: Int) {
      Generator.tryAll(.ring, count: 800, seed: seed) { Generator.ring(&$0) }
    }

    @Test("Command lines", .timeLimit(.minutes(5)), arguments: 0..<2)
    func commandLines(seed: Int) {
      Generator.tryAll(.options, count: 300, seed: seed) { Generator.commandLine(&$0) }
    }

    @Test("Texts, globs and sizes", .timeLimit(.minutes(5)), arguments: 0..<2)
    func texts(seed: Int) {
      Generator.tryAll(.text, count: 6000, seed: seed) { Generator.text(&$0) }
    }

    @Test("Recordings", .timeLimit(.minutes(5)), arguments: 0..<2)
    func recordings(seed: Int) {
      Generator.tryAll(.recording, count: 3000, seed: seed) { Generator.recording(&$0) }
    }

    @Test("The records made are events and refusals, some of each")
    func recordsAreOfBothKinds() throws {
      var random = RandomNumbers(seed: 5)
      var decoded = 0
      for _ in 0..<2000 {
        let bytes = Generator.record(&random)
        if (try? decoding(bytes) { _ in true }) != nil { decoded += 1 }
      }
      #expect(decoded > 200 && decoded < 1800, "\(decoded) of 2000 decoded")
    }
  }

  /// The same, a hundred times as long.
  @Suite struct GeneratorLongTests {
    @Test(.timeLimit(.minutes(20)), arguments: FuzzTarget.allCases)
    func manyMore(target: FuzzTarget) {
      let counts: [FuzzTarget: Int] = [
        .record: 200_000, .ring: 40_000, .options: 20_000, .text: 400_000, .recording: 200_000,
      ]
      let count = counts[target] ?? 0
      Generator.tryAll(target, count: count, seed: 1000) { random in
        switch target {
        case .record: Generator.record(&random)
        case .ring: Generator.ring(&random)
        case .options: Generator.commandLine(&random)
        case .text: Generator.text(&random)
        case .recording: Generator.recording(&random)
        }
      }
    }
  }
}

private enum Generator {
  /// Runs a target on `count` inputs; the first findings are told with their bytes.
  static func tryAll(
    _ target: FuzzTarget, count: Int, seed: Int, _ make: (inout RandomNumbers) -> [UInt8]
  ) {
    var random = RandomNumbers(seed: UInt64(seed) &* 7919 &+ 1)
    var findings = 0
    for _ in 0..<count {
      let bytes = make(&random)
      do { try target.run(bytes) } catch {
        findings += 1
        if findings <= 3 { Issue.record("\(error); of \(bytes)") }
      }
    }
    #expect(findings == 0, "\(findings) of \(count)")
  }

  // MARK: Records

  private static let seeds: [[UInt8]] = {
    let child = ProcessKey(pid: 7, start: 2_000_000_000)
    let builders: [RecordBuilder] = [
      .fork(child: child, flags: .max), .fork(child: child).with(lost: [.process: 2], after: 3),
      .exec(), .exec(flags: .credentialsBefore).with(lost: [.process: 1]),
      .exec(
        path: Array("/ä/é".utf8), workingDirectory: Array("ü\0ö\0".utf8),
        arguments: Array("a\0b\\\"\0\u{1B}[31m\0".utf8), count: 3),
      .exit(status: 0x8B), .exit().with(lost: [.test: 9], after: 9),
      RecordBuilder(kind: .test),
    ]
    return builders.map { $0.bytes() }
  }()

  static func record(_ random: inout RandomNumbers) -> [UInt8] {
    var bytes = seeds[Int.random(in: 0..<seeds.count, using: &random)]
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      let place = Int.random(in: 0..<bytes.count, using: &random)
      switch Int.random(in: 0..<6, using: &random) {
      case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
      case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 2: bytes[place] = [0, 0x7F, 0x80, 0xFF, 0xC2, 0xE2, 0xED, 0xF4][place % 8]
      case 3:
        // The strings and names, where most mutants still decode.
        let target = Int.random(in: min(64, bytes.count - 1)..<bytes.count, using: &random)
        for index in target..<min(bytes.count, target + 6) {
          bytes[index] = UInt8.random(in: 0x78...0xFF, using: &random)
        }
      case 4: bytes[Int.random(in: 16..<32, using: &random)] = UInt8(place & 0xFF)
      default:
        if bytes.count > 2 * Slot.size, place % 4 == 0 { bytes.removeLast(Slot.size) }
      }
    }
    // Noise, with the few fields right that would refuse nearly all of it.
    if random.oneIn(16) {
      for index in 0..<bytes.count { bytes[index] = UInt8.random(in: 0...255, using: &random) }
      bytes.replaceSubrange(16..<18, with: bytesOf(UInt16(0x0102)))
      bytes.replaceSubrange(18..<20, with: bytesOf(UInt16(bytes.count / Slot.size)))
      bytes.replaceSubrange(28..<32, with: bytesOf(UInt32(bytes.count - Slot.headerSize)))
      bytes[22] &= 0xF7
    }
    return bytes
  }

  // MARK: The others

  /// Acts as they come; what they write is small numbers more often than not.
  static func ring(_ random: inout RandomNumbers) -> [UInt8] {
    (0..<Int.random(in: 8...600, using: &random)).map { _ in
      random.oneIn(3)
        ? UInt8.random(in: 0...255, using: &random) : UInt8.random(in: 0...16, using: &random)
    }
  }

  /// A program for segments, or a sound segment with a little damage.
  static func recording(_ random: inout RandomNumbers) -> [UInt8] {
    if random.oneIn(2) {
      return [UInt8.random(in: 0...127, using: &random) << 1 | 1]
        + (0..<Int.random(in: 4...400, using: &random)).map { _ in
          random.oneIn(4)
            ? UInt8.random(in: 0...255, using: &random) : UInt8.random(in: 0...12, using: &random)
        }
    }
    var image = SegmentImage()
    var next: UInt64 = 0
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      let records = (0..<Int.random(in: 1...3, using: &random)).map { _ in
        RecordBuilder.fork(child: ProcessKey(pid: 7, start: 2))
      }
      image.append(records: records, from: next)
      next += UInt64(records.reduce(0) { $0 + $1.bytes().count / Slot.size })
    }
    var bytes = image.bytes
    for _ in 0..<Int.random(in: 0...3, using: &random) {
      let place = Int.random(in: 0..<bytes.count, using: &random)
      bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      if random.oneIn(4) { bytes.removeLast(bytes.count - place) }
      if bytes.isEmpty { break }
    }
    return [0] + bytes
  }

  private static let words = [
    "trace", "trace", "trace", "doctor", "-o", "json", "xml", "--pid", "1", "-1", "--tree",
    "--uid", "root", "4294967296", "--comm", "a*", "[", "abcdefghijklmnop", "--cgroup", "/", "..",
    "--duration", "1e9", "nan", "inf", "0x1p3", "1e-320", "--count", "0", "18446744073709551615",
    "--ring-size", "16MiB", "17", "18014398509481984k", "--wait", "spin", "--timestamps", "none",
    "--until", "command", "--pin", "a/b", "--leave-pinned", "--include-self", "-q", "--", "true",
    "", "=", "--help", "--version", "--durations", "--count=1", "--count=", "-oq", "\u{202E}x",
  ]

  static func commandLine(_ random: inout RandomNumbers) -> [UInt8] {
    var line: [UInt8] = []
    for index in 0..<Int.random(in: 1...8, using: &random) {
      if index > 0 { line.append(0) }
      var word = Array(
        (index == 0 && !random.oneIn(4) ? "trace" : words.randomElement(using: &random) ?? "").utf8)
      if random.oneIn(6) {
        let place = Int.random(in: 0...word.count, using: &random)
        word.insert(UInt8.random(in: 1...255, using: &random), at: place)
      }
      line += word
    }
    return line
  }

  static func text(_ random: inout RandomNumbers) -> [UInt8] {
    let choice = UInt8.random(in: 0..<6, using: &random)
    let letters = Array(
      [
        "36 35 98:0 / /sys/fs\\040 cgroup2 - rw\n/\\1", "0123456789,-- \n",
        "6.18.1-rc CapEff:\t0f[]",
        "ab*?[]!^-\\\0\0", "ab*?[]!^-\\\0\0", "0123456789kKmMgGiIbB ",
      ][Int(choice)].utf8)
    return [choice]
      + (0..<Int.random(in: 0...40, using: &random)).map { _ in
        random.oneIn(24)
          ? UInt8.random(in: 0...255, using: &random)
          : letters[Int.random(in: 0..<letters.count, using: &random)]
      }
  }
}

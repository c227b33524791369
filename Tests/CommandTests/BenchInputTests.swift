import Testing

@Suite("Bad input to bench")
struct BenchInputTests {
  struct Input: CustomTestStringConvertible, Sendable {
    var arguments: [String]
    var words: [String]
    var testDescription: String { arguments.joined(separator: " ") }
  }

  @Test(
    "one line, status 2, before anything is measured",
    arguments: [
      Input(arguments: ["all", "--rounds", "0"], words: ["--rounds", "1 to 1000"]),
      Input(arguments: ["capture", "--forks", "0"], words: ["--forks", "1 to 10000000"]),
      Input(arguments: ["producer", "--cpus", "0"], words: ["--cpus", "'0'"]),
      Input(arguments: ["producer", "--cpus", "1,,2"], words: ["--cpus", "''"]),
      Input(arguments: ["producer", "--cpus", "99999"], words: ["--cpus", "online"]),
      Input(
        arguments: ["producer", "--payload", "57"], words: ["--payload", "8, 56, 120 or 248"]),
      Input(
        arguments: ["order", "--transports", "ringbuf,pipe"],
        words: ["--transports", "'pipe'", "sequencer"]),
      Input(arguments: ["idle", "--bytes", "5MiB"], words: ["--bytes", "power of two"]),
      Input(arguments: ["report", "/nonexistent.json"], words: ["can't read '/nonexistent.json'"]),
    ])
  func badValues(_ input: Input) throws {
    expectOneLine(
      try Program.run(["bench"] + input.arguments), status: 2, saying: input.words)
  }

  @Test("an unknown part is told where to look")
  func unknown() throws {
    expectOneLine(
      try Program.run(["bench", "speed"]), status: 64, saying: ["'speed'", "--help"])
  }

  @Test("the help names every part")
  func help() throws {
    let result = try Program.run(["bench", "--help"])
    #expect(result.status == 0)
    for part in [
      "all", "producer", "consumer", "zero-loss", "latency", "idle", "overhead", "design",
      "capture", "order", "report",
    ] {
      #expect(result.text.contains("\n  \(part) "), "\(part)")
    }
  }
}

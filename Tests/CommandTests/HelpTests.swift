import Testing

@Suite("Help and version")
struct HelpTests {
  @Test("the command's help names its subcommands")
  func root() throws {
    let outcome = try Program.run(["--help"])
    #expect(outcome.status == 0)
    #expect(outcome.errors.isEmpty)
    for word in ["trace", "doctor", "--version", "USAGE: ordinal"] {
      #expect(outcome.text.contains(word))
    }
  }

  @Test("without arguments it shows its help")
  func bare() throws {
    #expect(try Program.run([]).output == Program.run(["--help"]).output)
  }

  @Test("trace's help names every option and each choice")
  func trace() throws {
    let outcome = try Program.run(["trace", "--help"])
    #expect(outcome.status == 0)
    for option in [
      "-o, --output", "--events", "--pid", "--tree", "--uid", "--comm", "--cgroup", "--duration",
      "--count", "--ring-size", "--wait", "--timestamps", "--summary", "--until", "--pin",
      "--leave-pinned", "--include-self", "-q, --quiet", "-- COMMAND",
      "pretty", "json", "compact", "tree", "park", "yield", "spin", "precise", "coarse", "none",
      "16MiB",
      "offered = delivered + lost + missed", "126 or 127", "128 + n", "Ctrl-C", "ordinal doctor",
    ] {
      #expect(outcome.text.contains(option), "\(option)")
    }
  }

  @Test("export's help names its formats and its status")
  func export() throws {
    let outcome = try Program.run(["export", "--help"])
    #expect(outcome.status == 0)
    let text = outcome.text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    for word in [
      "--format <format>", "perfetto, sqlite, csv or json", "-o, --output", "--force", "--events",
      "ui.perfetto.dev", "Exit status", "128 + n",
    ] {
      #expect(text.contains(word), "\(word)")
    }
  }

  @Test("doctor's help names its formats and its status")
  func doctor() throws {
    let outcome = try Program.run(["doctor", "--help"])
    #expect(outcome.status == 0)
    for word in ["--output", "text", "json", "exit status is 1", "Works without privilege"] {
      #expect(
        outcome.text.split(whereSeparator: \.isWhitespace).joined(separator: " ").contains(word))
    }
  }

  @Test(
    "help fits 80 columns",
    arguments: [["--help"], ["trace", "--help"], ["doctor", "--help"], ["export", "--help"]])
  func width(arguments: [String]) throws {
    for line in try Program.run(arguments).lines {
      #expect(line.count <= 80, "\(line)")
    }
  }

  @Test("help forms agree", arguments: ["trace", "doctor", "export"])
  func forms(name: String) throws {
    let help = try Program.run([name, "--help"]).output
    #expect(try Program.run(["help", name]).output == help)
    #expect(try Program.run([name, "-h"]).output == help)
  }

  @Test("the version is three numbers on a line")
  func version() throws {
    let outcome = try Program.run(["--version"])
    #expect(outcome.status == 0)
    #expect(outcome.text.wholeMatch(of: /[0-9]+\.[0-9]+\.[0-9]+\n/) != nil, "\(outcome.text)")
  }
}

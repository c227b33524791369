import Foundation
import Testing

/// What can be wrong with an export is told in one line, without privilege, and nothing is made.
@Suite("export: bad input")
struct ExportInputTests {
  @Test(
    "one line and the status",
    arguments: [
      BadInput("FILE", status: 64, saying: "--format", "ordinal export --help"),
      BadInput("FILE", "--format", "json", status: 64, saying: "--output", "export --help"),
      BadInput("--format", "json", "-o", "OUT", status: 64, saying: "<file>"),
      BadInput("FILE", "--format", "xml", "-o", "OUT", saying: "'xml'", "'perfetto'", "'csv'"),
      BadInput("FILE", "--format", "json", "-o", "OUT", saying: "FILE"),
      BadInput("no-such", "--format", "json", "-o", "OUT", saying: "no-such"),
      BadInput("FILE", "--format", "csv", "-o", "OUT", "--events", "x", saying: "family 'x'"),
    ])
  func wrong(input: BadInput) throws {
    let folder = try TemporaryFolder()
    let text = folder.path("text")
    try Data("no recording\n".utf8).write(to: URL(fileURLWithPath: text))
    let words = input.arguments.map {
      $0 == "FILE" ? text : $0 == "OUT" ? folder.path("out") : $0
    }
    let saying = input.words.map { $0 == "FILE" ? text : $0 }
    expectOneLine(try Program.run(["export"] + words), status: input.status, saying: saying)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["text"])
  }
}

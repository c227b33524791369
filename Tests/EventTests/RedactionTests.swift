import EventFormats
import KernelEvents
import Sequencer
import SequencerABI
import TestSupport
import Testing

@Suite("Arguments that are hidden")
struct RedactionTests {
  private func arguments(
    of record: RecordBuilder, hiding patterns: [String]
  ) throws -> (arguments: [String], isTruncated: Bool) {
    let bytes = record.bytes()
    var redaction = ArgumentRedaction(patterns.map { CommGlob($0) })
    var result: [String] = []
    var isTruncated = false
    let view = RecordView(bytes.span.raw)
    redaction.apply(to: try DecodedEvent(decoding: view), view) { shown in
      guard let event = try? DecodedEvent(decoding: shown), let exec = event.exec else {
        Issue.record("what is shown is no exec")
        return
      }
      var arguments = exec.arguments
      while let argument = arguments.next() { result.append(argument.text) }
      isTruncated = exec.isTruncated
      #expect(exec.path.text == "/bin/echo")
      #expect(exec.workingDirectoryBlock.text == "user\0home\0")
      #expect(event.gap?.total == (record.gapBlock == nil ? nil : 3))
    }
    return (result, isTruncated)
  }

  private func exec(_ words: [String]) -> RecordBuilder {
    .exec(arguments: Array(words.map { $0 + "\0" }.joined().utf8), count: UInt32(words.count))
  }

  static let cases: [(patterns: [String], words: [String], shown: [String])] = [
    (
      ["--password*"], ["mysql", "--password=hunter2", "-v"],
      ["mysql", "--password=[redacted]", "-v"]
    ),
    (
      ["--password*"], ["mysql", "--password", "hunter2", "-v"],
      ["mysql", "--password", "[redacted]", "-v"]
    ),
    (["--password"], ["mysql", "--password"], ["mysql", "--password"]),
    (["*token*"], ["curl", "x-token: 12", "y"], ["curl", "[redacted]", "y"]),
    (["AWS_*"], ["env", "AWS_KEY=a=b", "sh"], ["env", "AWS_KEY=[redacted]", "sh"]),
    (["a", "b"], ["a", "b", "c"], ["[redacted]", "[redacted]", "c"]),
    (["x"], ["a", "b"], ["a", "b"]),
    (["*"], ["", "-", "b"], ["[redacted]", "-", "[redacted]"]),
  ]

  @Test("are hidden, and nothing else", arguments: cases.indices)
  func hidden(index: Int) throws {
    let (patterns, words, shown) = Self.cases[index]
    #expect(try arguments(of: exec(words), hiding: patterns).arguments == shown)
    let lossy = exec(words).with(lost: [.process: 3])
    #expect(try arguments(of: lossy, hiding: patterns).arguments == shown)
  }

  @Test("more marks than there is room for: the rest is cut, and told")
  func long() throws {
    let words = [String](repeating: "p", count: 2000)
    let (shown, isTruncated) = try arguments(of: exec(words), hiding: ["p"])
    #expect(isTruncated && shown.count < 2000)
    #expect(!shown.contains("p"))
  }
}

import Glibc
import KernelEvents
import SequencerABI
import RingStress
import TestSupport
import Testing

@Suite("Patterns for task names")
struct CommGlobTests {
  private func matches(_ pattern: String, _ name: String) -> Bool {
    matches(CommGlob(pattern), Array(name.utf8))
  }

  private func matches(_ glob: CommGlob, _ name: [UInt8]) -> Bool { glob.matches(name.span.raw) }

  @Test(
    "patterns and names",
    arguments: [
      ("bash", "bash", true), ("bash", "bas", false), ("bash", "bashx", false), ("", "", true),
      ("", "a", false), ("*", "", true), ("*", "anything", true), ("**", "x", true),
      ("b*h", "bash", true), ("b*h", "bh", true), ("b*h", "bhx", false), ("*sh", "bash", true),
      ("*sh*", "sshd", true), ("?", "", false), ("?", "a", true), ("b?sh", "bash", true),
      ("[ab]c", "bc", true), ("[ab]c", "cc", false), ("[!ab]c", "cc", true),
      ("[!ab]c", "ac", false), ("[^ab]c", "cc", true), ("[a-c]", "b", true), ("[a-c]", "d", false),
      ("[c-a]", "b", false), ("[]]", "]", true), ("[!]]", "a", true), ("[!]]", "]", false),
      ("[a-]", "-", true), ("[-a]", "-", true), ("[", "[", true), ("[a", "[a", true),
      ("\\*", "*", true), ("\\*", "a", false), ("\\[a]", "[a]", true), ("a\\", "a\\", true),
      ("[\\]]", "]", true), ("*a*b*c", "xaxbxc", true), ("*a*b*c", "xaxcxb", false),
      ("ü*", "über", true), ("k*/[0-9]:*", "kworker/3:1H", true),
    ])
  func cases(pattern: String, name: String, expected: Bool) {
    #expect(matches(pattern, name) == expected)
  }

  @Test("a name ends at its first NUL")
  func nul() {
    let name: [UInt8] = [0x61, 0x62, 0, 0x63, 0, 0]
    #expect(matches(CommGlob("ab"), name))
    #expect(!matches(CommGlob("ab*c"), name))
  }

  @Test("many stars take no longer than pattern times name")
  func noCatastrophe() {
    let pattern = String(repeating: "*a", count: 4000) + "b"
    let name = String(repeating: "a", count: 4000)
    let began = ContinuousClock.now
    #expect(!matches(pattern, name))
    #expect(ContinuousClock.now - began < .seconds(10))
  }

  @Test("random patterns match as fnmatch() does")
  func likeFnmatch() {
    var random = RandomNumbers(seed: 5)
    let patternBytes: [UInt8] = Array("ab*?[]!-\\".utf8)
    let nameBytes: [UInt8] = Array("ab]-".utf8)
    var compared = 0
    for _ in 0..<60_000 {
      let pattern = (0..<Int.random(in: 0...6, using: &random)).map { _ in
        patternBytes.randomElement(using: &random)!
      }
      let name = (0..<Int.random(in: 0...5, using: &random)).map { _ in
        nameBytes.randomElement(using: &random)!
      }
      // glibc leaves these to itself: a lone backslash at the end, brackets without their end, and
      // classes; ours are told in the documentation.
      if pattern.last == UInt8(ascii: "\\") || pattern.contains(UInt8(ascii: "[")) { continue }
      compared += 1
      let text = String(decoding: pattern, as: UTF8.self)
      let subject = String(decoding: name, as: UTF8.self)
      // Both are NUL-terminated for the time of the call.
      let wanted = unsafe fnmatch(text, subject, 0) == 0
      #expect(matches(CommGlob(pattern), name) == wanted, "\(text) \(subject)")
    }
    #expect(compared > 10_000)
  }

  @Test(
    "sets match as fnmatch() does",
    arguments: ["[ab]", "[!ab]", "[a-b]", "[]a]", "[!]a]", "[a-]", "[-a]", "[!-]", "[\\]a]"])
  func setsLikeFnmatch(pattern: String) {
    for byte in UInt8(0x21)..<0x7F {
      let subject = String(decoding: [byte], as: UTF8.self)
      // Both are NUL-terminated for the time of the call.
      let wanted = unsafe fnmatch(pattern, subject, 0) == 0
      #expect(matches(pattern, subject) == wanted, "\(pattern) \(subject)")
    }
  }

  @Test(
    "what the kernel can test",
    arguments: [
      ("bash", CommGlob.Classification.literal(Array("bash".utf8)), true),
      ("ba*", .prefix(Array("ba".utf8)), true), ("ba**", .prefix(Array("ba".utf8)), true),
      ("*", .prefix([]), true), ("\\*", .literal(Array("*".utf8)), true), ("", .literal([]), true),
      ("b?", .pattern, false), ("*h", .pattern, false), ("b*h", .pattern, false),
      ("[a]", .pattern, false), ("fifteen-bytes-n", .literal(Array("fifteen-bytes-n".utf8)), true),
      ("sixteen-bytes-nn", .literal(Array("sixteen-bytes-nn".utf8)), false),
      ("sixteen-bytes-nn*", .prefix(Array("sixteen-bytes-nn".utf8)), false),
    ])
  func classification(pattern: String, expected: CommGlob.Classification, inKernel: Bool) {
    let glob = CommGlob(pattern)
    #expect(glob.classification == expected)
    #expect((glob.kernelMask != nil) == inKernel)
  }

  @Test("the kernel's test and ours agree", arguments: ["bash", "ba*", "*", "", "exactly-fifteen"])
  func maskAgrees(pattern: String) throws {
    let glob = CommGlob(pattern)
    let mask = try #require(glob.kernelMask)
    for text in [
      "", "b", "ba", "bash", "bashx", "bas", "exactly-fifteen", "exactly-fiftee", "xbash",
    ] {
      let padded = name(text)
      // Sixteen bytes are a name; the array holds that many.
      let comm = padded.span.raw.value(at: 0, as: TaskComm.self)
      #expect(mask.matches(comm) == matches(glob, padded), "\(pattern) \(text)")
    }
  }

  @Test("a pattern that no name can match says so")
  func canMatch() {
    #expect(CommGlob("fifteen-bytes-n").canMatch)
    #expect(!CommGlob("sixteen-bytes-nn").canMatch)
    #expect(CommGlob("*fifteen-bytes-n*").canMatch)
    #expect(!CommGlob("????????????????").canMatch)
  }
}

import Foundation
import JSONSchemaValidation
import KernelEvents
import LivesReport
import Markup
import ProcessLives
import SequencerABI
import TestSupport
import Testing

@testable import LivesReport

@Suite("The page of a recording")
struct PageTests {
  private let shell = ProcessKey(pid: 900, start: 3_000_000_000)

  /// What stands between two texts, the first time both are there.
  private func part(_ page: String, _ from: String, _ to: String) throws -> String {
    let start = try #require(page.range(of: from)).upperBound
    let end = try #require(page.range(of: to, range: start..<page.endIndex)).lowerBound
    return String(page[start..<end])
  }

  private func data(_ page: String) throws -> JSONValue {
    try JSONValue(parsing: part(page, "id=\"data\">", "</script>"))
  }

  @Test("the data tell each process as it was: columns of one length, places that exist")
  func data() throws {
    let stream = LifeStream.build(400)
    let forest = ProcessForest(try stream.lives().tree)
    let data = try data(page(stream))
    let lives = try #require(data["lives"])
    let strings = try #require(data["strings"])
    for column in ["pid", "start", "ran", "parent", "status", "exec", "uid", "comm", "args"] {
      #expect(lives[column]?.count == forest.count, "\(column)")
    }
    var start: Int128 = 0
    for (index, process) in forest.processes.enumerated() {
      func number(_ column: String) -> Int128? { lives[column]?[index]?.integer }
      start += try #require(number("start"))
      #expect(start == Int128(process.key.start) - 10_000_000_000)
      #expect(number("pid") == Int128(process.key.pid))
      #expect(number("ran") == process.runtime.map { Int128($0) } ?? -1)
      #expect(number("parent") == Int128(forest.parents[index] ?? -1))
      #expect(number("status") == process.status.map { Int128($0.rawValue) } ?? -1)
      #expect(number("exec") == process.execDelay.map { Int128($0) } ?? -1)
      let place = try #require(number("comm"))
      let comm = try #require(strings[Int(place)]?.string)
      #expect(comm == String(decoding: process.comm, as: UTF8.self))
      if let args = number("args"), args >= 0 {
        #expect(strings[Int(args)]?.string?.isEmpty == false)
      } else {
        #expect(process.commandLine == nil)
      }
    }
    #expect(
      data["end"]?.integer == data["lives"].flatMap { _ in Int128(stream.now - 10_000_000_000) })
    #expect(data["epoch_us"]?.integer == 1_795_000_010_000_000)
  }

  @Test("the rates tell every event and every loss")
  func rates() throws {
    var stream = LifeStream.build(200)
    stream.wait(1_000_000)
    stream.add(RecordBuilder.exec(process: shell).with(lost: [.process: 9]))
    let data = try data(page(stream))
    let rate = try #require(data["rate"])
    func sum(_ value: JSONValue?) -> Int128 {
      (0..<(value?.count ?? 0)).reduce(0) { $0 + (value?[$1]?.integer ?? 0) }
    }
    #expect(rate["families"]?.count == 1)
    #expect(rate["families"]?[0]?["name"]?.string == "process")
    #expect(sum(rate["families"]?[0]?["counts"]) == Int128(stream.records.count))
    #expect(sum(rate["lost"]) == 9)
  }

  @Test("hostile bytes neither end the data, nor the script, nor a cell")
  func hostile() throws {
    let words: [[UInt8]] = [
      Array("</script><script>alert(1)</script>".utf8), Array("<!--<script>".utf8),
      Array("]]>--><img src=x onerror=alert(1)>".utf8), Array("\" onmouseover=\"alert(1)".utf8),
      Array("&lt;b&gt;'\"\\".utf8), [0xFF, 0xFE, 0x3C, 0x2F],
      Array("\u{2028}\u{2029}\u{202E}".utf8),
      [0x1B, 0x5B, 0x31, 0x6D],
    ]
    var stream = LifeStream()
    for (index, word) in words.enumerated() {
      let child = stream.fork(shell, UInt32(50 + index), comm: "<b>")
      stream.add(.exec(process: child, arguments: word + [0], count: 1, comm: "</td>"))
      stream.exit(child, code: 1, comm: "</script>")
    }
    var facts = someFacts()
    facts.name = "</title><script>alert(1)</script>"
    facts.machine = "<i>\"'&"
    facts.faults = ["</p><script>alert(1)</script>"]
    facts.details = [("<x>", "</td><script>")]
    let text = try page(stream, facts: facts)
    #expect(text.components(separatedBy: "<script").count == 3)
    #expect(text.components(separatedBy: "</script").count == 3)
    #expect(!text.contains("<img") && !text.contains("<i>\"") && !text.contains("<b>\(0)"))
    #expect(!text.contains(" onmouseover=\"a"))
    // The data hold what was given, and no byte that HTML looks at.
    let json = try part(text, "id=\"data\">", "</script>")
    #expect(!json.contains("<") && !json.contains(">"))
    let value = try JSONValue(parsing: json)
    let strings = try #require(value["strings"])
    let all = (0..<(strings.count ?? 0)).compactMap { strings[$0]?.string }
    #expect(all.contains("'</script><script>alert(1)</script>'"))
    #expect(all.contains("</td>"))
    // Outside of the script and the style no control character is left.
    let cells = try part(text, "<main>", "</main>")
    #expect(cells.unicodeScalars.allSatisfy { $0 == "\n" || $0.value >= 0x20 })
  }

  @Test("the policy lets in the page's own script and style, and nothing else")
  func policy() throws {
    let text = try page(.build(10))
    let policy = try part(text, "Content-Security-Policy\" content=\"", "\">")
    #expect(policy.hasPrefix("default-src 'none'; "))
    for word in ["unsafe", "http", "data:", "*", "'self'"] { #expect(!policy.contains(word)) }
    // An elsewhere made digest of what stands in the page.
    for (from, to, source) in [
      ("<style>", "</style>", "style-src"), ("</script>\n<script>", "</script>", "script-src"),
    ] {
      let folder = try TemporaryFolder()
      try part(text, from, to).write(toFile: folder.file("x"), atomically: true, encoding: .utf8)
      let sum = try run("/usr/bin/sha256sum", [folder.file("x")]).text.prefix(64)
      var bytes: [UInt8] = []
      for offset in stride(from: 0, to: 64, by: 2) {
        let pair = sum.dropFirst(offset).prefix(2)
        bytes.append(try #require(UInt8(pair, radix: 16)))
      }
      let digest = Data(bytes).base64EncodedString()
      #expect(policy.contains("\(source) 'sha256-\(digest)'"))
    }
  }

  @Test("the page names no other place, and holds no attribute that its policy forbids")
  func selfContained() throws {
    let text = try page(.build(100))
    for word in [
      "http:", "https:", "src=", "href=", "@import", "url(", " style=", " onclick", "javascript:",
    ] {
      #expect(!text.contains(word), "\(word)")
    }
  }

  @Test("each element that is opened is closed")
  func structure() throws {
    let text = try page(.build(100))
    let page = try part(text, "<body>", "<script type=")
    var open: [String] = []
    let void: Set = ["meta", "input", "br"]
    for piece in page.components(separatedBy: "<").dropFirst() {
      let name = String(piece.prefix { $0.isLetter || $0.isNumber || $0 == "/" })
      if name.hasPrefix("/") {
        #expect(open.popLast() == String(name.dropFirst()))
      } else if !void.contains(name) {
        open.append(name)
      }
    }
    #expect(open.isEmpty)
    // What the script looks for is there, once.
    let script = try part(text, "</script>\n<script>", "</script>")
    for piece in script.components(separatedBy: "byId('").dropFirst() {
      let id = piece.prefix { $0 != "'" }
      #expect(text.components(separatedBy: "id=\"\(id)\"").count == 2, "\(id)")
    }
    for piece in script.components(separatedBy: "press('").dropFirst() {
      let id = piece.prefix { $0 != "'" }
      #expect(text.components(separatedBy: "id=\"\(id)\"").count == 2, "\(id)")
    }
  }

  @Test("the tables name what failed, what was slow, who made most, what was lost")
  func tables() throws {
    var stream = LifeStream.build(2000)
    stream.add(RecordBuilder.exec(process: shell).with(lost: [.process: 1234]))
    let text = try page(stream)
    let failures = try part(text, "<h2>Failures</h2>", "</section>")
    #expect(failures.contains("<td>cc1</td><td class=\"bad\">code 1</td>"))
    #expect(failures.contains("SIGSEGV"))
    #expect(try part(text, "<h2>Busiest parents</h2>", "</section>").contains("make -j8 all"))
    #expect(try part(text, "<h2>Slowest execs</h2>", "</section>").contains("/bin/sh -c"))
    #expect(try part(text, "<h2>Longest lives</h2>", "</section>").contains("make -j8 all"))
    #expect(try part(text, "<h2>Losses</h2>", "</section>").contains("process: 1,234"))
    #expect(text.contains("1,234 events were lost in one place"))
    // The tables lead to lives that are there.
    let data = try data(text)
    let count = try #require(data["lives"]?["pid"]?.count)
    for piece in text.components(separatedBy: "data-life=\"").dropFirst() {
      if let place = Int(piece.prefix { $0.isNumber }) { #expect(place < count) }
    }
  }

  @Test("a page of a stream with nothing in it says so")
  func empty() throws {
    let text = try page(LifeStream())
    #expect(text.contains("No process was recorded"))
    let data = try data(text)
    #expect(data["lives"]?["pid"]?.count == 0)
    #expect(data["rate"] == .null)
  }

  @Test("without timestamps there are lives and no rates")
  func noTimestamps() throws {
    var stream = LifeStream()
    stream.now = 0
    let child = ProcessKey(pid: 8, start: 4_000_000_000)
    var fork = RecordBuilder.fork(parent: shell, child: child)
    fork.header.timestamp = 0
    stream.add(fork)
    var exit = RecordBuilder.exit(process: child, runtime: 5_000)
    exit.header.timestamp = 0
    stream.add(exit)
    let text = try page(stream)
    #expect(text.contains("Recorded without timestamps"))
    #expect(try data(text)["rate"] == .null)
    #expect(try data(text)["lives"]?["ran"]?[1]?.integer == 5_000)
  }

  @Test("no number leaves what JavaScript knows exactly")
  func farNumbers() throws {
    var stream = LifeStream()
    let far = ProcessKey(pid: 8, start: .max - 3)
    stream.add(.fork(parent: shell, child: far))
    stream.add(.exit(process: far, runtime: .max))
    stream.add(.exit(process: ProcessKey(pid: 9, start: 0), runtime: 1 << 63))
    var facts = someFacts()
    facts.clock = ClockOffset(nanoseconds: .max)
    let data = try data(page(stream, facts: facts))
    func check(_ value: JSONValue) {
      switch value {
      case .integer(let number): #expect(number.magnitude <= 1 << 53)
      case .array(let all): all.forEach(check)
      case .object(let all): all.values.forEach(check)
      default: break
      }
    }
    check(data)
    #expect(data["lives"]?["pid"]?.count == 3)
  }

  @Test("past the limit the page says what the timeline lacks")
  func limit() throws {
    let text = try page(.build(1000), limit: 100)
    #expect(text.contains("The timeline shows 100 of 760 processes"))
    #expect(try data(text)["lives"]?["pid"]?.count == 100)
  }

  @Test("the same stream gives the same page")
  func deterministic() throws {
    let stream = LifeStream.build(2000)
    #expect(try page(stream) == page(stream))
  }

  @Test(
    "digests are those of FIPS 180-4",
    arguments: [
      ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
      ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
      (
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
      ),
    ])
  func digest(text: String, expected: String) {
    let hex = SHA256.digest(Array(text.utf8)).map { byte in
      (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
    #expect(hex.joined() == expected)
  }
}

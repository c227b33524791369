import EventFormats
import KernelEvents
import LivesReport
import ProcessLives
import Sequencer
import SequencerABI
import TestSupport

/// A stream of records as a capture tells it, made up: who made whom when, and how it ended.
struct LifeStream {
  private(set) var records: [[UInt8]] = []
  /// The ticket of the next record: a record takes as many as it has slots.
  private(set) var position: UInt64 = 0
  /// The moment of the next record, ns.
  var now: UInt64 = 10_000_000_000

  /// Lets time go by.
  mutating func wait(_ nanoseconds: UInt64) { now += nanoseconds }

  /// Puts a record at the end, at this moment.
  mutating func add(_ record: RecordBuilder, uid: UInt32 = 1000) {
    var record = record
    record.header.sequence = position + 1
    if record.header.timestamp != 0 { record.header.timestamp = now }
    record.header.uid = uid
    let bytes = record.bytes()
    position += UInt64(bytes.count / Slot.size)
    records.append(bytes)
  }

  /// A process makes another, which starts now.
  mutating func fork(_ parent: ProcessKey, _ pid: UInt32, comm: String = "sh") -> ProcessKey {
    let child = ProcessKey(pid: pid, start: now)
    add(.fork(parent: parent, child: child, comm: comm, childComm: comm))
    return child
  }

  mutating func exec(_ process: ProcessKey, _ arguments: String..., comm: String? = nil) {
    var after = Credentials()
    after.uid = 1000
    after.effectiveUID = 1000
    let name = comm ?? String(arguments[0].split(separator: "/").last ?? "")
    add(
      .exec(
        process: process, path: Array(arguments[0].utf8),
        arguments: arguments.flatMap { Array($0.utf8) + [0] }, count: UInt32(arguments.count),
        comm: name, after: after))
  }

  mutating func exit(
    _ process: ProcessKey, code: UInt8 = 0, signal: UInt8 = 0, comm: String = "task"
  ) {
    add(
      .exit(
        process: process, status: UInt32(code) << 8 | UInt32(signal), runtime: now - process.start,
        comm: comm))
  }

  /// What becomes of the stream.
  func lives(limit: Int = 1_000_000) throws -> ProcessLives {
    var lives = ProcessLives(limit: limit)
    for record in records {
      try decoding(record) { event in
        if let gap = event.gap { lives.visit(gap) }
        lives.add(event)
      }
    }
    lives.finish()
    return lives
  }

  /// A build: a make that makes shells, each of which runs a compiler and an assembler; a few fail.
  ///
  /// - Parameters:
  ///   - count: processes, about.
  ///   - width: shells that run beside each other.
  ///   - begin: the first event's moment.
  /// - Returns: its stream; the same for the same numbers.
  static func build(_ count: Int, width: Int = 8, begin: UInt64 = 10_000_000_000) -> LifeStream {
    var stream = LifeStream()
    stream.now = begin
    var random = UInt64(count) &* 0x9E37_79B9_7F4A_7C15 | 1
    func draw(_ limit: UInt64) -> UInt64 {
      random ^= random << 13
      random ^= random >> 7
      random ^= random << 17
      return random % limit
    }
    let shell = ProcessKey(pid: 900, start: begin - 7_000_000_000)
    var pid: UInt32 = 1000
    func next() -> UInt32 {
      pid += 1
      return pid
    }
    let make = stream.fork(shell, next(), comm: "bash")
    stream.wait(300_000)
    stream.exec(make, "make", "-j\(width)", "all")
    var ends: [(UInt64, [(ProcessKey, UInt8, UInt8, String)])] = []
    func finish(before moment: UInt64) {
      while let first = ends.indices.min(by: { ends[$0].0 < ends[$1].0 }), ends[first].0 <= moment {
        let (at, processes) = ends.remove(at: first)
        stream.now = max(stream.now, at)
        for (process, code, signal, comm) in processes {
          stream.wait(20_000)
          stream.exit(process, code: code, signal: signal, comm: comm)
        }
      }
    }
    for file in 0..<max(1, count / 4) {
      if ends.count >= width { finish(before: ends.map(\.0).min() ?? 0) }
      stream.wait(50_000 + draw(400_000))
      let sh = stream.fork(make, next(), comm: "make")
      stream.wait(100_000 + draw(300_000) * (file % 97 == 5 ? 40 : 1))
      stream.exec(
        sh, "/bin/sh", "-c", "cc -O2 -c src/part\(file % 400).c && touch 'done <\(file)>'")
      let compiler = stream.fork(sh, next())
      stream.wait(150_000 + draw(200_000))
      stream.exec(compiler, "/usr/bin/cc1", "-O2", "-quiet", "src/part\(file % 400).c")
      let assembler = stream.fork(sh, next())
      stream.wait(150_000)
      stream.exec(assembler, "as", "-o", "part\(file % 400).o")
      let fails = file % 61 == 17
      let dies = file % 203 == 50
      let end = stream.now + 4_000_000 + draw(30_000_000)
      ends.append(
        (
          end,
          [
            (compiler, fails ? 1 : 0, dies ? 11 : 0, "cc1"), (assembler, 0, 0, "as"),
            (sh, fails || dies ? 1 : 0, 0, "sh"),
          ]
        ))
      if file % 30 == 29 {
        let touch = stream.fork(make, next(), comm: "make")
        stream.wait(90_000)
        stream.exec(touch, "touch", "stamp")
        stream.wait(400_000)
        stream.exit(touch, comm: "touch")
      }
    }
    finish(before: .max)
    stream.wait(2_000_000)
    stream.exit(make, code: 2, comm: "make")
    return stream
  }
}

/// The facts of a made-up recording.
func someFacts() -> RecordingFacts {
  var facts = RecordingFacts()
  facts.name = "build.ordinal"
  facts.machine = "ci-7"
  facts.kernel = "Linux 6.18.0"
  facts.architecture = "x86_64"
  facts.cpus = 8
  facts.clock = ClockOffset(nanoseconds: 1_795_000_000_000_000_000)
  return facts
}

/// A tree as text.
func drawn(
  _ stream: LifeStream, limit: Int = 1_000_000, facts: RecordingFacts = someFacts(),
  _ change: (inout TreeOptions) -> Void = { _ in }
) throws -> String {
  var options = TreeOptions()
  change(&options)
  var text = TreeText(try stream.lives(limit: limit), facts: facts, options: options)
  var buffer = OutputBuffer()
  text.draw(into: &buffer) { _ in }
  return String(decoding: buffer.array, as: UTF8.self)
}

/// A page as text.
func page(
  _ stream: LifeStream, limit: Int = 1_000_000, facts: RecordingFacts = someFacts()
) throws -> String {
  var page = LivesPage(try stream.lives(limit: limit), facts: facts)
  var buffer = OutputBuffer()
  page.append(to: &buffer)
  return String(decoding: buffer.array, as: UTF8.self)
}

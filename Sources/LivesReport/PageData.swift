import EventFormats
import KernelEvents
import ProcessLives
import SequencerABI

/// What the page's script works with: one JSON object, a column an array.
///
/// Times are nanoseconds since the recording's beginning and fit a JavaScript number exactly. In `lives`:
/// `start` is the distance from the start before it; `ran` is −1 without an end; `parent` an index or −1;
/// `status` as wait() gives it, −1 while it runs, −2 where the end was lost; `exec` the time from the
/// start to the first exec, −1 for none, −2 where it isn't known; `comm` and `args` are places in
/// `strings`, or −1; `threads`, `execs` and `new_uid` hold what is out of the ordinary, by index.
struct PageData {
  /// Distances in time are cut to ± this many ns, 52 days, so that no stream whatever leaves the numbers
  /// that JavaScript knows exactly.
  static var farthest: Int64 { 1 << 52 }

  /// The moment the page counts from, ns of `CLOCK_MONOTONIC`.
  let begin: UInt64
  /// The last moment it shows.
  let end: UInt64
  /// Where each process is in the data.
  let places: [ProcessKey: Int]
  private let lives: ProcessLives
  private let facts: RecordingFacts
  private let forest: ProcessForest
  private var strings: [[UInt8]: Int] = [:]
  private var texts: [[UInt8]] = []

  /// Gathers what `lives`, finished, and `facts` tell.
  init(_ lives: ProcessLives, facts: RecordingFacts) {
    self.lives = lives
    self.facts = facts
    forest = ProcessForest(lives.tree)
    let processes = forest.processes
    let begin = facts.begin ?? lives.firstMoment ?? processes.map(\.key.start).min() ?? 0
    self.begin = begin
    let last = lives.lastMoment ?? processes.compactMap(\.end).max() ?? begin
    end = max(begin, last, facts.end ?? begin)
    var places: [ProcessKey: Int] = [:]
    places.reserveCapacity(processes.count)
    for (index, process) in processes.enumerated() { places[process.key] = index }
    self.places = places
  }

  /// Nanoseconds from the beginning to `moment`.
  func distance(to moment: UInt64) -> Int64 {
    let difference = Int64(bitPattern: moment &- begin)
    // A difference of 2⁶³ or more has the other sign: then the order tells.
    let signed = (difference >= 0) == (moment >= begin) ? difference : moment >= begin ? .max : .min
    return min(max(signed, -PageData.farthest), PageData.farthest)
  }

  /// Appends the object; no byte of it is a `<`, so nothing in it can end a script element.
  mutating func append(to buffer: inout OutputBuffer) {
    var json = OutputBuffer(capacity: 1 << 20)
    json.append("{\"end\":")
    json.append(signed: distance(to: end))
    json.append(",\"epoch_us\":")
    if let clock = facts.clock {
      let (sum, overflow) = clock.nanoseconds.addingReportingOverflow(
        Int64(clamping: begin))
      json.append(signed: (overflow ? 0 : sum) / 1000)
    } else {
      json.append("null")
    }
    json.append(",\"lost\":")
    json.append(decimal: lives.tree.lost)
    appendRates(to: &json)
    appendSignals(to: &json)
    json.append(",\"lives\":{")
    appendLives(to: &json)
    json.append("},\"strings\":[")
    for (index, text) in texts.enumerated() {
      if index > 0 { json.append(",") }
      json.append(jsonString: text.span.raw)
    }
    json.append("]}")
    append(json.bytes, to: &buffer)
  }

  /// Copies JSON with `<` and `>` written as escapes; both stand only inside strings there.
  private func append(_ json: RawSpan, to buffer: inout OutputBuffer) {
    var start = 0
    for offset in 0..<json.byteCount {
      let byte = json.byte(offset)
      guard byte == UInt8(ascii: "<") || byte == UInt8(ascii: ">") else { continue }
      buffer.append(json.extracting(start..<offset))
      buffer.append(byte == UInt8(ascii: "<") ? "\\u003c" : "\\u003e")
      start = offset + 1
    }
    buffer.append(json.extracting(start..<json.byteCount))
  }

  private func appendRates(to json: inout OutputBuffer) {
    let rates = lives.rates
    guard let first = rates.begin else { return json.append(",\"rate\":null") }
    json.append(",\"rate\":{\"begin\":")
    json.append(signed: distance(to: first))
    json.append(",\"width\":")
    json.append(decimal: min(rates.width, UInt64(PageData.farthest)))
    json.append(",\"families\":[")
    var isFirst = true
    for family in EventFamily.allCases where lives.events[family] > 0 {
      if !isFirst { json.append(",") }
      isFirst = false
      json.append("{\"name\":\"")
      json.append(family.name)
      json.append("\",\"counts\":")
      json.append(column: (0..<rates.count).map { rates.events(family, in: $0) })
      json.append("}")
    }
    json.append("],\"lost\":")
    json.append(column: (0..<rates.count).map { rates.lost(in: $0) })
    json.append("}")
  }

  private func appendSignals(to json: inout OutputBuffer) {
    json.append(",\"signals\":{")
    let numbers = Set(forest.processes.compactMap { $0.status?.signal }).sorted()
    for (index, number) in numbers.enumerated() {
      json.append(index == 0 ? "\"" : ",\"")
      json.append(decimal: UInt64(number))
      json.append("\":\"")
      json.append(signalName: number)
      json.append("\"")
    }
    json.append("}")
  }

  private mutating func appendLives(to json: inout OutputBuffer) {
    let processes = forest.processes
    json.append("\"pid\":")
    json.append(column: processes.map { UInt64($0.key.pid) })
    json.append(",\"start\":[")
    var before: Int64 = 0
    for (index, process) in processes.enumerated() {
      if index > 0 { json.append(",") }
      let start = distance(to: process.key.start)
      json.append(signed: start - before)
      before = start
    }
    json.append("],\"ran\":")
    json.append(column: processes.map { $0.runtime.map(PageData.length) ?? -1 })
    json.append(",\"parent\":")
    json.append(column: forest.parents.map { Int64($0 ?? -1) })
    json.append(",\"status\":")
    json.append(
      column: processes.map {
        $0.status.map { Int64($0.rawValue & 0xFFFF) } ?? ($0.isReplaced ? -2 : -1)
      })
    json.append(",\"exec\":")
    json.append(
      column: processes.map { $0.execDelay.map(PageData.length) ?? ($0.execs == 0 ? -1 : -2) })
    json.append(",\"uid\":")
    json.append(column: processes.map { UInt64($0.firstUID) })
    json.append(",\"comm\":")
    json.append(column: processes.map { Int64(place(of: PageData.visible($0.comm))) })
    json.append(",\"args\":")
    json.append(
      column: processes.map { process in
        guard process.commandLine != nil else { return -1 }
        var text = OutputBuffer(capacity: 128)
        text.append(commandOf: process)
        return Int64(place(of: text.array))
      })
    json.append(",\"threads\":")
    json.append(sparse: processes.map { UInt64($0.threads) }, ordinary: 0)
    json.append(",\"execs\":")
    json.append(sparse: processes.map { UInt64(max(1, $0.execs)) }, ordinary: 1)
    json.append(",\"new_uid\":{")
    var isFirst = true
    for (index, process) in processes.enumerated() where process.uid != process.firstUID {
      json.append(index: index, isFirst: isFirst)
      json.append(decimal: process.uid)
      isFirst = false
    }
    json.append("}")
  }

  private static func length(_ nanoseconds: UInt64) -> Int64 {
    Int64(min(nanoseconds, UInt64(farthest)))
  }

  private static func visible(_ bytes: [UInt8]) -> [UInt8] {
    var text = OutputBuffer(capacity: 32)
    text.append(visible: bytes.span.raw)
    return text.array
  }

  private mutating func place(of text: [UInt8]) -> Int {
    if let place = strings[text] { return place }
    let place = texts.count
    strings[text] = place
    texts.append(text)
    return place
  }
}

extension OutputBuffer {
  /// Appends `number` in decimal.
  fileprivate mutating func append(signed number: Int64) {
    if number < 0 { append("-") }
    append(decimal: number.magnitude)
  }

  fileprivate mutating func append(column: [UInt64]) {
    append("[")
    for (index, number) in column.enumerated() {
      if index > 0 { append(",") }
      append(decimal: number)
    }
    append("]")
  }

  fileprivate mutating func append(column: [Int64]) {
    append("[")
    for (index, number) in column.enumerated() {
      if index > 0 { append(",") }
      append(signed: number)
    }
    append("]")
  }

  /// Appends an object of the numbers that are not the ordinary one, by their places.
  fileprivate mutating func append(sparse numbers: [UInt64], ordinary: UInt64) {
    append("{")
    var isFirst = true
    for (index, number) in numbers.enumerated() where number != ordinary {
      append(index: index, isFirst: isFirst)
      append(decimal: number)
      isFirst = false
    }
    append("}")
  }

  fileprivate mutating func append(index: Int, isFirst: Bool) {
    append(isFirst ? "\"" : ",\"")
    append(decimal: UInt64(index))
    append("\":")
  }
}

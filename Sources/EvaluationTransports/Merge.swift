import EvaluationCKit

/// One order of several ringbufs, by what their records carry.
struct Merge {
  var readers: [RingBufReader] = []
  /// Whether CPUs share a ringbuf: then the one that reserved first may draw its ticket last.
  var mayBeEarly = false
  /// The ticket that comes next.
  private var expected: UInt64 = 0
  /// Records that came before their turn, by ticket.
  private var early: [UInt64: eval_event] = [:]

  /// The earliest of those that are there: an empty ringbuf is not waited for, as nothing says whether
  /// something earlier is still to come.
  mutating func byTime(_ sink: inout EventSink, _ limit: Int) throws -> Int {
    var count = 0
    while count < limit {
      var first = -1
      var earliest = UInt64.max
      for index in readers.indices {
        guard let record = unsafe try readers[index].next() else { continue }
        let time = unsafe record.load(fromByteOffset: Offset.stamp, as: UInt64.self)
        if first < 0 || time < earliest {
          first = index
          earliest = time
        }
      }
      guard first >= 0, let record = unsafe try readers[first].next() else { break }
      unsafe sink.take(record)
      try readers[first].advance()
      count += 1
      if count % RingBufReader.batch == 0 { release() }
    }
    return count
  }

  mutating func byTicket(_ sink: inout EventSink, _ limit: Int) throws -> Int {
    var count = 0
    var isStuck = false
    while count < limit, !isStuck {
      isStuck = true
      if mayBeEarly, !early.isEmpty, let event = early.removeValue(forKey: expected) {
        unsafe withUnsafeBytes(of: event) { unsafe sink.take($0.baseAddress.unsafelyUnwrapped) }
        expected &+= 1
        count += 1
        isStuck = false
        continue
      }
      for index in readers.indices {
        // As long as it is its turn, one ringbuf is read without a look at the others.
        while count < limit, let record = unsafe try readers[index].next() {
          let ticket = unsafe record.load(fromByteOffset: Offset.ticket, as: UInt64.self)
          if ticket != expected { break }
          unsafe sink.take(record)
          try readers[index].advance()
          expected &+= 1
          count += 1
          isStuck = false
          if count % RingBufReader.batch == 0 { readers[index].release() }
        }
      }
      if isStuck && mayBeEarly { isStuck = try !keepEarly() }
    }
    return count
  }

  /// Takes heads out of the way that are not yet due, and may hide one that is.
  private mutating func keepEarly() throws -> Bool {
    guard early.count < 64 * readers.count else { return false }
    var found = false
    for index in readers.indices {
      guard let record = unsafe try readers[index].next() else { continue }
      let event = unsafe record.load(as: eval_event.self)
      early[event.ticket] = event
      try readers[index].advance()
      found = true
    }
    return found
  }

  /// Gives what was read back to the producers.
  mutating func release() {
    for index in readers.indices { readers[index].release() }
  }

  /// Bytes of `struct eval_event`.
  private enum Offset {
    static var stamp: Int { 8 }
    static var ticket: Int { 48 }
  }
}

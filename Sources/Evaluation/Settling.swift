import EvaluationTransports

extension EventTransport {
  /// Drains all that producers, who are done, have left; and has every loss told.
  ///
  /// perf tells of a loss only before the next event of that CPU that it takes, so each of `cpus` sends one
  /// more, numbered `number` and so on in steps of 2⁴⁰, as a producer of its own.
  ///
  /// - Returns: the events that were sent for this.
  func settle(_ sink: inout EventSink, on cpus: [Int], numbered number: UInt64 = 0) throws -> Int {
    while try drain(&sink, limit: .max) > 0 {}
    let loop = source.loop
    for (index, cpu) in cpus.enumerated() {
      _ = try PinnedThreads.run(on: [cpu]) { _ in
        try loop.send(1, from: number + UInt64(index) << 40)
      }
    }
    end()
    while try drain(&sink, limit: .max) > 0 {}
    return cpus.count
  }
}

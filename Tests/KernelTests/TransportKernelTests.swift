import CEvaluation
import Evaluation
import EvaluationCKit
import EvaluationTransports
import Foundation
import Testing

extension LiveKernelTests {
  @Suite("Transports of the evaluation")
  struct TransportKernelTests {
    private func options(_ payload: Int, stamped: Bool = false) -> EventOptions {
      var options = EventOptions()
      options.payload = payload
      options.bytes = 1 << 20
      options.cpusPerShard = 1
      options.isStamped = stamped
      return options
    }

    private static let cases: [(Transport, Int)] = Transport.allCases.flatMap { transport in
      // What a merge goes by is in the first 56 bytes.
      let isMerged = transport == .ringbufTime || transport == .ringbufTicket
      return (isMerged ? [56, 120, 248] : [8, 56, 120, 248]).map { (transport, $0) }
    }

    @Test("every event arrives once, whole", arguments: cases)
    func deliversAll(_ transport: Transport, _ payload: Int) throws {
      let open = try transport.open(options(payload))
      var sink = EventSink(.count)
      open.begin()
      // Few enough for the smallest buffer.
      let batch = 20
      for round in 0..<50 {
        try open.source.loop.send(batch, from: UInt64(round * batch))
        while try open.drain(&sink, limit: 7) > 0 {}
      }
      open.end()
      while try open.drain(&sink, limit: .max) > 0 {}
      #expect(sink.count == 1000)
      #expect(sink.sum == 1000 * 999 / 2)
      #expect(try open.losses() == Losses())
    }

    @Test("what is offered is delivered or counted as lost", arguments: Transport.allCases)
    func accountsForOverrun(_ transport: Transport) throws {
      let open = try transport.open(options(56))
      var sink = EventSink(.count)
      open.begin()
      let offered = 100_000
      for round in 0..<10 { try open.source.loop.send(offered / 10, from: UInt64(round)) }
      while try open.drain(&sink, limit: .max) > 0 {}
      // perf tells of a loss only before the next event that it takes.
      try open.source.loop.send(1)
      open.end()
      while try open.drain(&sink, limit: .max) > 0 {}
      let losses = try open.losses()
      #expect(sink.count < offered && losses.counted > 0)
      #expect(sink.count + losses.counted == offered + 1)
      if transport == .sequencer { #expect(losses.placed == losses.counted) }
    }

    @Test("events of two CPUs keep their order", arguments: Transport.ordered)
    func mergesCPUs(_ transport: Transport) throws {
      let open = try transport.open(options(56, stamped: true))
      var sink = EventSink(.keep, capacity: 4000)
      open.begin()
      let loop = open.source.loop
      // One CPU after the other: each event is over before the next begins.
      for number in 0..<1000 {
        _ = try PinnedThreads.run(on: [number % 2]) { _ in try loop.send(1, from: UInt64(number)) }
      }
      open.end()
      while try open.drain(&sink, limit: .max) > 0 {}
      #expect(sink.kept.map(\.number) == (0..<1000).map { UInt64($0) })
      #expect(Set(sink.kept.map(\.cpu)) == [0, 1])
      #expect(sink.kept.allSatisfy { $0.stamp > 0 && $0.kind == EVAL_LOOP.rawValue })
    }

    @Test("a sleeping consumer is woken", arguments: Transport.allCases.filter { $0 != .perf })
    func wakes(_ transport: Transport) throws {
      let open = try transport.open(options(56))
      var sink = EventSink(.count)
      open.begin()
      let loop = open.source.loop
      let began = ContinuousClock.now
      let waker = Thread {
        usleep(50_000)
        try? loop.send(1)
      }
      waker.start()
      while sink.count == 0, ContinuousClock.now - began < .seconds(20) {
        if try open.drain(&sink, limit: .max) == 0 { open.wait(nanoseconds: 10_000_000_000) }
      }
      open.end()
      #expect(sink.count == 1)
      // By its event, and not by the end of the wait.
      #expect(ContinuousClock.now - began < .seconds(9))
    }

    @Test("the kernel's own events, by each transport", arguments: Transport.allCases)
    func attaches(_ transport: Transport) throws {
      var options = options(56)
      options.events = [.call, .leave]
      let open = try transport.open(options)
      var sink = EventSink(.keep, capacity: 1000)
      try open.source.aim(process: UInt32(getpid()))
      open.begin()
      for number in 0..<20 { evaluation_emit(UInt64(number)) }
      usleep(1000)
      open.end()
      while try open.drain(&sink, limit: .max) > 0 {}
      let calls = sink.kept.filter { $0.kind == EVAL_CALL.rawValue }
      #expect(calls.map(\.number) == (0..<20).map { UInt64($0) })
      let process = UInt64(getpid())
      #expect(calls.allSatisfy { $0.actor == process << 32 | $0.id })
      #expect(sink.kept.contains { $0.kind == EVAL_SWITCH.rawValue })
      #expect(open.source.offered() == sink.count)
    }
  }
}

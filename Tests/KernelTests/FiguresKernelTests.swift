import Capture
import Evaluation
import Foundation
import KernelEvents
import RecursionCKit
import RecursionObjects
import Sequencer
import SequencerABI
import SequencerCore
import TestSupport
import Testing

extension LiveKernelTests {
  /// The account while a run goes on: by family, by CPU, by cause; it only grows, and reading resets
  /// nothing.
  @Suite struct FiguresKernelTests {
    @Test("Figures taken in a storm only grow, bound each other, and end exact")
    func inAStorm() throws {
      var options = CaptureOptions()
      options.ringBytes = EvaluationSettings.atLeast(512 << 10)
      options.includesSelf = true
      var session = try CaptureSession.open(options)
      try session.attach()
      try session.begin()
      let storm = try ChildProcess(
        try BuildFolder.program("workload"), ["storm", "6000", "4", "3"])
      var gaps = Gaps()
      var last = try session.figures()
      var looks = 0
      var lostWhenRead: UInt64 = 0
      while !storm.hasEnded {
        let next = try session.figures()
        expectGrowth(from: last, to: next)
        looks += 1
        // Read only when it has overflowed again.
        if next.lost > lostWhenRead {
          lostWhenRead = next.lost
          _ = try drain(&session, &gaps, limit: .max)
        } else {
          usleep(500)
        }
        last = next
      }
      session.end()
      while try drain(&session, &gaps, limit: .max) > 0 {}
      gaps.collect(&session, at: .ended)
      let figures = try session.figures()
      expectGrowth(from: last, to: figures)
      #expect(looks > 2 && figures.lost > 0 && figures.handedOut > 0)
      // At rest.
      #expect(figures.inFlight == 0 && figures.offered == figures.handedOut + figures.lost)
      expectHardly(missed: figures.missedTotal, of: figures.offered)
      #expect(figures.missed.count == 3)
      #expect(figures.told == figures.lost && gaps.total == figures.lost)
      #expect(figures.lostByCPU == gaps.byCPU)
      #expect(figures.lostByCPU.values.reduce(0, +) == figures.lost)
      for (cpu, lost) in figures.lostByCPUAndFamily {
        #expect(lost[Int(EventFamily.process.rawValue)] == figures.lostByCPU[cpu])
      }
      let again = try session.figures()
      #expect(again.totals == figures.totals && again.lostByCPU == figures.lostByCPU)
      #expect(again.offered == figures.offered && again.told == figures.told)
    }

    /// A program that is wanted again while it runs on the same CPU is not run: the kernel counts that,
    /// and the account takes the count.
    @Test func whatTheKernelSkipsIsMissed() throws {
      let event = PrintEvent()
      defer { event.restore() }
      var ring = try ProgramRing.open(
        RecursionObjects.recursion.bytes(), name: "recursion",
        programs: ["recurse", "begin_recursion"], ringBytes: EvaluationSettings.atLeast(512 << 10))
      let target = recursion_target(
        number: UInt64(RECURSION_SYSCALL), tgid: UInt32(getpid()), reserved: 0)
      try ring.update(map: "target", key: UInt32(0), value: target)
      ring.begin()
      let before = try ring.missed()
      var last = before
      let rounds: UInt64 = 500
      for round in 1...rounds {
        _ = getpgid(0)
        let missed = try ring.missed()
        #expect(missed >= last + 1, "round \(round)")
        last = missed
      }
      ring.end()
      let missed = try ring.missed() - before
      var delivered: UInt64 = 0
      _ = try ring.consumer.drain { _ throws(Never) in delivered += 1 }
      let totals = ring.consumer.account.totals()
      // Each call printed two lines: one event was delivered, one missed.
      #expect(delivered == rounds && missed == rounds)
      #expect(totals.offered.reduce(0, +) == delivered && totals.lost.reduce(0, +) == 0)
      #expect(try ring.missed() - before == missed)
    }

    private func expectGrowth(from old: CaptureFigures, to new: CaptureFigures) {
      #expect(new.offered >= old.offered && new.handedOut >= old.handedOut)
      #expect(new.lost >= old.lost && new.told >= old.told && new.filtered >= old.filtered)
      #expect(new.missedTotal >= old.missedTotal)
      for (cpu, count) in old.lostByCPU { #expect(new.lostByCPU[cpu] ?? 0 >= count) }
      // What is told was lost, what was handed out or lost was offered; what lies between is in the ring
      // or on its way.
      #expect(new.told <= new.lost && new.handedOut + new.lost <= new.offered)
      #expect(new.inFlight <= new.offered)
    }

    private struct Gaps {
      var total: UInt64 = 0
      var byCPU: [Int: UInt64] = [:]

      mutating func add(_ cpu: Int, _ count: UInt64) {
        total += count
        byCPU[cpu, default: 0] += count
      }

      mutating func collect(
        _ session: inout CaptureSession, at moment: ResidualLosses.Moment = .running
      ) {
        var told: [(Int, UInt64)] = []
        session.consumer.collectResidualLoss(at: moment) { told.append(($0, $1.total)) }
        for (cpu, count) in told { add(cpu, count) }
      }
    }

    private func drain(
      _ session: inout CaptureSession, _ gaps: inout Gaps, limit: Int
    ) throws -> Int {
      let count = try session.consumer.drain(limit: limit) { record throws(Never) in
        guard let event = try? DecodedEvent(decoding: record), let gap = event.gap else { return }
        gaps.add(Int(gap.cpu), gap.total)
      }
      gaps.collect(&session)
      return count
    }
  }
}

/// The switch of ftrace's event that the kernel turns on for every program that prints.
private struct PrintEvent {
  private let path = "/sys/kernel/tracing/events/bpf_trace/bpf_trace_printk/enable"
  private let was: String?

  init() { was = try? String(contentsOfFile: path, encoding: .utf8) }

  func restore() {
    guard let was else { return }
    try? was.prefix(1).write(toFile: path, atomically: false, encoding: .utf8)
  }
}

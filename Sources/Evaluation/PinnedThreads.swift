import CEvaluation
import CSequencerAtomics
import EvaluationTransports
import Glibc
import Sequencer
import Synchronization

/// Threads that each stay on a CPU of their own, begin at the same moment and are joined.
package enum PinnedThreads {
  /// When a thread's work began and ended, ns of `CLOCK_MONOTONIC`, and what it returned.
  package struct Outcome<Value: Sendable>: Sendable {
    package var began: UInt64
    package var ended: UInt64
    package var value: Value
  }

  /// Threads that were started, until they are joined.
  package struct Running<Value: Sendable>: Sendable {
    fileprivate let crew: Crew<Value>
    fileprivate let handles: [UInt64]

    /// Whether all have done their work.
    package var isOver: Bool { crew.isOver }

    /// Waits for all; to be called once.
    ///
    /// - Returns: the outcomes in the order of the CPUs.
    /// - Throws: the first error of a body.
    package func join() throws -> [Outcome<Value>] {
      for handle in handles { _ = evaluation_join(handle) }
      return try crew.outcomes()
    }
  }

  /// Runs `body` on each of `cpus` at the same time and waits for all of them.
  ///
  /// - Parameters:
  ///   - cpus: one thread each.
  ///   - body: gets its CPU; runs beside the others.
  /// - Returns: the outcomes in the order of `cpus`.
  /// - Throws: if a thread can't be started on its CPU, or the first error of a body; all have ended.
  package static func run<Value: Sendable>(
    on cpus: [Int], _ body: @escaping @Sendable (_ cpu: Int) throws -> Value
  ) throws -> [Outcome<Value>] {
    try start(on: cpus, body).join()
  }

  /// Starts `body` on each of `cpus` at the same time; the caller goes on, and joins them.
  ///
  /// - Parameters:
  ///   - cpus: one thread each.
  ///   - body: gets its CPU; runs beside the others.
  /// - Returns: the threads, which must be joined.
  /// - Throws: if a thread can't be started on its CPU; none is left then.
  package static func start<Value: Sendable>(
    on cpus: [Int], _ body: @escaping @Sendable (_ cpu: Int) throws -> Value
  ) throws -> Running<Value> {
    let crew = Crew(cpus: cpus, body: body)
    var handles: [UInt64] = []
    var failure: EvaluationError?
    for index in cpus.indices {
      let seat = unsafe Unmanaged<AnySeat>.passRetained(Seat(crew: crew, index: index))
      var handle: UInt64 = 0
      let error = unsafe evaluation_start(
        Int32(cpus[index]), { unsafe PinnedThreads.enter($0) }, seat.toOpaque(), &handle)
      if error != 0 {
        unsafe seat.release()
        failure = EvaluationError(
          "can't run on CPU \(cpus[index]): \(unsafe String(cString: strerror(error))); "
            + "choose --cpus that are online and allowed")
        break
      }
      handles.append(handle)
    }
    // Those that came wait for as many as came.
    crew.start(handles.count, isCancelled: failure != nil)
    if let failure {
      for handle in handles { _ = evaluation_join(handle) }
      throw failure
    }
    return Running(crew: crew, handles: handles)
  }

  private static func enter(_ context: UnsafeMutableRawPointer?) {
    guard let context = unsafe context else { return }
    unsafe Unmanaged<AnySeat>.fromOpaque(context).takeRetainedValue().work()
  }

  private class AnySeat { func work() {} }

  private final class Seat<Value: Sendable>: AnySeat {
    let crew: Crew<Value>
    let index: Int
    init(crew: Crew<Value>, index: Int) {
      self.crew = crew
      self.index = index
    }
    override func work() { crew.work(index) }
  }

  fileprivate final class Crew<Value: Sendable>: Sendable {
    let cpus: [Int]
    let body: @Sendable (Int) throws -> Value
    // Bit 0 and 1: go, stop. Threads spin on it, so that they begin together.
    private let signal = Atomic<Int>(0)
    private let ready = Atomic<Int>(0)
    private let finished = Atomic<Int>(0)
    private let results: Mutex<[Int: Result<Outcome<Value>, any Error>]> = Mutex([:])

    init(cpus: [Int], body: @escaping @Sendable (Int) throws -> Value) {
      self.cpus = cpus
      self.body = body
    }

    func work(_ index: Int) {
      _ = ready.add(1, ordering: .acquiringAndReleasing)
      while signal.load(ordering: .acquiring) == 0 { seq_spin_hint() }
      if signal.load(ordering: .acquiring) == 2 { return }
      let began = monotonicNow()
      let result = Result { try body(cpus[index]) }
      let ended = monotonicNow()
      results.withLock {
        $0[index] = result.map { Outcome(began: began, ended: ended, value: $0) }
      }
      _ = finished.add(1, ordering: .releasing)
    }

    func start(_ count: Int, isCancelled: Bool) {
      while ready.load(ordering: .acquiring) < count { sched_yield() }
      signal.store(isCancelled ? 2 : 1, ordering: .releasing)
    }

    var isOver: Bool { finished.load(ordering: .acquiring) == cpus.count }

    func outcomes() throws -> [Outcome<Value>] {
      try results.withLock { results in
        try cpus.indices.map { index in
          guard let result = results[index] else {
            throw EvaluationError("a thread on CPU \(cpus[index]) ended without a result")
          }
          return try result.get()
        }
      }
    }
  }
}

extension PinnedThreads {
  /// Events a second of all threads together: their sum over the time from the first one's begin to the
  /// last one's end.
  package static func rate(_ outcomes: [Outcome<Int>]) -> Double {
    let began = outcomes.map(\.began).min() ?? 0
    let ended = outcomes.map(\.ended).max() ?? 0
    guard ended > began else { return 0 }
    return Double(outcomes.reduce(0) { $0 + $1.value }) / Double(ended - began) * 1e9
  }
}

import RingStress
import SequencerABI
import SequencerCore
import Testing

/// Interrupts and NMIs: a producer invoked inside another, at every step of it, and a consumer on
/// another CPU that reads meanwhile.
struct NestingTests {
  static let steps: [ProducerStep] = [
    .viewRead, .admitted, .lossCounted, .pendingTaken, .claimed, .cursorNoted, .gateSettled,
    .marked, .filled, .published,
  ]

  @Test("Whatever interrupts a producer, wherever, and whatever interrupts that")
  func everyInterruption() {
    for setting in Simulation.Setting.allCases {
      for step in NestingTests.steps {
        for first in Simulation.Interruption.allCases {
          for innerStep in NestingTests.steps {
            for second in Simulation.Interruption.allCases {
              Simulation().run(setting, step, first, innerStep, second)
            }
          }
        }
      }
    }
  }

  @Test("Random nesting, four levels deep, over many laps", arguments: UInt64(1)...12)
  func random(seed: UInt64) {
    let simulation = Simulation(cpuCount: 2, seed: seed)
    for _ in 0..<4000 { simulation.act(depth: 0) }
    simulation.end()
    #expect(simulation.oracle.lost > 100 && simulation.oracle.delivered > 1000)
  }
}

/// One CPU or two, their contexts and a consumer, acting in turn.
private final class Simulation {
  /// What the ring is like when the outer context begins.
  enum Setting: CaseIterable {
    case empty, nearHighWater, closed, closedWithLosses, openWithLosses
  }
  /// What comes in between.
  enum Interruption: CaseIterable {
    case record, longRecord, losses, drain, drainAndRecord, drainAndLosses, residuals
  }

  let ring: HostRing
  let oracle: Oracle
  private var consumer: Consumer<HostMemory>
  private var collector: ResidualLosses
  private var random: RandomNumbers

  // Spans up to 5 with the gap, four levels a CPU: a reserve of 40 a CPU. One CPU: high water 88.
  init(cpuCount: Int = 1, seed: UInt64 = 0) {
    ring = HostRing(capacity: 128, reserve: UInt64(40 * cpuCount), cpuCount: cpuCount)
    oracle = Oracle(cpuCount: cpuCount)
    consumer = ring.consumer()
    collector = ResidualLosses(cpuCount: cpuCount)
    random = RandomNumbers(seed: seed)
  }

  func drain(limit: Int = .max) {
    let records = consumer.readAll(limit: limit)
    oracle.judge(records)
  }

  private func collect() {
    oracle.collectResiduals(ring, &collector, position: consumer.position)
  }

  func end() {
    drain()
    oracle.judgeTheEnd(ring, &collector, position: consumer.position)
  }

  // MARK: Every interruption

  func run(
    _ setting: Setting, _ step: ProducerStep, _ first: Interruption, _ innerStep: ProducerStep,
    _ second: Interruption
  ) {
    prepare(setting)
    var wasInterrupted = false
    oracle.produce(ring, cpu: 0, slots: 2, family: .signal) { [self] reached in
      guard reached == step, !wasInterrupted else { return }
      wasInterrupted = true
      var wasNested = false
      interrupt(first, family: .file) { [self] inner in
        guard inner == innerStep, !wasNested else { return }
        wasNested = true
        interrupt(second, family: .network) { _ in }
      }
    }
    produce(3, family: .futex)
    drain()
    produce(3, family: .module)
    end()
  }

  private func prepare(_ setting: Setting) {
    switch setting {
    case .empty: break
    case .nearHighWater: produce(87, family: .process)
    case .closed: produce(89, family: .process)
    case .closedWithLosses: produce(92, family: .process)
    case .openWithLosses:
      produce(92, family: .process)
      drain()
    }
  }

  private func produce(
    _ count: Int, slots: UInt64 = 1, family: EventFamily,
    hook: @escaping (ProducerStep) -> Void = { _ in }
  ) {
    for _ in 0..<count { oracle.produce(ring, cpu: 0, slots: slots, family: family, hook: hook) }
  }

  private func interrupt(
    _ interruption: Interruption, family: EventFamily, hook: @escaping (ProducerStep) -> Void
  ) {
    switch interruption {
    case .record: produce(1, family: family, hook: hook)
    case .longRecord: produce(1, slots: 4, family: family, hook: hook)
    case .losses: produce(24, slots: 4, family: family, hook: hook)
    case .drain: drain()
    case .drainAndRecord:
      drain()
      produce(1, family: family, hook: hook)
    case .drainAndLosses:
      drain()
      produce(24, slots: 4, family: family, hook: hook)
    case .residuals: collect()
    }
  }

  // MARK: At random

  /// One event or one act of the consumer, into which others nest.
  func act(depth: Int) {
    switch random.next() % 16 {
    case 0: drain(limit: Int.random(in: 1...30, using: &random))
    case 1 where random.oneIn(8): collect()
    default:
      // What nests in a context nests on its CPU; the other CPU runs whenever the consumer may.
      let cpu = depth == 0 ? Int.random(in: 0..<ring.cpuCount, using: &random) : contextCPU
      let outer = contextCPU
      contextCPU = cpu
      let slots = UInt64.random(in: 1...4, using: &random)
      let family = EventFamily.allCases.randomElement(using: &random) ?? .test
      oracle.produce(ring, cpu: cpu, slots: slots, family: family) { [self] _ in
        if depth < 3, random.oneIn(12) { act(depth: depth + 1) }
        if random.oneIn(40) { drain(limit: Int.random(in: 1...20, using: &random)) }
      }
      contextCPU = outer
    }
  }
  private var contextCPU = 0
}

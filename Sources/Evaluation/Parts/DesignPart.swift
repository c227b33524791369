import CEvaluation
import EvaluationTransports
import Glibc
import Sequencer
import SequencerABI

/// The ring in other shapes: what each piece of the producer's path costs, and what the paper names as work
/// for the future.
///
/// Metrics: `path_cost`, ns an event of the loops in BPF/Evaluation/Programs/Alternatives.swift, held against
/// `as_is`, the product's accesses in the same loop, and without what the loop itself costs; `scan_cost`, ns
/// a slot of a consumer's loop over private memory (`128`: as it is; `64`: smaller slots; `ahead_n`: the slot
/// n further is prefetched; `huge`: on huge pages); `huge_kilobytes` under the mapped ring, before and after
/// MADV_HUGEPAGE; `near_drain_cost`, of the ring itself, by which CPU filled it.
package enum DesignPart: EvaluationPart {
  package static let name = "design"
  package static let abstract =
    "The ring in other shapes: what its pieces cost, what was not taken."

  /// Programs `eval_run_…`, and what a row calls them.
  static let alternatives = [
    "as_is", "no_offered", "no_mark", "plain_store", "one_line", "small_slot", "batch_4",
    "batch_16", "ktime", "jiffies",
  ]

  package static func measure(
    _ settings: EvaluationSettings, _ progress: Progress
  ) throws -> Samples {
    var samples = Samples()
    try paths(settings, progress, &samples)
    try scans(settings, progress, &samples)
    try pages(settings, &samples)
    nodes(&samples)
    return samples
  }

  private static func paths(
    _ settings: EvaluationSettings, _ progress: Progress, _ samples: inout Samples
  ) throws {
    let options = settings.options()
    let null = try Contestant(.null, options)
    var contestants = try alternatives.map {
      try Contestant(program: "eval_run_\($0)", name: $0, options)
    }
    var generator = SeededGenerator(seed: 6)
    for round in 0..<settings.rounds {
      progress.say("the producer's path, round \(round + 1) of \(settings.rounds)")
      contestants.shuffle(using: &generator)
      for cpus in settings.cpuCounts {
        let loop = try null.cost(on: settings.producerCPUs(cpus))
        for contestant in contestants {
          let cost = try contestant.cost(on: settings.producerCPUs(cpus)) - loop
          if cost > 0 {
            samples.add(
              "path_cost", cost, unit: "ns", transport: contestant.name, cpus: cpus,
              payload: options.payload, round: round)
          }
        }
      }
    }
  }

  private static func scans(
    _ settings: EvaluationSettings, _ progress: Progress, _ samples: inout Samples
  ) throws {
    guard evaluation_pin(Int32(settings.consumerCPU)) == 0 else {
      throw EvaluationError("can't run on CPU \(settings.consumerCPU)")
    }
    // A ring of the default size: no cache but the last holds it.
    let count: UInt64 = 1 << 17
    for round in 0..<settings.rounds {
      progress.say("the consumer's loop, round \(round + 1) of \(settings.rounds)")
      for isHuge in [false, true] {
        for slot in [128, 64] as [UInt64] {
          let bytes = Int(count * slot)
          guard let memory = unsafe evaluation_scan_map(bytes + (1 << 16), isHuge ? 1 : 0) else {
            throw EvaluationError("no memory for \(bytes) bytes; free some")
          }
          defer { unsafe evaluation_scan_unmap(memory, bytes + (1 << 16)) }
          for ahead in [0, 2, 4, 8, 16] as [UInt64] {
            unsafe evaluation_scan_fill(memory, count, slot)
            let began = monotonicNow()
            let sum = unsafe evaluation_scan(memory, count, slot, ahead)
            let cost = Double(monotonicNow() - began) / Double(count)
            guard sum >= count * (count - 1) / 2 else {
              throw EvaluationError("a scan did not see what was written; run it again")
            }
            samples.add(
              "scan_cost", cost, unit: "ns",
              transport: "\(slot)" + (ahead > 0 ? "_ahead_\(ahead)" : "") + (isHuge ? "_huge" : ""),
              round: round)
          }
        }
      }
    }
  }

  /// What the mapped ring's pages are, and what the advice of the paper's program makes of them.
  private static func pages(
    _ settings: EvaluationSettings, _ samples: inout Samples
  ) throws {
    var options = settings.options()
    options.bytes = 16 << 20
    let source = try EventSource.open(.sequencer, options)
    let ring = try source.mapRing()
    var page: UInt64 = 0
    let before = unsafe evaluation_huge_kilobytes(ring.base, &page)
    let answer = unsafe evaluation_advise_huge(ring.base, ring.byteCount)
    // Touched, as pages come when they are.
    var sum: UInt8 = 0
    for offset in stride(from: 0, to: ring.byteCount, by: 4096) {
      sum |= unsafe ring.base.load(fromByteOffset: offset, as: UInt8.self)
    }
    let after = unsafe evaluation_huge_kilobytes(ring.base, &page)
    samples.add("huge_kilobytes", Double(before), unit: "KiB", transport: "ring", round: 0)
    samples.add("huge_kilobytes", Double(after), unit: "KiB", transport: "ring_advised", round: 0)
    let said = answer == 0 ? "accepts it" : "answers \(unsafe String(cString: strerror(answer)))"
    samples.note(
      "a ring of \(ring.byteCount >> 20) MiB is mapped in pages of \(page) bytes, \(before) KiB of it "
        + "huge; madvise(MADV_HUGEPAGE) \(said), and then \(after) KiB are huge"
        + (sum == 0 ? "" : " (and the ring was not empty)"))
  }

  private static func nodes(_ samples: inout Samples) {
    let nodes = MachineFacts.numaNodes
    samples.note(
      nodes.count > 1
        ? "NUMA nodes: \(nodes); where the ring lies among them is not measured by this part"
        : "this machine has one NUMA node: where the ring lies can make no difference here")
  }

  package static func references(metric: String, transport: String) -> [String] {
    switch metric {
    case "path_cost": transport == "as_is" ? [] : ["as_is"]
    case "scan_cost": transport == "128" ? [] : ["128"]
    default: []
    }
  }
}

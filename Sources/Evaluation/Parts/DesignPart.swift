import CEvaluation
import EvaluationTransports
import Glibc
import Sequencer

/// The ring in other shapes: what each piece of the producer's path costs, and what the paper names as work
/// for the future.
///
/// Metrics: `path_cost`, ns an event of the loops in BPF/Evaluation/Programs/Alternatives.swift, held against
/// `as_is`, the product's accesses in the same loop, and without what the loop itself costs; `scan_cost`, ns
/// a slot of a consumer's loop over private memory (`128`: as it is; `64`: smaller slots; `ahead_n`: the slot
/// n further is prefetched; `huge`: on huge pages); `huge_kilobytes` of memory that programs share with user
/// space, before and after MADV_HUGEPAGE; `node_cost_by_P` and `node_drain_cost_by_P_to_C`, ns an event of the
/// ring on a NUMA node, sent by a CPU of node P, drained by one of node C.
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
    try settings.pinConsumer()
    try paths(settings, progress, &samples)
    try scans(settings, progress, &samples)
    pages(&samples)
    try nodes(settings, progress, &samples)
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

  /// What pages shared memory is mapped in, and what the advice of the paper's program makes of them.
  private static func pages(_ samples: inout Samples) {
    for kind in BPFPages.Kind.allCases {
      do {
        let bytes = 16 << 20
        let pages = try BPFPages(kind, bytes: bytes)
        for (name, kilobytes) in [("", pages.huge.before), ("_advised", pages.huge.after)] {
          samples.add(
            "huge_kilobytes", Double(kilobytes), unit: "KiB", transport: kind.rawValue + name,
            round: 0)
        }
        let said =
          pages.answer == 0
          ? "is accepted" : "is answered \"\(unsafe String(cString: strerror(pages.answer)))\""
        samples.note(
          "\(kind.rawValue): \(bytes >> 20) MiB are mapped in pages of \(pages.page) bytes, "
            + "\(pages.huge.before) KiB of it huge; madvise(MADV_HUGEPAGE) \(said), and then "
            + "\(pages.huge.after) KiB are huge")
      } catch {
        samples.note("pages: \(error)")
      }
    }
  }

  /// The ring on each NUMA node, and where the kernel puts it by itself, filled by a CPU of each node and
  /// drained by a CPU of each.
  private static func nodes(
    _ settings: EvaluationSettings, _ progress: Progress, _ samples: inout Samples
  ) throws {
    let nodes = MachineFacts.numaNodes
    let seats = nodes.compactMap { node in
      MachineFacts.cpus(ofNode: node).last.map { (node: node, cpu: $0) }
    }
    samples.note(
      nodes.count > 1
        ? "NUMA nodes: \(nodes)"
        : "this machine has one NUMA node: where the ring lies can make no difference here")
    var contestants = try ([nil] + nodes.map { $0 }).map { node in
      var options = settings.options()
      options.node = node
      return try Contestant(
        .sequencer, settings, options, name: node.map { "node_\($0)" } ?? "node_any")
    }
    var generator = SeededGenerator(seed: 7)
    for round in 0..<settings.rounds {
      progress.say("the ring's node, round \(round + 1) of \(settings.rounds)")
      contestants.shuffle(using: &generator)
      for contestant in contestants {
        for producer in seats {
          samples.add(
            "node_cost_by_\(producer.node)", try contestant.cost(on: [producer.cpu]), unit: "ns",
            transport: contestant.name, cpus: 1, payload: 56, round: round)
          for consumer in seats {
            try contestant.fill(on: producer.cpu)
            samples.add(
              "node_drain_cost_by_\(producer.node)_to_\(consumer.node)",
              try contestant.timedDrain(on: consumer.cpu), unit: "ns",
              transport: contestant.name, cpus: 1, payload: 56, round: round)
          }
        }
      }
    }
  }

  package static func references(metric: String, transport: String) -> [String] {
    switch metric {
    case "path_cost": transport == "as_is" ? [] : ["as_is"]
    case "scan_cost": transport == "128" ? [] : ["128"]
    case _ where metric.hasPrefix("node_"): transport == "node_any" ? [] : ["node_any"]
    default: []
    }
  }
}

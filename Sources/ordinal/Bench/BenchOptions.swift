import ArgumentParser
import Capture
import Evaluation
import EvaluationTransports

/// What all measurements have in common.
struct BenchOptions: ParsableArguments {
  @Flag(help: "Shorter and fewer rounds: a look, in two minutes for everything.")
  var quick = false

  @Option(help: "Rounds, in place of each part's own number.")
  var rounds: Int?

  @Option(help: "Processes of a storm of `bench capture` (default: 50000, with --quick 2000).")
  var forks: Int?

  @Option(
    help: ArgumentHelp(
      "CPU counts to measure: 1,2,4 (default: powers of two and all).",
      valueName: "list"))
  var cpus: String?

  @Option(help: ArgumentHelp("Bytes of an event's payload: of 8,56,120,248.", valueName: "list"))
  var payload: String?

  @Option(
    help: ArgumentHelp(
      "Transports to measure; the ringbuf is always among them.",
      valueName: "list"))
  var transports: String?

  @Option(
    help: ArgumentHelp(
      "Bytes of each transport's buffers, all CPUs together.",
      valueName: "size"))
  var bytes: String?

  @Option(
    help: ArgumentHelp(
      "Write all rows, with machine and versions, as JSON.",
      valueName: "file"))
  var json: String?

  @Option(help: ArgumentHelp("Write all rows as CSV.", valueName: "file"))
  var csv: String?

  @Option(help: ArgumentHelp("Write the plots into this folder, as SVG.", valueName: "folder"))
  var plots: String?

  @Option(help: ArgumentHelp("Write a page with tables and plots.", valueName: "file"))
  var html: String?

  /// What is measured; every value checked.
  ///
  /// - Throws: one line that names the option and what it may be.
  func settings() throws(Failure) -> EvaluationSettings {
    var settings = EvaluationSettings()
    settings.isQuick = quick
    settings.cpus = MachineFacts.onlineCPUs
    let all = settings.cpus.count
    if let rounds {
      guard (1...1000).contains(rounds) else { throw Failure("--rounds: give 1 to 1000") }
      settings.rounds = rounds
      settings.hasOwnRounds = true
    } else if quick {
      settings.rounds = 3
    }
    if let forks {
      guard (1...10_000_000).contains(forks) else {
        throw Failure("--forks: give 1 to 10000000")
      }
      settings.forks = forks
    }
    if let cpus {
      settings.cpuCounts = try numbers(
        cpus, "--cpus", of: Array(1...all), "1 to \(all), the CPUs that are online")
    } else {
      settings.cpuCounts = EvaluationSettings.counts(upTo: all)
    }
    if let payload {
      settings.payloads = try numbers(
        payload, "--payload", of: EventOptions.payloads, "8, 56, 120 or 248")
    } else if quick {
      settings.payloads = [56]
    }
    if let transports {
      var chosen: [Transport] = []
      for name in transports.split(separator: ",", omittingEmptySubsequences: false) {
        guard let transport = Transport(rawValue: String(name)) else {
          throw Failure(
            "--transports: there is no '\(name)'; there are "
              + Transport.allCases.map(\.rawValue).joined(separator: ", "))
        }
        if !chosen.contains(transport) { chosen.append(transport) }
      }
      // The others are held against it.
      if !chosen.contains(.ringbuf) { chosen.append(.ringbuf) }
      settings.transports = Transport.allCases.filter { chosen.contains($0) }
    }
    if let bytes {
      guard let size = RingSize.parse(bytes), size & (size &- 1) == 0, size >= 1 << 16,
        size <= 1 << 28
      else { throw Failure("--bytes: give a power of two from 64KiB to 256MiB") }
      settings.bytes = size
    }
    return settings
  }

  private func numbers(
    _ text: String, _ option: String, of choices: [Int], _ wanted: String
  ) throws(Failure) -> [Int] {
    var found: Set<Int> = []
    for word in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let number = Int(word), choices.contains(number) else {
        throw Failure("\(option): '\(word)' is not among what can be measured: give \(wanted)")
      }
      found.insert(number)
    }
    return found.sorted()
  }
}

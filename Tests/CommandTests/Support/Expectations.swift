import Foundation
import Testing

extension Tag {
  /// Needs root and the live kernel.
  @Tag static var kernel: Self
}

/// Thrown by a kernel suite that can't run: it fails, it is never skipped.
struct NeedsRoot: Error, CustomStringConvertible {
  let description = "this suite needs root: run ./test as root"

  static func check() throws {
    if geteuid() != 0 { throw NeedsRoot() }
  }
}

/// Expects one line for the user that says `words`, the status, and nothing on standard output.
func expectOneLine(
  _ outcome: Outcome, status: Int32, saying words: [String],
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(outcome.status == status, "\(outcome.errors)", sourceLocation: sourceLocation)
  #expect(outcome.output.isEmpty, "\(outcome.text)", sourceLocation: sourceLocation)
  #expect(
    outcome.errorLines.count == 1 && outcome.errors.hasSuffix("\n"), "\(outcome.errors)",
    sourceLocation: sourceLocation)
  #expect(
    outcome.errors.hasPrefix("ordinal: "), "\(outcome.errors)", sourceLocation: sourceLocation)
  for word in words {
    #expect(outcome.errors.contains(word), "\(outcome.errors)", sourceLocation: sourceLocation)
  }
  #expect(
    controlCharacters(in: outcome.errors).isEmpty, "\(outcome.errors.debugDescription)",
    sourceLocation: sourceLocation)
}

/// What could act on a terminal, line ends apart.
func controlCharacters(in text: String) -> [Unicode.Scalar] {
  text.unicodeScalars.filter { scalar in
    if scalar == "\n" { return false }
    return switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator: true
    default: false
    }
  }
}

/// The BPF programs of `ordinal trace` that no process holds: left behind.
func abandonedPrograms() throws -> [Int] {
  let listed = try Outcome(of: ["/bin/sh", "-c", "PATH=$PATH:/usr/sbin bpftool prog list -j"])
  guard listed.status == 0,
    let programs = try JSONSerialization.jsonObject(with: Data(listed.output)) as? [[String: Any]]
  else { throw Program.NotFound(reason: "bpftool prog list: \(listed.errors)") }
  let names = ["task_newtask", "sched_prepare_exec", "sched_process_exec", "sched_process_exit"]
  let ours = programs.filter { names.contains($0["name"] as? String ?? "") }
    .compactMap { $0["id"] as? Int }
  let held = try Outcome(
    of: ["/bin/sh", "-c", "cat /proc/[0-9]*/fdinfo/* 2>/dev/null | grep ^prog_id"])
  let ids = Set(held.lines.compactMap { Int($0.drop { !$0.isNumber }) })
  return ours.filter { !ids.contains($0) }
}

/// Expects that nothing stays attached; the kernel frees programs a moment after their last holder.
func expectNothingLeft(sourceLocation: SourceLocation = #_sourceLocation) throws {
  var left: [Int] = []
  for _ in 0..<50 {
    left = try abandonedPrograms()
    if left.isEmpty { return }
    usleep(200_000)
  }
  #expect(left.isEmpty, "programs left attached", sourceLocation: sourceLocation)
}

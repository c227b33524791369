import BPFLoader
import Glibc

/// The attachments of a capture. Programs are detached when it goes, unless the links are pinned.
struct ProgramLinks: ~Copyable {
  /// A link and the program it is of; a class, as arrays hold no noncopyable elements.
  private final class Entry {
    let name: String
    let link: BPFLink
    init(_ name: String, _ link: consuming BPFLink) {
      self.name = name
      self.link = link
    }
  }
  private var entries: [Entry] = []

  init() {}

  /// Attaches `programs`, in their order.
  mutating func attach(_ object: borrowing BPFObject, _ programs: [ProgramSpec]) throws(BPFError) {
    for program in programs {
      entries.append(Entry(program.name, try object.attach(program.name)))
    }
  }

  func pin(in directory: String) throws(BPFError) {
    for entry in entries {
      try entry.link.pin(at: ProgramLinks.path(of: entry.name, in: directory))
    }
  }

  /// Opens the links that are pinned in `directory`: what that capture was started with.
  mutating func open(in directory: String) throws(BPFError) {
    for program in ProgramSpec.all {
      let path = ProgramLinks.path(of: program.name, in: directory)
      guard unsafe access(path, F_OK) == 0 else { continue }
      entries.append(Entry(program.name, try BPFLink(pinnedAt: path)))
    }
  }

  /// Where the link of a program is pinned.
  static func path(of program: String, in directory: String) -> String {
    "\(directory)/link_\(program)"
  }

  /// Whether `program` is attached.
  func contains(_ program: String) -> Bool { entries.contains { $0.name == program } }

  /// Runs the kernel skipped, by program.
  func missed() throws(BPFError) -> [(program: String, count: UInt64)] {
    var result: [(program: String, count: UInt64)] = []
    let silent = Set(ProgramSpec.all.filter(\.isSilent).map(\.name))
    for entry in entries where !silent.contains(entry.name) {
      result.append((entry.name, try entry.link.missed()))
    }
    return result
  }

  /// Runs and their time, by program.
  func runs() throws(BPFError) -> [(program: String, runs: BPFRuns)] {
    var result: [(program: String, runs: BPFRuns)] = []
    for entry in entries { result.append((entry.name, try entry.link.runs())) }
    return result
  }

  /// Detaches the programs, the one that was attached last first.
  mutating func detach() {
    while entries.popLast() != nil {}
  }
}

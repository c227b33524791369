import BPFLoader

/// The attachments of a capture. Programs are detached when it goes, unless the links are pinned.
struct ProgramLinks: ~Copyable {
  /// The programs that produce.
  static let names = [
    "task_newtask", "sched_process_exit", "sched_prepare_exec", "sched_process_exec",
  ]
  private var fork: BPFLink?
  private var exit: BPFLink?
  private var prepare: BPFLink?
  private var exec: BPFLink?

  init() {}

  mutating func attach(_ object: borrowing BPFObject, withPrepare: Bool) throws(BPFError) {
    // Fork comes last: of a task whose creation is told, the exec and the exit are told as well, and
    // a task that fork counted as followed can't end uncounted.
    exit = try object.attach(ProgramLinks.names[1])
    if withPrepare { prepare = try object.attach(ProgramLinks.names[2]) }
    exec = try object.attach(ProgramLinks.names[3])
    fork = try object.attach(ProgramLinks.names[0])
  }

  func pin(in directory: String) throws(BPFError) {
    try fork?.pin(at: "\(directory)/link_\(ProgramLinks.names[0])")
    try exit?.pin(at: "\(directory)/link_\(ProgramLinks.names[1])")
    try prepare?.pin(at: "\(directory)/link_\(ProgramLinks.names[2])")
    try exec?.pin(at: "\(directory)/link_\(ProgramLinks.names[3])")
  }

  mutating func open(in directory: String, withPrepare: Bool) throws(BPFError) {
    fork = try BPFLink(pinnedAt: "\(directory)/link_\(ProgramLinks.names[0])")
    exit = try BPFLink(pinnedAt: "\(directory)/link_\(ProgramLinks.names[1])")
    if withPrepare {
      prepare = try BPFLink(pinnedAt: "\(directory)/link_\(ProgramLinks.names[2])")
    }
    exec = try BPFLink(pinnedAt: "\(directory)/link_\(ProgramLinks.names[3])")
  }

  /// Runs the kernel skipped, by program.
  func missed() throws(BPFError) -> [(program: String, count: UInt64)] {
    var result: [(program: String, count: UInt64)] = []
    if let count = try missed(fork) { result.append((ProgramLinks.names[0], count)) }
    if let count = try missed(exit) { result.append((ProgramLinks.names[1], count)) }
    if let count = try missed(exec) { result.append((ProgramLinks.names[3], count)) }
    return result
  }

  private func missed(_ link: borrowing BPFLink?) throws(BPFError) -> UInt64? {
    switch link {
    case .some(let link): return try link.missed()
    case .none: return nil
    }
  }

  mutating func detach() {
    fork = nil
    exec = nil
    prepare = nil
    exit = nil
  }
}

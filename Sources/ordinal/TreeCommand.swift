import ArgumentParser
import EventFormats
import Glibc
import KernelEvents
import ProcessLives

/// `ordinal tree`: a recording's processes, who made whom, what each ran, how each ended.
struct TreeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tree",
    abstract: "Show a recording's process tree: times, arguments, exit status.",
    discussion: """
      A row a process: when it started (seconds since the recording began), how long it ran, how it ended, \
      its pid and arguments; [name] was never seen to exec. In parentheses its uid where that is not its \
      parent's, a change of it, threads, and how often it executed.

      A large tree is folded until it can be read: alike siblings become one row, '× 4,812 sort', and the \
      rows below stand for the children of them all. --all gives each process a row.

      --subtree, --search and --failed choose; found processes are shown with their ancestors.

      What was lost is told at the end, and 'running' becomes 'no end seen' then. Past --limit processes \
      those that ended first are dropped, and counted. Colours and the width are a terminal's; NO_COLOR \
      turns the colours off.

      Exit status: 0; 1 if a part of the recording is damaged or output could not be written; 2 for bad \
      input; 64 for a wrong usage.
      """)

  @OptionGroup var recordings: RecordingArguments

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Show so many levels below the roots.", valueName: "N"))
  var depth: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Fold N or more siblings that are alike in program, end and children.", valueName: "N"))
  var fold: Int?

  @Flag(help: "Fold nothing: a row a process.")
  var all = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Show this process and what is below it; with @START (ns, as JSON's 'start') where a pid was used twice.",
      valueName: "PID[@START]"))
  var subtree: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Show processes whose name or arguments hold this text.", valueName: "text"))
  var search: String?

  @Flag(help: "Show processes that ended with another code than 0, or by a signal.")
  var failed = false

  @Flag(help: "Show times of day (UTC).")
  var absolute = false

  @Flag(help: "Do not cut lines at the terminal's width.")
  var wide = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Keep so many processes at most.", valueName: "N"))
  var limit = LivesReading.defaultLimit

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "Hide arguments of programs that match (*, ?, [a-z]), e.g. '--password*'; may be repeated.",
      valueName: "glob"))
  var redact: [String] = []

  func run() throws {
    try runTellingFailures {
      var options = try treeOptions()
      let wanted = try subtree.map { try ProcessName($0) }
      var request = try ReadingRequest(recordings)
      request.redactions = try redactionPatterns(redact)
      let reading = try LivesReading(request, limit: limit)
      options.subtree = try wanted?.key(in: reading.lives.tree)
      var text = TreeText(reading.lives, facts: reading.facts, options: options)
      var output = TreeOutput()
      try text.draw(into: &output.buffer) { buffer throws(Failure) in
        try TreeOutput.write(&buffer)
      }
      return reading.isDamaged ? 1 : 0
    }
  }

  private func treeOptions() throws(Failure) -> TreeOptions {
    var options = TreeOptions()
    if let depth {
      if depth < 0 { throw Failure("--depth \(depth) is no depth; give 0 or more") }
      options.depth = depth
    }
    if let fold {
      if all { throw Failure("--all folds nothing; leave out --fold or --all") }
      if fold < 2 { throw Failure("--fold \(fold) folds nothing; give 2 or more, or --all") }
      options.folding = .alike(fold)
    }
    if all { options.folding = .none }
    if let search {
      if search.isEmpty { throw Failure("--search '' finds everything; give a text") }
      options.search = Array(search.utf8)
    }
    options.failedOnly = failed
    options.absoluteTimes = absolute
    let isTerminal = isatty(STDOUT_FILENO) == 1
    options.colour = unsafe isTerminal && getenv("NO_COLOR") == nil
    options.width = isTerminal && !wide ? TreeOutput.terminalWidth : nil
    return options
  }
}

/// A process as `--subtree` names it.
private struct ProcessName {
  private let pid: UInt32
  private let start: UInt64?

  init(_ text: String) throws(Failure) {
    let parts = text.split(separator: "@", omittingEmptySubsequences: false)
    guard parts.count <= 2, let pid = UInt32(parts[0]), pid > 0 else {
      throw Failure("--subtree '\(text)' names no process; give a pid, or PID@START")
    }
    self.pid = pid
    guard parts.count == 2 else {
      start = nil
      return
    }
    guard let start = UInt64(parts[1]) else {
      throw Failure(
        "--subtree '\(text)': behind the @ stands a start in ns, as JSON's 'start' tells it")
    }
    self.start = start
  }

  /// The one process of this name.
  func key(in tree: ProcessTree) throws(Failure) -> ProcessKey {
    let found = tree.processes.map(\.key)
      .filter { $0.pid == pid && (start == nil || $0.start == start) }
    if found.count == 1 { return found[0] }
    if found.isEmpty {
      let name = start.map { "\(pid)@\($0)" } ?? "\(pid)"
      throw Failure(
        "--subtree: there is no process \(name) in the recording; `ordinal tree FILE --all` lists all"
      )
    }
    let names = found.prefix(8).map { "\($0.pid)@\($0.start)" }.joined(separator: ", ")
    throw Failure(
      "--subtree: \(found.count) processes had the pid \(pid); choose one: \(names)"
        + (found.count > 8 ? ", …" : ""))
  }
}

/// The drawn tree's way to standard output.
private struct TreeOutput: ~Copyable {
  var buffer = OutputBuffer(capacity: 128 * 1024)

  /// Columns of the terminal on standard output; nil where it doesn't tell.
  static var terminalWidth: Int? {
    var size = winsize()
    // The kernel fills `size`.
    guard unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
      return nil
    }
    return Int(size.ws_col)
  }

  /// Writes what is in the buffer, and empties it. A reader that went away has seen enough.
  static func write(_ buffer: inout OutputBuffer) throws(Failure) {
    defer { buffer.removeAll() }
    do throws(Failure) { try writeOut(buffer.bytes) } catch {
      if errno != EPIPE { throw error }
    }
  }
}

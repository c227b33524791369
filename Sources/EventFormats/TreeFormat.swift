public import KernelEvents

/// The process tree, drawn once at the end: who made whom, what each ran, how each ended.
///
/// It keeps processes (see ``KernelEvents/ProcessTree`` for the bound) and so is the one format
/// that allocates.
public struct TreeFormat: EventFormat {
  /// Levels that are indented one by one; deeper ones are shown at this indentation.
  public static var depthLimit: Int { 64 }

  /// What has been seen.
  public private(set) var tree: ProcessTree

  /// Makes a format that keeps at most `limit` processes.
  public init(limit: Int = 65_536) { tree = ProcessTree(limit: limit) }

  public mutating func write(
    _ event: DecodedEvent, context: inout FormattingContext, into buffer: inout OutputBuffer
  ) {
    tree.add(event)
  }

  public mutating func write(gap: Gap, into buffer: inout OutputBuffer) { tree.add(gap) }

  public mutating func finish(into buffer: inout OutputBuffer) { buffer.append(tree: tree) }
}

extension OutputBuffer {
  /// Draws `tree`, a line a process; names can't act on the terminal.
  ///
  /// `[name]` is a process that was never seen to exec.
  public mutating func append(tree: ProcessTree) {
    // The closure can't change the buffer in place: lines are drawn into one of their own.
    var lines = OutputBuffer()
    tree.walk { process, position in
      lines.append(branches: position.hasMoreSiblings)
      lines.append(process)
    }
    append(lines.bytes)
    if tree.evicted > 0 {
      append(decimal: tree.evicted)
      append(" more processes are not shown: the tree keeps ")
      append(decimal: UInt64(tree.limit))
      append("\n")
    }
    if tree.lost > 0 {
      append(decimal: tree.lost)
      append(" events were lost: processes may be missing\n")
    }
  }

  /// Appends the lines that lead to a process: for each level above it, whether more siblings follow there.
  package mutating func append(branches: [Bool]) {
    guard let last = branches.last else { return }
    for more in branches.dropLast().prefix(TreeFormat.depthLimit) {
      append(more ? "│  " : "   ")
    }
    if branches.count > TreeFormat.depthLimit + 1 { append("… ") }
    append(last ? "├─ " : "└─ ")
  }

  /// Appends what a process runs: its arguments, or `[name]` where it was never seen to exec.
  package mutating func append(commandOf process: ProcessTree.Process) {
    guard let line = process.commandLine else {
      append("[")
      append(visible: process.comm.span.raw)
      append("]")
      return
    }
    if line.isEmpty { return append(argument: process.comm.span.raw) }
    var start = 0
    let bytes = line.span.raw
    while start < bytes.byteCount {
      let end = bytes.firstNUL(from: start)
      if start > 0 { append(" ") }
      append(argument: bytes.extracting(start..<end))
      start = end + 1
    }
    if process.isCommandLineCut { append(" …") }
  }

  /// Appends how a process ended: `code 1`, `SIGSEGV, core`.
  package mutating func append(status: WaitStatus) {
    guard let signal = status.signal else {
      append("code ")
      return append(decimal: UInt64(status.code ?? 0))
    }
    append(signalName: signal)
    if status.dumpedCore { append(", core") }
  }

  private mutating func append(_ process: ProcessTree.Process) {
    append(decimal: process.key.pid)
    append(" ")
    append(commandOf: process)
    append("  (")
    if let status = process.status {
      append(status: status)
      append(", ran ")
      append(duration: process.runtime ?? 0)
    } else {
      append("running")
    }
    append(threads: process.threads)
    append(execs: process.execs)
    append(")\n")
  }

  private mutating func append(threads: Int) {
    guard threads > 0 else { return }
    append(", ")
    append(decimal: UInt64(threads))
    append(threads == 1 ? " thread more" : " threads more")
  }

  private mutating func append(execs: Int) {
    guard execs > 1 else { return }
    append(", ")
    append(decimal: UInt64(execs))
    append(" execs")
  }
}

import ArgumentParser

/// Which events are wanted: of a running capture or of a recording.
struct FilterArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Event families, comma-separated (default process); `ordinal events` tells them.",
      valueName: "families"))
  var events: String?

  @Option(
    help: ArgumentHelp(
      "The system calls that the family syscall tells, by name, comma-separated (default all).",
      valueName: "names"))
  var syscall: String?

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Only this process and its threads; may be repeated.", valueName: "PID"))
  var pid: [Int32] = []

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Only this process and its descendants; may be repeated.", valueName: "PID"))
  var tree: [Int32] = []

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Only this user, by name or number; may be repeated.", valueName: "user"))
  var uid: [String] = []

  @Option(
    help: ArgumentHelp(
      "Only tasks whose name matches (*, ?, [a-z]); may be repeated.", valueName: "glob"))
  var comm: [String] = []

  @Option(
    help: ArgumentHelp(
      "Only tasks in this cgroup v2 directory or below; may be repeated.", valueName: "path"))
  var cgroup: [String] = []

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "Hide arguments of programs that match (*, ?, [a-z]), e.g. '--password*'; may be repeated.",
      valueName: "glob"))
  var redact: [String] = []
}

/// How a capture runs, and what ends it.
struct RunArguments: ParsableArguments {
  enum Wait: String, ExpressibleByArgument, CaseIterable { case park, yield, spin }
  enum Timestamps: String, ExpressibleByArgument, CaseIterable { case precise, coarse, none }
  enum Until: String, ExpressibleByArgument, CaseIterable { case tree, command }

  // A value may begin with a dash: "-1" is told as a bad value, not as a missing one.
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("End after this many seconds, e.g. 1.5.", valueName: "seconds"))
  var duration: Double?

  @Option(
    parsing: .unconditional, help: ArgumentHelp("End after this many events.", valueName: "N"))
  var count: UInt64?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Size of the ring, a power of two (default 16MiB).", valueName: "size"))
  var ringSize: String?

  @Option(help: "How to wait for events: park, yield or spin.")
  var wait: Wait = .park

  @Option(
    help: "Clock of the timestamps: precise (default), coarse (steps of a tick, cheaper) or none.")
  var timestamps: Timestamps?

  @Option(
    help: ArgumentHelp(
      "Write the run's account as one JSON object there; - for stderr.", valueName: "path"))
  var summary: String?

  @Option(help: "With a command, end with its whole tree, or with the command itself.")
  var until: Until = .tree

  @Option(
    help: ArgumentHelp(
      "Keep ring and programs in bpffs under this name while no tracer runs; go on with them if they exist.",
      valueName: "name"))
  var pin: String?

  @Flag(help: "With --pin: leave ring and programs behind for a successor when this run ends.")
  var leavePinned = false

  @Flag(help: "Trace this program's own events as well.")
  var includeSelf = false

  @Flag(name: .shortAndLong, help: "Say nothing on stderr but errors.")
  var quiet = false
}

/// A command to run and trace.
struct CommandArguments: ParsableArguments {
  @Argument(parsing: .postTerminator, help: "A command to run and trace, with its arguments.")
  var command: [String] = []
}

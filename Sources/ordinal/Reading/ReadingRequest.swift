import ArgumentParser
import EventFormats
import Glibc
import KernelEvents
import Recording
import SequencerABI

/// The recordings that a command reads.
struct RecordingArguments: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      "What `ordinal record -o` wrote; of several, segments of the same capture in any order.",
      valueName: "file"))
  var files: [String]

  @Flag(name: .shortAndLong, help: "Say nothing on stderr but errors: no progress, no account.")
  var quiet = false
}

/// What is wanted of a recording, checked.
struct ReadingRequest {
  /// The recordings.
  let files: [String]
  /// What is shown; nil: everything.
  var filter: EventFilter?
  /// Arguments that match any of these are hidden.
  var redactions: [CommGlob] = []
  /// Events after which enough is shown.
  var limit: UInt64?
  /// Whether to say nothing but errors.
  let isQuiet: Bool

  /// Checks what the options mean.
  ///
  /// - Parameters:
  ///   - recordings: the files, as parsed.
  ///   - options: the filters, as parsed; nil: the command takes none.
  ///   - limit: events after which enough is shown.
  /// - Throws: a `Failure` with the line for the user.
  init(
    _ recordings: RecordingArguments, _ options: FilterArguments? = nil, limit: UInt64? = nil
  ) throws(Failure) {
    files = recordings.files
    isQuiet = recordings.quiet
    self.limit = limit
    if limit == 0 { throw Failure("--count 0 would show nothing; give a number above 0") }
    guard let options else { return }
    redactions = try redactionPatterns(options.redact)
    filter = try EventFilter(options)
  }
}

extension EventFilter {
  /// A filter by options, to be judged in this process.
  ///
  /// - Returns: nil where no option filters.
  fileprivate init?(_ options: FilterArguments) throws(Failure) {
    self.init()
    if let text = options.events { families = try eventFamilies(text) }
    if let text = options.syscall {
      let names = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      for name in names where SyscallABI.allCases.allSatisfy({ $0.number(of: name) == nil }) {
        throw Failure("--syscall: there is no system call '\(name)'; `man 2 syscalls` lists them")
      }
      syscalls = Set(names)
    }
    for pid in options.pid + options.tree where pid <= 0 {
      throw Failure("\(pid) is no process; give a pid as the recording tells it")
    }
    processes = Set(options.pid.map { UInt32($0) })
    trees = Set(options.tree.map { UInt32($0) })
    for user in options.uid {
      // By number only: names are the recorded machine's, and known when they have been read.
      guard let number = UInt32(user) else {
        throw Failure(
          "--uid '\(user)': a recording may be of another machine; give the user's number")
      }
      uids.insert(number)
    }
    for path in options.cgroup {
      let mount = "/sys/fs/cgroup"
      let inside = path.hasPrefix(mount + "/") ? String(path.dropFirst(mount.count)) : path
      if inside.isEmpty { throw Failure("--cgroup '' names no cgroup; give a path such as /a/b") }
      cgroups.append(Array((inside.hasPrefix("/") ? inside : "/" + inside).utf8))
    }
    comms = try commGlobs(options.comm)
    if families == nil && syscalls.isEmpty && processes.isEmpty && trees.isEmpty && uids.isEmpty
      && cgroups.isEmpty && comms.isEmpty
    {
      return nil
    }
  }
}

/// The families that `--events` names.
func eventFamilies(_ text: String) throws(Failure) -> Set<EventFamily> {
  var families: Set<EventFamily> = []
  for name in text.split(separator: ",", omittingEmptySubsequences: false) {
    guard let family = EventFamily(name: String(name)), EventFamily.available.contains(family)
    else {
      let all = EventFamily.available.map(\.name.description).joined(separator: ", ")
      throw Failure("--events: there is no family '\(name)'; this version has: \(all)")
    }
    families.insert(family)
  }
  return families
}

/// The globs of `--redact`.
func redactionPatterns(_ texts: [String]) throws(Failure) -> [CommGlob] {
  for pattern in texts where pattern.isEmpty {
    throw Failure("--redact '' hides nothing; give a pattern for an argument, e.g. '--password*'")
  }
  return texts.map { CommGlob($0) }
}

/// The globs of `--comm`.
func commGlobs(_ texts: [String]) throws(Failure) -> [CommGlob] {
  let patterns = texts.map { CommGlob($0) }
  for (pattern, text) in zip(patterns, texts) where text.isEmpty || !pattern.canMatch {
    throw Failure(
      "--comm '\(text)' can match no name: the kernel keeps 15 bytes; shorten it, e.g. with *")
  }
  return patterns
}

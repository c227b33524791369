import BPFLoader
import COrdinalSystem
import Capture
import EventFormats
import Glibc
import KernelEvents
import Sequencer
import SequencerABI

/// What a capture is to do, checked: everything a user can get wrong is found here, before anything
/// is loaded.
struct RunRequest {
  var capture = CaptureOptions()
  var wait: WaitStrategy
  /// Globs that the kernel can't judge; any of them must match.
  var globs: [CommGlob] = []
  /// Arguments that match any of these are hidden.
  var redactions: [CommGlob] = []
  var duration: UInt64?
  var count: UInt64?
  var summary: SummaryTarget?
  var hasCommand: Bool
  /// The command's words, exactly as given: a Swift string would repair bytes that are not UTF-8.
  var command: [[UInt8]] = []
  var endsWithCommand: Bool
  var leavesPinned: Bool
  var isQuiet: Bool

  /// The globs as a filter of this process; nil where the kernel judges all.
  var globFilter: EventFilter? {
    if globs.isEmpty { return nil }
    var filter = EventFilter()
    filter.comms = globs
    return filter
  }

  /// Checks what the options mean together. Nothing is made or opened but the summary's file, last.
  ///
  /// - Parameters:
  ///   - filters: which events, as parsed.
  ///   - options: how to run, as parsed.
  ///   - command: the words behind `--`, as parsed.
  ///   - words: the words they were parsed from, program name left out, byte by byte.
  ///   - drawsTree: whether the output is nothing without events of processes.
  /// - Throws: a `Failure` with the line for the user.
  init(
    _ filters: FilterArguments, _ options: RunArguments, command: [String], words: [[UInt8]],
    drawsTree: Bool = false
  ) throws {
    wait =
      switch options.wait {
      case .park: .park
      case .yield: .yield
      case .spin: .busySpin
      }
    endsWithCommand = options.until == .command
    leavesPinned = options.leavePinned
    isQuiet = options.quiet
    hasCommand = !command.isEmpty
    if !hasCommand && words.last == Array("--".utf8) {
      throw Failure(
        "there is no command behind '--'; leave '--' out to trace the machine", status: 64)
    }
    if endsWithCommand && !hasCommand {
      throw Failure("--until command needs a command: ordinal trace --until command -- COMMAND")
    }
    try setEvents(filters, drawsTree: drawsTree)
    if leavesPinned && options.pin == nil {
      throw Failure("--leave-pinned needs --pin NAME: there is nothing else to leave behind")
    }
    if hasCommand && options.pin != nil {
      throw Failure("--pin keeps a capture beyond this process; a command ends with it: use one")
    }
    if hasCommand && !(filters.pid.isEmpty && filters.tree.isEmpty) {
      throw Failure("a command is traced with its own tree; leave out --pid and --tree")
    }
    capture.pinName = options.pin
    capture.includesSelf = options.includeSelf
    capture.timestamps =
      switch options.timestamps {
      case .precise: .precise
      case .coarse: .coarse
      case .some(.none): TimestampSource.none
      case nil: nil
      }
    if let text = options.ringSize {
      guard let bytes = RingSize.parse(text) else {
        throw Failure("--ring-size '\(text)' is not a size; write e.g. 512KiB or 16MiB")
      }
      capture.ringBytes = bytes
    }
    if let seconds = options.duration {
      guard seconds > 0, seconds <= 1e9 else {
        throw Failure("--duration \(seconds) is not a time to trace for; give seconds above 0")
      }
      duration = UInt64(seconds * 1e9)
    }
    count = options.count
    if count == 0 { throw Failure("--count 0 would deliver nothing; give a number above 0") }
    try setFilter(filters)
    if hasCommand {
      capture.filter.followsCommand = true
      self.command = words.suffix(command.count)
    }
    // Last: nothing is made for a request that is refused.
    if let path = options.summary { summary = try SummaryTarget(path) }
  }

  private mutating func setEvents(_ options: FilterArguments, drawsTree: Bool) throws {
    if let text = options.events { capture.families = try eventFamilies(text) }
    let families = capture.families ?? [.process]
    if drawsTree && !families.contains(.process) {
      throw Failure("-o tree draws processes; add process to --events")
    }
    guard let text = options.syscall else { return }
    guard families.contains(.syscall) else {
      throw Failure("--syscall chooses among the family syscall; add it: --events syscall")
    }
    var selection = SyscallSelection()
    for name in text.split(separator: ",", omittingEmptySubsequences: false) {
      let native = SyscallABI.native.number(of: String(name))
      let compat =
        SyscallABI.native == .x86_64 ? SyscallABI.i386.number(of: String(name)) : nil
      if native == nil && compat == nil {
        throw Failure(
          "--syscall: this machine has no system call '\(name)'; `man 2 syscalls` lists them")
      }
      if let native { selection.native.append(native) }
      if let compat { selection.compat.append(compat) }
    }
    capture.syscalls = selection
  }

  private mutating func setFilter(_ options: FilterArguments) throws {
    for pid in options.pid + options.tree {
      try checkProcess(pid)
    }
    if !(options.pid.isEmpty && options.tree.isEmpty), !isInitialPIDNamespace() {
      throw Failure(
        "--pid and --tree name processes of the machine's own pid namespace, and this is another; "
          + "run outside the container, or trace a command")
    }
    capture.filter.processes = options.pid
    capture.filter.trees = options.tree
    capture.filter.uids = try options.uid.map(userID)
    capture.filter.cgroups = try options.cgroup.map(cgroupDirectory)
    if capture.filter.cgroups.count > 16 {
      throw Failure("--cgroup: at most 16 directories; name one above them")
    }
    try checkCgroupsOfOthers()
    redactions = try redactionPatterns(options.redact)
    let patterns = try commGlobs(options.comm)
    if patterns.count == 1, let mask = patterns[0].kernelMask {
      capture.filter.comm = (mask.value, mask.mask)
    } else {
      globs = patterns
    }
  }
}

extension RunRequest {
  /// Families whose events two tasks have a part in judge a task's cgroup by its level in the hierarchy,
  /// which only the hierarchy's own root shows.
  private func checkCgroupsOfOthers() throws {
    let families = capture.families ?? []
    guard !capture.filter.cgroups.isEmpty,
      families.contains(.signal) || families.contains(.scheduler),
      let mount = MountTable.current()?.mountPoint(ofType: "cgroup2")
    else { return }
    var status = stat()
    if unsafe stat(mount, &status) != 0 || status.st_ino != 1 {
      throw Failure(
        "--cgroup with the families signal or sched needs the root of the cgroup hierarchy, and "
          + "\(mount) shows a part of it; run outside the container")
    }
  }
}

private func checkProcess(_ pid: Int32) throws {
  guard pid > 0, kill(pid, 0) == 0 || errno == EPERM else {
    throw Failure("there is no process \(pid); `ps -e` lists those there are")
  }
  // kill() takes a thread's id as well; a pidfd names processes only.
  let descriptor = ordinal_pidfd_open(pid)
  if descriptor >= 0 {
    close(descriptor)
  } else if errno == EINVAL || errno == ENOENT {
    throw Failure("\(pid) is a thread; give its process, Tgid in /proc/\(pid)/status")
  }
}

/// By /etc/passwd alone: the name services are shared libraries of the C library's own version, which a
/// program linked statically on another machine can't load.
private func userID(_ text: String) throws -> UInt32 {
  if let number = UInt32(text) { return number }
  if let file = unsafe fopen("/etc/passwd", "re") {
    defer { unsafe fclose(file) }
    // An entry is valid until the next one is asked for.
    while let entry = unsafe fgetpwent(file) {
      if unsafe strcmp(entry.pointee.pw_name, text) == 0 { return unsafe entry.pointee.pw_uid }
    }
  }
  throw Failure("--uid: there is no user '\(text)'; give a name of /etc/passwd or a number")
}

private func cgroupDirectory(_ text: String) throws -> String {
  if text.isEmpty { throw Failure("--cgroup '' names no directory; give a path below cgroup v2's") }
  guard let mount = MountTable.current()?.mountPoint(ofType: "cgroup2") else {
    throw Failure(
      "--cgroup needs cgroup v2; mount it: mount -t cgroup2 none /sys/fs/cgroup")
  }
  let path =
    text == mount || text.hasPrefix(mount + "/")
    ? text : mount + (text.hasPrefix("/") ? text : "/" + text)
  var status = stat()
  guard unsafe stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
    throw Failure("--cgroup: \(path) is no directory; `ls \(mount)` lists what there is")
  }
  // ".." may have left the mount.
  let device = status.st_dev
  guard unsafe stat(mount, &status) == 0, status.st_dev == device else {
    throw Failure(
      "--cgroup: \(path) is no cgroup v2 directory; `ls \(mount)` lists those there are")
  }
  // Without "..", so that its level in the hierarchy is its components'.
  guard let real = unsafe realpath(path, nil) else { return path }
  defer { unsafe free(real) }
  return unsafe String(cString: real)
}

/// PROC_PID_INIT_INO of the kernel's include/linux/proc_ns.h.
private func isInitialPIDNamespace() -> Bool {
  var status = stat()
  return unsafe stat("/proc/self/ns/pid", &status) == 0 && status.st_ino == 0xEFFF_FFFC
}

/// This process's arguments, program name left out.
func processArguments() -> [[UInt8]] {
  (1..<max(1, Int(CommandLine.argc))).map { index in
    // argv holds argc pointers to NUL-terminated strings that live as long as the process.
    let word = unsafe CommandLine.unsafeArgv[index]!
    return unsafe Array(UnsafeRawBufferPointer(start: word, count: strlen(word)))
  }
}

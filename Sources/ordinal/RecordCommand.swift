import ArgumentParser
import Capture
import EventFormats
import Glibc
import KernelEvents
import Recording
import Sequencer
import SequencerABI
import SequencerCore

/// `ordinal record`: a capture into a file, to be looked at later.
struct RecordCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "record",
    abstract:
      "Record what the kernel does into a file, for replay, verify, tree, export and report.",
    usage: """
      ordinal record -o FILE [filters] [--duration S] [--count N]
      ordinal record -o FILE [options] -- COMMAND [ARGUMENT …]
      """,
    discussion: """
      Records are written as they lie in the ring: nothing is decoded, and nothing is given back to the \
      kernel before the file has it. A recording that is cut anywhere (a kill, a full disk) opens up to its \
      last whole block. Files are readable for their owner alone.

      With --rotate-size or --rotate-age the segments are FILE.000001 and so on, and --keep says how many \
      are kept; every command that reads takes FILE for all of them.

      With --pin NAME ring and programs stay when the recorder dies; the next `record --pin NAME`, into \
      another file or with --append, goes on exactly where the recording ends.

      Exit status: as for trace; 1 if the recording could not be written whole.
      """)

  @Option(
    name: .shortAndLong, help: ArgumentHelp("The file, which must not exist.", valueName: "file"))
  var output: String

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Begin another segment after so many bytes, e.g. 256MiB.", valueName: "size")
  )
  var rotateSize: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Begin another segment after so many seconds.", valueName: "seconds"))
  var rotateAge: Double?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Keep the last N segments, the one being written included; older ones are removed.",
      valueName: "N"))
  var keep: Int?

  @Flag(help: "Compress with zstd: less disk, more CPU time.")
  var compress = false

  @Flag(help: "Go on with a recording that exists, in a segment behind it.")
  var append = false

  @OptionGroup var filters: FilterArguments
  @OptionGroup var running: RunArguments
  @OptionGroup var traced: CommandArguments

  func run() throws {
    try runTellingFailures {
      let words = processArguments()
      let options = try recordingOptions()
      let request = try RunRequest(filters, running, command: traced.command, words: words)
      if !request.globs.isEmpty {
        throw Failure(
          "--comm: a recorder judges no names itself, and the kernel judges one name, or the start of one "
            + "with '*'; record all, and filter with `ordinal replay --comm`")
      }
      return try captureRun(request) { session, start in
        try makeSink(request, options, &session, start)
      }
    }
  }

  private func recordingOptions() throws(Failure) -> RecordingOptions {
    if output.isEmpty || output.hasSuffix("/") {
      throw Failure("-o '\(output)' names no file; give one that does not exist")
    }
    var options = RecordingOptions(path: output)
    if let rotateSize {
      guard let bytes = RingSize.parse(rotateSize), bytes >= 1 << 16 else {
        throw Failure(
          "--rotate-size '\(rotateSize)' is no size of 64KiB or more; write e.g. 256MiB")
      }
      options.rotateBytes = bytes
    }
    if let rotateAge {
      guard rotateAge >= 0.1, rotateAge <= 1e9 else {
        throw Failure("--rotate-age \(rotateAge): give seconds, 0.1 or more")
      }
      options.rotateAge = UInt64(rotateAge * 1e9)
    }
    if let keep {
      guard keep > 0 else { throw Failure("--keep \(keep) would keep nothing; give 1 or more") }
      if rotateSize == nil && rotateAge == nil {
        throw Failure("--keep is of segments; add --rotate-size or --rotate-age")
      }
      options.keptSegments = keep
    }
    options.isPacked = compress
    options.isAppending = append
    return options
  }

  private func makeSink(
    _ request: RunRequest, _ options: RecordingOptions, _ session: inout CaptureSession,
    _ start: RunStart
  ) throws -> RecordingSink {
    let trail = session.recordingTrail
    var own = RecordingStart()
    own.families = (request.capture.families ?? [.process]).reduce(0) { $0 | $1.bit }
    own.timestamps =
      switch request.capture.timestamps {
      case .precise, nil: 0
      case .coarse: 1
      case .some(.none): 2
      }
    own.wholeSince = start.wholeSince ?? 0
    own.facts = .ofThisMachine()
    own.facts.version = Ordinal.configuration.version
    own.facts.filters = filters.words
    own.facts.syscalls = filters.syscall ?? ""
    // Its arguments are in the recording too, with what must be hidden taken out; here they are whole.
    if request.redactions.isEmpty { own.facts.command = request.command }
    own.facts.excused = start.excused
    own.facts.isTree = start.isTree
    if session.isResumed { try goOn(&session, trail, &own) }
    own.epoch = session.epoch
    own.cpuCount = session.consumer.account.cpuCount
    own.ringCapacity = session.geometry.capacity
    let writer = try RecordingWriter.create(options, own, journal: session.consumer.journal) {
      // Without it a successor can't know what the file has already.
      do throws(CaptureError) { try trail?.note($0) } catch { complain(error.description) }
    }
    return RecordingSink(writer, request, capacity: session.geometry.capacity)
  }

  /// Goes on behind what the last recorder wrote, which may be more than it gave back to the ring.
  private func goOn(
    _ session: inout CaptureSession, _ trail: RecordingTrail?, _ own: inout RecordingStart
  ) throws {
    // What the capture was started with is told by the file that it was recorded to, if any.
    own.families = 0
    own.timestamps = 3
    guard let path = trail?.path else { return }
    do {
      let tail = try RecordingTail(of: path)
      guard tail.start.epoch == session.epoch else { return }
      own.families = tail.start.families
      own.timestamps = tail.start.timestamps
      own.wholeSince = tail.start.wholeSince
      own.facts.filters = tail.start.facts.filters
      own.facts.syscalls = tail.start.facts.syscalls
      own.facts.isTree = tail.start.facts.isTree
      own.facts.excused += tail.start.facts.excused
      let journal = session.consumer.journal
      if tail.journal.position >= journal.position && tail.journal.records >= journal.records {
        try session.goOn(behind: tail.journal)
      }
    } catch {
      complain(
        "the recording before this one, \(path), can't be gone on with: \(error); "
          + "its last records may be in both")
    }
  }
}

extension FilterArguments {
  /// The filters as they were given, for a recording's header.
  var words: [String] {
    var words: [String] = []
    if let events { words.append("--events \(events)") }
    if let syscall { words.append("--syscall \(syscall)") }
    words += pid.map { "--pid \($0)" } + tree.map { "--tree \($0)" } + uid.map { "--uid \($0)" }
    words += comm.map { "--comm \($0)" } + cgroup.map { "--cgroup \($0)" }
    return words + redact.map { "--redact \($0)" }
  }
}

extension SegmentFacts {
  /// What is known of this machine.
  static func ofThisMachine() -> SegmentFacts {
    var facts = SegmentFacts()
    var names = utsname()
    if unsafe uname(&names) == 0 {
      facts.kernel = text(of: names.release)
      facts.architecture = text(of: names.machine)
      facts.host = text(of: names.nodename)
    }
    facts.bootID = line(of: "/proc/sys/kernel/random/boot_id")
    facts.machineID = line(of: "/etc/machine-id")
    return facts
  }

  private static func text<Tuple>(of name: Tuple) -> String {
    // An array of characters with a NUL in it.
    unsafe withUnsafeBytes(of: name) { bytes in
      unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }

  private static func line(of path: String) -> String {
    guard let file = unsafe fopen(path, "re") else { return "" }
    defer { unsafe fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 128)
    let got = unsafe fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes[..<got].prefix { $0 > 32 && $0 < 127 }, as: UTF8.self)
  }
}

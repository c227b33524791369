import EvaluationTransports
import Foundation
import Glibc
import Recording
import Sequencer

/// How fast recordings are read: this program's commands beside those that come with the other recorders.
struct RecordingReaders {
  /// A command that reads a recording of one of the recorders.
  struct Reader {
    /// As rows name it.
    let name: String
    /// What recorded what it reads.
    let recorder: Recorder
    /// Its arguments, without the program.
    let arguments: (_ file: String, _ folder: String) -> [String]
  }

  /// The readers that there are here.
  ///
  /// - Parameter exports: whether this program has `export`.
  /// - Returns: ours, and those of the others, whether installed or not.
  static func all(exports: Bool) -> [Reader] {
    var readers = [
      Reader(name: "verify", recorder: .ordinal) { file, _ in ["verify", file] },
      Reader(name: "verify-zstd", recorder: .ordinalPacked) { file, _ in ["verify", file] },
    ]
    for format in ["compact", "json"] {
      readers.append(
        Reader(name: "replay-\(format)", recorder: .ordinal) { file, _ in
          ["replay", "-o", format, file]
        })
    }
    for format in exports ? ["perfetto", "csv", "sqlite", "json"] : [] {
      readers.append(
        Reader(name: "export-\(format)", recorder: .ordinal) { file, folder in
          ["export", file, "--format", format, "-o", "\(folder)/export-\(format)"]
        })
    }
    readers.append(
      Reader(name: "perf-script", recorder: .perfEqual) { file, _ in ["script", "-i", file] })
    readers.append(
      Reader(name: "trace-cmd-report", recorder: .traceCmdEqual) { file, _ in
        ["report", "-i", file]
      })
    return readers
  }

  /// Whether this program exports recordings.
  static func hasExports(in folder: String) throws -> Bool {
    let output = folder + "/help"
    guard let program = Recorder.ordinal.program else { return false }
    var run = try ProgramRun(
      [program, "export", "--help"], output: output, errors: "/dev/null")
    _ = try run.finish()
    return SystemText.of(output).contains("perfetto")
  }

  /// What a reading took, ns.
  struct Figures {
    var time: UInt64
    var cpu: UInt64
  }

  /// Has a file read once.
  ///
  /// - Throws: with the reader's own words, if it fails.
  static func read(_ file: String, by reader: Reader, in folder: String) throws -> Figures {
    guard let program = reader.recorder.program else {
      throw EvaluationError("\(reader.name) is not installed")
    }
    try? FileManager.default.removeItem(atPath: "\(folder)/\(reader.name)")
    let began = monotonicNow()
    var run = try ProgramRun(
      [program] + reader.arguments(file, folder), errors: folder + "/errors")
    let outcome = try run.finish()
    let time = monotonicNow() - began
    guard outcome.isFine else { throw run.problem("\(reader.name) failed") }
    return Figures(time: time, cpu: outcome.cpu)
  }

  /// Copies a recording and cuts it in the middle of a block that lies in its last tenth.
  ///
  /// - Throws: if it can't be written.
  static func cut(_ file: String, to copy: String) throws {
    do {
      try? FileManager.default.removeItem(atPath: copy)
      try FileManager.default.copyItem(atPath: file, toPath: copy)
      let handle = try FileHandle(forUpdating: URL(fileURLWithPath: copy))
      let size = try handle.seekToEnd()
      // No multiple of 128, at which blocks end.
      try handle.truncate(atOffset: size / 10 * 9 / 128 * 128 + 61)
      try handle.close()
    } catch {
      throw EvaluationError("can't cut a copy of the recording: \(error.localizedDescription)")
    }
  }

  /// Ns until the end of a cut recording is found: what a recorder that goes on does first.
  static func recover(_ path: String) throws -> UInt64 {
    let began = monotonicNow()
    let tail = try RecordingTail(of: path)
    let time = monotonicNow() - began
    guard tail.journal.records > 0 else { throw EvaluationError("no record before the cut") }
    return time
  }

  /// Ns in which `ordinal verify` looks at all of a cut recording, its start included.
  static func verify(_ path: String, in folder: String) throws -> UInt64 {
    guard let program = Recorder.ordinal.program else { return 0 }
    let began = monotonicNow()
    var run = try ProgramRun([program, "verify", path], errors: folder + "/errors")
    // That it is cut is said by lines and by its status.
    _ = try run.finish()
    return monotonicNow() - began
  }

  /// Ns in which the file is read once, as `cat` does.
  static func readOnce(_ path: String) throws -> UInt64 {
    let began = monotonicNow()
    let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw EvaluationError("can't read \(path)") }
    defer { close(file) }
    var buffer = [UInt8](repeating: 0, count: 128 << 10)
    while case let got = unsafe Glibc.read(file, &buffer, buffer.count), got != 0 {
      guard got > 0 else { throw EvaluationError("can't read \(path)") }
    }
    return monotonicNow() - began
  }
}

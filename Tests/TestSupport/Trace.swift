import Foundation

/// A running `ordinal trace`, its streams in files of its own.
public final class Trace {
  public let process: ChildProcess
  public let folder: TemporaryFolder
  /// Ids of the BPF objects it held when last looked.
  public private(set) var kernelObjects = KernelObjectIDs()

  /// Starts it.
  ///
  /// `output` is standard output; nil: the file that ``output()`` reads. `wrapper` are words before the program, e.g. `unshare -m`.
  public init(
    _ arguments: [String], output: ChildProcess.Stream? = nil, input: ChildProcess.Stream = .null,
    environment: [String: String] = [:], wrapper: [String] = [], isSessionLeader: Bool = false
  ) throws {
    folder = try TemporaryFolder()
    let program = try BuildFolder.program("ordinal")
    let words = wrapper + [program, "trace", "--summary", folder.file("summary")] + arguments
    process = try ChildProcess(
      words[0], Array(words.dropFirst()), input: input, output: output ?? .file(folder.file("out")),
      errors: .file(folder.file("err")), environment: environment,
      isSessionLeader: isSessionLeader)
  }

  /// Waits until a trace of the machine says that it traces.
  public func waitUntilTracing() throws {
    try waitUntil("'tracing' on stderr") {
      if process.hasEnded { throw SupportError("ended: \(errors)") }
      return errors.contains("Ctrl-C ends")
    }
    kernelObjects = KernelObjectIDs(of: process.pid)
  }

  /// Notes what BPF objects it holds now.
  public func noteKernelObjects() { kernelObjects = KernelObjectIDs(of: process.pid) }

  /// What it said on stderr so far.
  public var errors: String {
    (try? String(contentsOfFile: folder.file("err"), encoding: .utf8)) ?? ""
  }

  /// What it wrote to its output.
  public func output() throws -> TraceOutput { try TraceOutput(file: folder.file("out")) }

  /// The account it left.
  public func summary() throws -> RunSummary { try RunSummary(file: folder.file("summary")) }

  /// Sends SIGTERM and waits for the end.
  @discardableResult
  public func stop(_ signal: Int32 = 15, seconds: Double = 60) throws -> Int32 {
    process.send(signal)
    return try process.wait(seconds: seconds)
  }
}

/// The ids of BPF programs, maps and links; the kernel gives none of them twice within a test's time.
public struct KernelObjectIDs {
  public var programs: Set<UInt32> = []
  public var maps: Set<UInt32> = []
  public var links: Set<UInt32> = []

  public init() {}

  /// What a process holds, by the kernel's own account of its descriptors.
  public init(of pid: Int32) {
    let folder = "/proc/\(pid)/fdinfo"
    for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
      guard let text = try? readFile("\(folder)/\(name)") else {
        continue
      }
      for line in text.split(separator: "\n") {
        let fields = line.split(whereSeparator: { $0 == ":" || $0 == "\t" || $0 == " " })
        guard fields.count == 2, let id = UInt32(fields[1]) else { continue }
        switch fields[0] {
        case "prog_id": programs.insert(id)
        case "map_id": maps.insert(id)
        case "link_id": links.insert(id)
        default: break
        }
      }
    }
  }

  /// Those of them that still exist.
  public var remaining: [String] {
    func left(_ kind: String, _ ids: Set<UInt32>, _ code: UInt32) -> [String] {
      ids.sorted().filter { bpfExists(code, $0) }.map { "\(kind) \($0)" }
    }
    return left("program", programs, 0) + left("map", maps, 1) + left("link", links, 2)
  }
}

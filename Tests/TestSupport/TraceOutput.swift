public import Foundation
public import Synchronization

/// One line of `ordinal trace -o json`, a fork, an exec or an exit.
public struct Event: Decodable, Sendable {
  public struct Child: Decodable, Sendable {
    public let pid, tid: Int32
    public let start: UInt64
    public let comm: String
    public let thread: Bool
  }
  public struct Identity: Decodable, Sendable, Equatable {
    public let uid, gid, euid, egid: UInt32
    // The key is the JSON's.
    public let cap_permitted, cap_effective: String
  }

  public let seq: UInt64
  public let ts: UInt64?
  public let cpu: Int
  public let type: String
  public let pid, tid, ppid: Int32
  public let start: UInt64
  public let uid: UInt32
  public let comm: String
  public let cgroup: String?

  public let child: Child?
  public let clone_flags: UInt64?

  public let exe: String?
  public let args: [String]?
  public let args_b64: [String?]?
  public let truncated, fault: Bool?
  public let old_tid: Int32?
  public let cwd: String?
  public let cwd_b64: String?
  public let before, after: Identity?

  public let code, signal: Int32?
  public let core, last_thread: Bool?
  public let runtime_ns: UInt64?

  /// The arguments, byte by byte.
  public var arguments: [[UInt8]] {
    (args ?? []).enumerated().map { index, text in
      if let encoded = args_b64?[index] { return Array(Data(base64Encoded: encoded) ?? Data()) }
      return Array(text.utf8)
    }
  }

  /// The working directory, byte by byte.
  public var directory: [UInt8]? {
    if let encoded = cwd_b64 { return Data(base64Encoded: encoded).map { Array($0) } }
    return cwd.map { Array($0.utf8) }
  }

  /// The status of an exit, put together again as wait() encodes it.
  public var waitStatus: Int32 { (code ?? 0) << 8 | (signal ?? 0) | (core == true ? 0x80 : 0) }
}

/// A line that says that events were lost.
public struct GapLine: Decodable, Sendable {
  public let cpu: Int
  public let lost: UInt64
  public let by_family: [String: UInt64]
  public let after_seq, before_seq: UInt64?
}

/// What the kernel skipped, by the summaries that were read (``RunSummary/missed``).
public enum SkippedEvents {
  /// How many, since a test's run began.
  public static let seen = Mutex<UInt64>(0)
}

/// The account of a run, `--summary`.
public struct RunSummary: Decodable, Sendable {
  public let offered, delivered, lost, missed, filtered, gaps: UInt64
  public let lost_by_family: [String: UInt64]
  public let ordering_violations, causality_violations, longest_stall_ns, duration_ns: UInt64
  public let longest_stall_cpu: UInt32?
  public let events_per_second: UInt64
  public let forks, execs, exits, follow_failures: UInt64
  /// Left out where a capture was taken over: counts by CPU go back to its beginning.
  public let lost_by_cpu: [String: UInt64]?
  public let lost_by_cpu_and_family: [String: [String: UInt64]]?
  public let lost_by_cause: [String: UInt64]
  public let reason: String

  /// Reads a summary file.
  public init(file: String) throws {
    let data = try Data(contentsOf: URL(fileURLWithPath: file))
    do { self = try JSONDecoder().decode(RunSummary.self, from: data) } catch {
      throw SupportError("the summary \(String(decoding: data, as: UTF8.self)): \(error)")
    }
    let skipped = missed
    SkippedEvents.seen.withLock { $0 += skipped }
  }
}

/// What a trace wrote.
public struct TraceOutput: Sendable {
  /// A line, in the order of the stream.
  public enum Line: Sendable {
    case event(Event)
    case gap(GapLine)
  }
  public let lines: [Line]
  public let events: [Event]
  public let gaps: [GapLine]
  /// Bytes behind the last newline.
  public let rest: Data

  /// Reads the lines of a file.
  public init(file: String) throws {
    try self.init(Data(contentsOf: URL(fileURLWithPath: file)))
  }

  /// Reads whole lines; a line that is no event and no gap is an error.
  public init(_ data: Data) throws {
    let end = data.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? data.startIndex
    rest = data[end...]
    let decoder = JSONDecoder()
    let gapStart = Data("{\"type\":\"gap\"".utf8)
    lines = try data[..<end].split(separator: UInt8(ascii: "\n")).map { line in
      do {
        if line.starts(with: gapStart) {
          return .gap(try decoder.decode(GapLine.self, from: line))
        }
        return .event(try decoder.decode(Event.self, from: line))
      } catch {
        throw SupportError("the line \(String(decoding: line, as: UTF8.self)): \(error)")
      }
    }
    events = lines.compactMap { if case .event(let event) = $0 { event } else { nil } }
    gaps = lines.compactMap { if case .gap(let gap) = $0 { gap } else { nil } }
  }

  /// Whether sequences rise strictly from line to line.
  public var isStrictlyRising: Bool {
    zip(events, events.dropFirst()).allSatisfy { $0.seq < $1.seq }
  }
}

public import Foundation

/// The result of a run with all that a reader must know of it: what `ordinal bench --json` writes.
public struct EvaluationFile: Codable, Sendable {
  /// The version of this format.
  public static let version = 1

  /// What it was measured on.
  public struct Machine: Codable, Hashable, Sendable {
    public var processor: String
    /// CPUs online.
    public var cpus: Int
    public var kernel: String
    /// What the kernel says of the hypervisor; nil where there is none.
    public var hypervisor: String?
    public var memory_bytes: UInt64
    /// The state of each flaw of the processor, which decides what a call or a return costs.
    public var mitigations: [String: String]

    /// A machine of these figures.
    public init(
      processor: String, cpus: Int, kernel: String, hypervisor: String?, memory_bytes: UInt64,
      mitigations: [String: String]
    ) {
      self.processor = processor
      self.cpus = cpus
      self.kernel = kernel
      self.hypervisor = hypervisor
      self.memory_bytes = memory_bytes
      self.mitigations = mitigations
    }
  }

  /// ``version``.
  public var evaluation: Int
  public var machine: Machine
  /// Of the programs and libraries that took part, by name.
  public var versions: [String: String]
  /// The commit that was built.
  public var commit: String
  /// "release" or "debug".
  public var build: String
  /// RFC 3339.
  public var started: String
  public var duration_s: Double
  /// What the run was asked for.
  public var options: [String: String]
  /// Bytes, by name.
  public var sizes: [String: Int]
  /// What a reader has to know besides.
  public var notes: [String]
  public var rows: [EvaluationRow]

  /// A result of all its fields.
  public init(
    machine: Machine, versions: [String: String], commit: String, build: String, started: String,
    duration_s: Double, options: [String: String], sizes: [String: Int], notes: [String],
    rows: [EvaluationRow]
  ) {
    evaluation = EvaluationFile.version
    self.machine = machine
    self.versions = versions
    self.commit = commit
    self.build = build
    self.started = started
    self.duration_s = duration_s
    self.options = options
    self.sizes = sizes
    self.notes = notes
    self.rows = rows
  }

  /// The bytes of a JSON file.
  public func json() throws(ReportError) -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    do { return try encoder.encode(self) + Data("\n".utf8) } catch {
      throw ReportError("a figure can't be written: \(error)")
    }
  }

  /// Reads what ``json()`` wrote; the bytes may come from anywhere.
  ///
  /// - Parameters:
  ///   - data: the file's bytes.
  ///   - name: what errors call it.
  /// - Throws: one line if it is no such file.
  public init(json data: Data, name: String) throws(ReportError) {
    do { self = try JSONDecoder().decode(EvaluationFile.self, from: data) } catch {
      throw ReportError("'\(name)' is no result of `ordinal bench --json`: give one that is")
    }
    guard evaluation == EvaluationFile.version else {
      throw ReportError(
        "'\(name)' has format \(evaluation), this program reads \(EvaluationFile.version); "
          + "measure again with this version")
    }
    for row in rows where !row.spread.isEmpty && row.spread.count != 2 {
      throw ReportError("'\(name)' has a row whose spread is not two figures; measure again")
    }
  }
}

/// What can't be written or read; the text says what to do.
public struct ReportError: Error, CustomStringConvertible, Sendable {
  /// One line.
  public let description: String
  /// An error with this text.
  public init(_ description: String) { self.description = description }
}

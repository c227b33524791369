import Glibc

/// What went wrong between an object file and an attached program.
public struct BPFError: Error, Sendable {
  /// What was tried, e.g. "load".
  public let operation: String
  /// What it was tried on, e.g. "program sched_process_exec".
  public let object: String
  /// The errno of the failure, positive; 0 where there is none.
  public let code: Int32
  /// What to do next.
  public let remedy: String
  /// The kernel verifier's log, where it wrote one.
  public let verifierLog: String?

  /// An error of `operation` on `object`.
  public init(
    _ operation: String, _ object: String, code: Int32, remedy: String, verifierLog: String? = nil
  ) {
    self.operation = operation
    self.object = object
    self.code = code < 0 ? -code : code
    // Whatever was tried, this is what to do; and the verifier's last words are about something else.
    let isOutOfFiles = self.code == EMFILE || self.code == ENFILE
    self.remedy = isOutOfFiles ? "raise `ulimit -n`, or end programs that hold files open" : remedy
    self.verifierLog = isOutOfFiles ? nil : verifierLog
  }
}

extension BPFError: CustomStringConvertible {
  /// One line; the verifier's log is left to whoever wants it whole.
  public var description: String {
    var text = "can't \(operation) \(object)"
    if code != 0 { text += ": \(ErrnoText.describe(code))" }
    if let reason = verifierLog.flatMap(VerifierLog.reason) { text += " (verifier: \(reason))" }
    return text + "; " + remedy
  }
}

/// Reading a verifier log.
public enum VerifierLog {
  /// The line of a log that says why: the last one that is not bookkeeping.
  public static func reason(_ log: String) -> String? {
    log.split(separator: "\n").last { line in
      !line.hasPrefix("processed ") && !line.hasPrefix("max_states")
        && !line.hasPrefix("verification")
        && !line.hasPrefix("stack depth") && !line.allSatisfy(\.isWhitespace)
    }.map(String.init)
  }
}

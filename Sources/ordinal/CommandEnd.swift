import ArgumentParser
import Capture
import Recording

/// Runs a command's body and ends with the status that it returns; a failure is one line and its status.
func runTellingFailures(_ body: () throws -> Int32) throws {
  do {
    throw ExitCode(try body())
  } catch let failure as Failure {
    complain(failure.message)
    throw ExitCode(failure.status)
  } catch let error as CaptureError {
    complain(error.description)
    if let details = error.details { explainVerifier(details) }
    throw ExitCode(2)
  } catch let error as RecordingError {
    complain(error.description)
    throw ExitCode(2)
  }
}

/// The verifier's last words; the whole log is rarely wanted on a terminal.
private func explainVerifier(_ log: String) {
  let lines = log.split(separator: "\n").suffix(12)
  complain("the verifier's last lines:")
  for line in lines { complain("  \(line)") }
}

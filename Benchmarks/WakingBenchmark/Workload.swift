import CWakingWorkload
import Glibc

/// A process that waits, does its work and tells the time it took.
struct Workload: ~Copyable {
  private var process: waking_process

  /// What it did: calls, forks or round trips, and the time, ns.
  struct Result {
    var count: Int
    var elapsed: Double
  }

  /// Readable once the work is done.
  var descriptor: Int32 { process.result }
  var pid: UInt32 { UInt32(process.pid) }

  init(_ kind: waking_kind, amount: Int, rate: Double = 0, cpu: Int32) throws {
    var process = waking_process()
    guard unsafe waking_start(kind, UInt64(amount), rate, cpu, &process) == 0 else {
      throw Problem("can't start the workload: \(unsafe String(cString: strerror(errno)))")
    }
    self.process = process
  }

  func go() { close(process.go) }

  /// Waits for the end.
  consuming func finish() throws -> Result {
    var result = waking_result()
    guard unsafe waking_finish(&process, &result) == 0 else {
      throw Problem("the workload failed; run it again on a machine with room for its processes")
    }
    return Result(count: Int(result.count), elapsed: Double(result.elapsed))
  }
}

/// One line that says what went wrong.
struct Problem: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

import CEvaluation
import EvaluationTransports
import Glibc
import SequencerABI

/// Work that makes the events of one family.
struct FamilyWork: Sendable {
  /// The family, as rows name it.
  let name: String
  let family: EventFamily
  let kind: evaluation_family_kind
  /// What one turn is, for the reader.
  let turn: String

  private init(_ family: EventFamily, _ kind: evaluation_family_kind, _ turn: String) {
    name = "\(family.name)"
    self.family = family
    self.kind = kind
    self.turn = turn
  }

  static let syscall = FamilyWork(.syscall, EVALUATION_GETPID, "getpid()")
  static let scheduler = FamilyWork(
    .scheduler, EVALUATION_PING, "a byte to another thread on the same CPU and back")

  /// One for each family; modules are left alone.
  static let all: [FamilyWork] = [
    syscall, scheduler,
    FamilyWork(.signal, EVALUATION_KILL, "a signal to itself, with a handler"),
    FamilyWork(.futex, EVALUATION_WAKE, "a wake of nobody"),
    FamilyWork(.lock, EVALUATION_CONTEND, "mmap() and munmap() of four threads of a process"),
    FamilyWork(.network, EVALUATION_CONNECT, "a connection over loopback, accepted and reset"),
    FamilyWork(.file, EVALUATION_CREATE, "open(O_CREAT), close, unlink"),
    FamilyWork(.credentials, EVALUATION_SETUID, "setresuid() there and back"),
    FamilyWork(.namespace, EVALUATION_UNSHARE, "unshare(CLONE_NEWUTS)"),
    FamilyWork(.mount, EVALUATION_MOUNT, "a bind mount and its end"),
    FamilyWork(.ptrace, EVALUATION_PEEK, "PTRACE_PEEKDATA of a stopped child"),
    FamilyWork(.bpf, EVALUATION_MAP, "a map made and closed"),
    FamilyWork(.process, EVALUATION_VFORK, "vfork(), exit, wait"),
  ]
}

/// Processes that do the same work, one on each of some CPUs; ended and waited for when the value goes.
struct FamilyProcesses: ~Copyable {
  /// What all of them did.
  struct Outcome {
    var turns = 0
    /// The sum of their times, ns.
    var elapsed: UInt64 = 0
    /// Of these, ns on a CPU.
    var cpu: UInt64 = 0
    /// Turns a second of all together.
    var rate = 0.0
    /// Time of one turn, ns.
    var mean: Double { Double(elapsed) / Double(max(turns, 1)) }
    /// Of it, ns on a CPU.
    var meanCPU: Double { Double(cpu) / Double(max(turns, 1)) }
  }

  private var waiting: [evaluation_family] = []

  /// Starts them; they wait for ``begin()``.
  ///
  /// - Parameters:
  ///   - kind: what a turn is.
  ///   - cpus: one process each.
  ///   - nanoseconds: for how long.
  ///   - rate: turns a second of all together; 0: as many as can be.
  /// - Throws: if a process can't be made.
  init(_ kind: evaluation_family_kind, on cpus: [Int], nanoseconds: UInt64, rate: Double = 0)
    throws
  {
    for cpu in cpus {
      var one = evaluation_family()
      guard
        unsafe evaluation_family_start(
          kind, Int32(cpu), nanoseconds, rate / Double(cpus.count), &one) == 0
      else {
        throw EvaluationError(
          "can't start the work: \(unsafe String(cString: strerror(errno))); see `ulimit -u`")
      }
      waiting.append(one)
    }
    // Their preparations belong to nobody's time.
    usleep(2000)
  }

  deinit {
    for one in waiting {
      var one = one
      var result = evaluation_family_result()
      _ = unsafe evaluation_family_finish(&one, &result)
    }
  }

  mutating func begin() {
    for index in waiting.indices {
      close(waiting[index].go)
      waiting[index].go = -1
    }
  }

  var isOver: Bool {
    waiting.allSatisfy {
      var entry = pollfd(fd: $0.result, events: Int16(POLLIN), revents: 0)
      return unsafe poll(&entry, 1, 0) > 0
    }
  }

  /// Waits for all.
  ///
  /// - Throws: if one could not do its work.
  mutating func finish() throws -> Outcome {
    var outcome = Outcome()
    var isWhole = true
    while var one = waiting.popLast() {
      var result = evaluation_family_result()
      if unsafe evaluation_family_finish(&one, &result) != 0 { isWhole = false }
      outcome.turns += Int(result.turns)
      outcome.elapsed += result.elapsed
      outcome.cpu += result.cpu
      outcome.rate += Double(result.turns) / Double(max(result.elapsed, 1)) * 1e9
    }
    guard isWhole else {
      throw EvaluationError("the work failed; run it as root, with room for its processes")
    }
    return outcome
  }
}

import KernelEvents

/// Which processes are alike: each gets the number of its kind.
///
/// Kinds are compared in full, never by a hash alone, so no name can be made to look like another.
struct LifeKinds {
  /// What makes processes alike.
  enum Likeness {
    /// The program.
    case program
    /// The program, the way it ended, and the kinds of its children.
    case life
  }

  private struct Program: Hashable {
    var comm: [UInt8]
    var hasExecuted: Bool
  }

  private struct Life: Hashable {
    var program: Int
    var outcome: UInt32
    var children: [Int]
  }

  /// The kind of each process; meaningless where it is not shown.
  private(set) var numbers: [Int]

  /// Numbers the shown processes of `forest`.
  init(_ forest: ProcessForest, isShown: [Bool], by likeness: Likeness) {
    numbers = [Int](repeating: -1, count: forest.count)
    var programs: [Program: Int] = [:]
    for index in 0..<forest.count where isShown[index] {
      let process = forest.processes[index]
      let program = Program(comm: process.comm, hasExecuted: process.execs > 0)
      let number = programs[program] ?? programs.count
      if number == programs.count { programs[program] = number }
      numbers[index] = number
    }
    guard likeness == .life else { return }
    var lives: [Life: Int] = [:]
    // From the back: the children's kinds are known before their parent's.
    for index in stride(from: forest.count - 1, through: 0, by: -1) where isShown[index] {
      var children: [Int] = []
      for child in forest.children(of: index) where isShown[child] {
        children.append(numbers[child])
      }
      children.sort()
      var distinct: [Int] = []
      for child in children where child != distinct.last { distinct.append(child) }
      let life = Life(
        program: numbers[index], outcome: LifeKinds.outcome(of: forest.processes[index]),
        children: distinct)
      let number = lives[life] ?? lives.count
      if number == lives.count { lives[life] = number }
      numbers[index] = number
    }
  }

  /// A number for the way a process ended, which no other way has.
  static func outcome(of process: ProcessTree.Process) -> UInt32 {
    guard let status = process.status else { return process.isReplaced ? 0x2_0000 : 0x1_0000 }
    // Beside a signal, the code's bits tell nothing.
    return status.rawValue & (status.signal == nil ? 0xFF00 : 0xFF)
  }
}

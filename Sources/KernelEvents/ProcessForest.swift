/// The processes of a ``ProcessTree`` at one moment, as arrays: what drawing and counting walk over.
///
/// A process is named by its index; a parent's is below its children's, so a loop from the front meets
/// parents first and a loop from the back meets children first, and nothing need recurse.
public struct ProcessForest: Sendable {
  /// The processes in the order of first sight.
  public let processes: [ProcessTree.Process]
  /// The index of each process's parent; nil where that isn't there.
  public let parents: [Int?]
  /// The processes whose parent isn't there, in the order of first sight.
  public let roots: [Int]
  private let childOffsets: [Int]
  private let childIndices: [Int]

  /// Takes the processes out of `tree`.
  public init(_ tree: ProcessTree) {
    let processes = tree.processes
    var indices: [ProcessKey: Int] = [:]
    indices.reserveCapacity(processes.count)
    for (index, process) in processes.enumerated() { indices[process.key] = index }
    var parents: [Int?] = []
    parents.reserveCapacity(processes.count)
    var roots: [Int] = []
    var counts = [Int](repeating: 0, count: processes.count + 1)
    for (index, process) in processes.enumerated() {
      // A parent that had to go and came back is younger than its children: they stay roots.
      if let key = process.parent, let parent = indices[key], parent < index {
        parents.append(parent)
        counts[parent + 1] += 1
      } else {
        parents.append(nil)
        roots.append(index)
      }
    }
    for index in 0..<processes.count { counts[index + 1] += counts[index] }
    var next = counts
    var children = [Int](repeating: 0, count: counts[processes.count])
    for (index, parent) in parents.enumerated() {
      guard let parent else { continue }
      children[next[parent]] = index
      next[parent] += 1
    }
    self.processes = processes
    self.parents = parents
    self.roots = roots
    childOffsets = counts
    childIndices = children
  }

  /// Processes there are.
  public var count: Int { processes.count }

  /// The children of the process at `index`, in the order of first sight.
  public func children(of index: Int) -> ArraySlice<Int> {
    childIndices[childOffsets[index]..<childOffsets[index + 1]]
  }
}

/// Where a process stands in a walk of the tree.
public struct TreePosition: Sendable {
  /// For each level above the process, from the root's children on: whether more siblings follow
  /// there. Empty for a root.
  public internal(set) var hasMoreSiblings: [Bool]
  /// Whether the process was made by one that isn't in the tree.
  public var isRoot: Bool { hasMoreSiblings.isEmpty }
}

extension ProcessTree {
  /// Visits every process, parents before children, siblings in the order of first sight.
  public func walk(_ visit: (Process, TreePosition) -> Void) {
    let forest = ProcessForest(self)
    // A stack of our own: a chain of processes may be as long as the limit.
    var stack: [(index: Int, depth: Int, more: Bool)] = []
    func push(_ siblings: some BidirectionalCollection<Int>, depth: Int) {
      for (place, index) in siblings.reversed().enumerated() {
        stack.append((index, depth, place > 0))
      }
    }
    push(forest.roots, depth: 0)
    var levels: [Bool] = []
    while let (index, depth, more) = stack.popLast() {
      levels.removeSubrange(max(0, depth - 1)...)
      if depth > 0 { levels.append(more) }
      visit(forest.processes[index], TreePosition(hasMoreSiblings: levels))
      push(forest.children(of: index), depth: depth + 1)
    }
  }
}

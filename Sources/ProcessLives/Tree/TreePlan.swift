import KernelEvents

/// The rows of a drawn tree, from the top.
///
/// A row may stand for many siblings that are alike; then the rows below it stand for the children of all
/// of them together. Every process that is selected is in exactly one row.
struct TreePlan {
  /// What a row shows.
  enum Content {
    /// One process.
    case process(Int)
    /// Siblings that are alike, in the order of first sight; two at least.
    case alike([Int])
    /// Processes that are not drawn: the children here, and all of them with what is below them.
    case hidden(children: Int, all: Int, failed: Int)
  }

  /// One line of the drawing.
  struct Row {
    var content: Content
    /// 0 for a root.
    var depth: Int
    /// Whether a sibling follows.
    var hasMore: Bool
  }

  /// How much is folded.
  struct Folding {
    var likeness = LifeKinds.Likeness.life
    /// Alike siblings that become one row, at least; nil: never.
    var least: Int?
    /// The deepest level drawn; nil: all.
    var depth: Int?
    /// Rows below one parent, at most; nil: any number.
    var rows: Int?
  }

  /// A tree of so few processes is not folded by itself.
  static var plainLimit: Int { 40 }
  /// Rows a tree has, about, when it is folded by itself.
  static var rowBudget: Int { 250 }

  /// The rows.
  private(set) var rows: [Row] = []
  private let forest: ProcessForest
  private let selection: TreeSelection
  /// Shown processes at and below each one.
  private let sizes: [Int]
  /// Those of them that failed.
  private let failures: [Int]

  /// Plans the drawing of what `selection` has of `forest`.
  init(_ forest: ProcessForest, _ selection: TreeSelection, _ options: TreeOptions) {
    self.forest = forest
    self.selection = selection
    var sizes = [Int](repeating: 0, count: forest.count)
    var failures = sizes
    for index in stride(from: forest.count - 1, through: 0, by: -1)
    where selection.isShown[index] {
      sizes[index] += 1
      if forest.processes[index].hasFailed { failures[index] += 1 }
      if let parent = forest.parents[index], selection.isShown[parent] {
        sizes[parent] += sizes[index]
        failures[parent] += failures[index]
      }
    }
    self.sizes = sizes
    self.failures = failures
    switch options.folding {
    case .none: plan(Folding(depth: options.depth))
    case .alike(let least): plan(Folding(least: max(2, least), depth: options.depth))
    case .automatic: planReadable(depth: options.depth)
    }
  }

  /// Folds by steps until the rows are few enough to be read.
  private mutating func planReadable(depth: Int?) {
    if selection.shown <= TreePlan.plainLimit { return plan(Folding(depth: depth)) }
    plan(Folding(least: 4, depth: depth))
    if rows.count <= TreePlan.rowBudget { return }
    var folding = Folding(likeness: .program, least: 2, depth: depth)
    plan(folding)
    if rows.count <= TreePlan.rowBudget { return }
    folding.rows = 30
    plan(folding)
    guard rows.count > TreePlan.rowBudget, depth == nil else { return }
    // The deepest level at which the rows, and those that tell what is hidden, are few enough.
    var rowsAtDepth: [Int] = []
    for row in rows {
      while rowsAtDepth.count <= row.depth { rowsAtDepth.append(0) }
      rowsAtDepth[row.depth] += 1
    }
    var sum = 0
    var deepest = 1
    for (level, count) in rowsAtDepth.enumerated().prefix(33) {
      sum += count
      if 2 * sum <= TreePlan.rowBudget { deepest = max(deepest, level) }
    }
    folding.depth = deepest
    plan(folding)
  }

  private struct Entry {
    var members: [Int]
    var depth: Int
    var hasMore: Bool
    /// Set for a row that only tells of processes that are not drawn.
    var hidden: Content?
  }

  private mutating func plan(_ folding: Folding) {
    rows.removeAll(keepingCapacity: true)
    let kinds =
      folding.least == nil
      ? nil : LifeKinds(forest, isShown: selection.isShown, by: folding.likeness)
    // A stack of our own: a chain of processes may be as long as there are processes.
    var stack: [Entry] = []
    push(selection.roots, depth: 0, folding, least: folding.least, kinds, &stack)
    while let entry = stack.popLast() {
      let content =
        entry.hidden
        ?? (entry.members.count == 1 ? .process(entry.members[0]) : .alike(entry.members))
      rows.append(Row(content: content, depth: entry.depth, hasMore: entry.hasMore))
      if entry.hidden != nil { continue }
      var children: [Int] = []
      for member in entry.members {
        for child in forest.children(of: member) where selection.isShown[child] {
          children.append(child)
        }
      }
      if children.isEmpty { continue }
      if entry.members.count > 1 { children.sort() }
      if let deepest = folding.depth, entry.depth >= deepest {
        stack.append(
          Entry(members: [], depth: entry.depth + 1, hasMore: false, hidden: hiding(children)))
        continue
      }
      // What is below many is one row where it can be: singles there would have no parent to tell.
      let least = entry.members.count > 1 ? 2 : folding.least
      push(children, depth: entry.depth + 1, folding, least: least, kinds, &stack)
    }
  }

  private func hiding(_ processes: [Int]) -> Content {
    .hidden(
      children: processes.count, all: processes.reduce(0) { $0 + sizes[$1] },
      failed: processes.reduce(0) { $0 + failures[$1] })
  }

  /// Puts siblings on the stack, the first one on top.
  private func push(
    _ siblings: [Int], depth: Int, _ folding: Folding, least: Int?, _ kinds: LifeKinds?,
    _ stack: inout [Entry]
  ) {
    var groups = grouped(siblings, least: least, kinds)
    var hidden: [Int] = []
    if let limit = folding.rows, groups.count > limit {
      // The largest stay, each where it was.
      let weights = groups.map { $0.reduce(0) { $0 + sizes[$1] + failures[$1] } }
      let kept = Set(
        weights.indices.sorted { (weights[$1], $0) < (weights[$0], $1) }.prefix(limit))
      for index in groups.indices where !kept.contains(index) { hidden += groups[index] }
      groups = groups.indices.filter { kept.contains($0) }.map { groups[$0] }
    }
    if !hidden.isEmpty {
      stack.append(Entry(members: [], depth: depth, hasMore: false, hidden: hiding(hidden)))
    }
    for (place, group) in groups.reversed().enumerated() {
      stack.append(
        Entry(members: group, depth: depth, hasMore: place > 0 || !hidden.isEmpty, hidden: nil))
    }
  }

  /// The siblings by their kind where there are `least` of it, else each by itself; in the order of
  /// first sight.
  private func grouped(_ siblings: [Int], least: Int?, _ kinds: LifeKinds?) -> [[Int]] {
    guard let kinds, let least, siblings.count >= least else { return siblings.map { [$0] } }
    var counts: [Int: Int] = [:]
    for sibling in siblings { counts[kinds.numbers[sibling], default: 0] += 1 }
    var groups: [[Int]] = []
    var places: [Int: Int] = [:]
    for sibling in siblings {
      let kind = kinds.numbers[sibling]
      guard counts[kind, default: 0] >= least else {
        groups.append([sibling])
        continue
      }
      if let place = places[kind] {
        groups[place].append(sibling)
      } else {
        places[kind] = groups.count
        groups.append([sibling])
      }
    }
    return groups
  }
}

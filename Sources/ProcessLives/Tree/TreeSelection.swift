import KernelEvents

/// What of a forest is to be drawn: the processes asked for, and their ancestors.
struct TreeSelection {
  /// The processes drawn without a parent above them.
  let roots: [Int]
  /// Whether each process is drawn.
  let isShown: [Bool]
  /// Whether each process is one that was searched for; none where nothing was.
  let isMatch: [Bool]
  /// Processes that are drawn.
  let shown: Int
  /// Processes that were searched for and found.
  let matches: Int

  /// Selects from `forest` what `options` ask for.
  init(_ forest: ProcessForest, _ options: TreeOptions) {
    let count = forest.count
    var isInside = [Bool](repeating: options.subtree == nil, count: count)
    var top: Int?
    if let key = options.subtree {
      top = forest.processes.firstIndex { $0.key == key }
      if let top { isInside[top] = true }
      for index in 0..<count {
        if let parent = forest.parents[index], isInside[parent] { isInside[index] = true }
      }
    }
    let isFiltered = options.search != nil || options.failedOnly
    var isShown = isInside
    var isMatch = [Bool](repeating: false, count: count)
    var matches = 0
    if isFiltered {
      let search = options.search.map(ByteSearch.init)
      for index in 0..<count where isInside[index] {
        let process = forest.processes[index]
        isMatch[index] =
          (!options.failedOnly || process.hasFailed) && (search?.matches(process) ?? true)
        if isMatch[index] { matches += 1 }
      }
      isShown = isMatch
      // From the back: children before their parents.
      for index in stride(from: count - 1, through: 0, by: -1) where isShown[index] {
        if let parent = forest.parents[index], isInside[parent] { isShown[parent] = true }
      }
    }
    roots =
      options.subtree == nil
      ? forest.roots.filter { isShown[$0] } : [top].compactMap { $0 }.filter { isShown[$0] }
    shown = isShown.reduce(0) { $0 + ($1 ? 1 : 0) }
    self.isShown = isShown
    self.isMatch = isMatch
    self.matches = matches
  }
}

/// Bytes to be found in a process's name or arguments.
struct ByteSearch {
  private let wanted: [UInt8]

  /// Searches for `wanted`; nothing at all is found everywhere.
  init(_ wanted: [UInt8]) { self.wanted = wanted }

  /// Whether the name, or the arguments with blanks between, hold the bytes.
  func matches(_ process: ProcessTree.Process) -> Bool {
    if holds(process.comm) { return true }
    guard let line = process.commandLine else { return false }
    return holds(line)
  }

  private func holds(_ text: [UInt8]) -> Bool {
    guard let first = wanted.first else { return true }
    guard text.count >= wanted.count else { return false }
    // A NUL ends an argument; the reader sees a blank there.
    func shown(_ byte: UInt8) -> UInt8 { byte == 0 ? UInt8(ascii: " ") : byte }
    for start in 0...(text.count - wanted.count) where shown(text[start]) == first {
      var length = 1
      while length < wanted.count, shown(text[start + length]) == wanted[length] { length += 1 }
      if length == wanted.count { return true }
    }
    return false
  }
}

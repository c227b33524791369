import Foundation

/// The inputs of a target in one file: each behind its length, four bytes, least first; the shortest
/// first.
enum Pack {
  /// Writes the files of `folder` to `file`.
  static func pack(_ folder: String, _ file: String) throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: folder)
    let inputs = Set(
      try names.map { try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\($0)")) })
    var packed = Data()
    let sorted = inputs.sorted { left, right in
      left.count != right.count ? left.count < right.count : left.lexicographicallyPrecedes(right)
    }
    for input in sorted {
      for shift in 0..<4 { packed.append(UInt8(truncatingIfNeeded: input.count >> (8 * shift))) }
      packed.append(input)
    }
    try packed.write(to: URL(fileURLWithPath: file))
    print("\(file): \(inputs.count) inputs, \(packed.count) bytes")
  }

  /// Writes the inputs in `file`, each to a file of `folder`. A file that is not there holds none.
  static func unpack(_ file: String, _ folder: String) throws {
    guard FileManager.default.fileExists(atPath: file) else { return }
    var rest = try Data(contentsOf: URL(fileURLWithPath: file))[...]
    var index = 0
    while !rest.isEmpty {
      let count = rest.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
      rest = rest.dropFirst(4)
      guard count <= rest.count else { throw CocoaError(.fileReadCorruptFile) }
      try rest.prefix(count).write(to: URL(fileURLWithPath: "\(folder)/packed-\(index)"))
      rest = rest.dropFirst(count)
      index += 1
    }
  }
}

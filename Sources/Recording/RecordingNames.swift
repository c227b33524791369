import EventFormats
import KernelEvents

/// What a name in a recording is of.
package enum NameKind: UInt16, Sendable {
  /// The path of a cgroup, by its id.
  case cgroup = 1
  /// A user, by its number.
  case user = 2
  /// A group, by its number.
  case group = 3
}

/// Names as bytes: kind and length, two bytes each, four of nothing, the number of eight, the name.
struct NameBlock {
  private(set) var bytes: [UInt8] = []

  var isEmpty: Bool { bytes.isEmpty }
  /// Whether it is to be written before more comes into it: a reader takes no block of any size.
  var isFull: Bool { bytes.count >= 1 << 20 }
  /// Bytes of a name at most: those of a path.
  static var nameLimit: Int { 4096 }

  mutating func append(_ kind: NameKind, _ id: UInt64, _ name: [UInt8]) {
    let kept = name.prefix(NameBlock.nameLimit)
    for shift in [0, 8] { bytes.append(UInt8(truncatingIfNeeded: kind.rawValue >> shift)) }
    for shift in [0, 8] { bytes.append(UInt8(truncatingIfNeeded: kept.count >> shift)) }
    bytes += [0, 0, 0, 0]
    for shift in stride(from: 0, to: 64, by: 8) {
      bytes.append(UInt8(truncatingIfNeeded: id >> shift))
    }
    bytes += kept
  }

  /// Reads what ``append(_:_:_:)`` wrote; ends at what can't be read.
  static func read(_ bytes: RawSpan, _ body: (NameKind, UInt64, [UInt8]) -> Void) {
    var position = 0
    while position + 16 <= bytes.byteCount {
      let kind = bytes.value(at: position, as: UInt16.self)
      let length = Int(bytes.value(at: position + 2, as: UInt16.self))
      let id = bytes.value(at: position + 8, as: UInt64.self)
      position += 16
      guard length <= nameLimit, position + length <= bytes.byteCount else { return }
      if let kind = NameKind(rawValue: kind) {
        body(kind, id, (position..<position + length).map { bytes.byte($0) })
      }
      position += length
    }
  }
}

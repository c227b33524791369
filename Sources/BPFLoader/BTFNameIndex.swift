import CLibBPF
import Glibc

/// Type ids of the kernel's named structures, unions, enumerations and typedefs, by name.
///
/// libbpf compares names one type after the other, over all types at each look-up; this open hash
/// table is filled in one pass. Of two types of one name and kind the first wins, as with libbpf.
struct BTFNameIndex: Sendable {
  /// Type ids; 0, which BTF gives to `void`, marks a free place.
  private var table: [UInt32]

  /// Indexes all types of `btf`.
  init(_ btf: OpaquePointer) {
    let count = unsafe btf__type_cnt(btf)
    var size = 64
    while size < Int(count) { size <<= 1 }
    table = Array(repeating: 0, count: size)
    let mask = size - 1
    var used = 0
    for id in 1..<max(count, 1) {
      guard let type = unsafe btf__type_by_id(btf, id), unsafe BTFNameIndex.isIndexed(type),
        let name = unsafe btf__name_by_offset(btf, type.pointee.name_off),
        unsafe name.pointee != 0
      else { continue }
      // At least one place stays free, so that a probe ends.
      guard used < mask else { break }
      used += 1
      var place = unsafe BTFNameIndex.hash(name) & mask
      while table[place] != 0 { place = (place + 1) & mask }
      table[place] = id
    }
  }

  /// The first type of this name that `accept` takes.
  func find(
    _ name: String, in btf: OpaquePointer, where accept: (UnsafePointer<btf_type>) -> Bool
  ) -> UInt32? {
    let mask = table.count - 1
    return unsafe name.withCString { wanted in
      var place = unsafe BTFNameIndex.hash(wanted) & mask
      while table[place] != 0 {
        let id = table[place]
        if let type = unsafe btf__type_by_id(btf, id), unsafe accept(type),
          let found = unsafe btf__name_by_offset(btf, type.pointee.name_off),
          unsafe strcmp(found, wanted) == 0
        {
          return id
        }
        place = (place + 1) & mask
      }
      return nil
    }
  }

  private static func isIndexed(_ type: UnsafePointer<btf_type>) -> Bool {
    unsafe btf_is_composite(type) || btf_is_typedef(type) || btf_is_any_enum(type)
  }

  /// FNV-1a over a C string.
  private static func hash(_ text: UnsafePointer<CChar>) -> Int {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    var at = unsafe text
    while unsafe at.pointee != 0 {
      hash = (hash ^ UInt64(UInt8(bitPattern: unsafe at.pointee))) &* 0x100_0000_01b3
      unsafe at += 1
    }
    return Int(truncatingIfNeeded: hash ^ (hash >> 32))
  }
}

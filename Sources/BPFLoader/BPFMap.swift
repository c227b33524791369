import CLibBPF
import Glibc

/// A map by its descriptor, borrowed from a ``BPFObject`` or a ``PinnedMap``.
public struct BPFMap: Sendable {
  /// The descriptor; not owned.
  public let descriptor: Int32
  /// The name, for errors.
  public let name: String

  /// Borrows `descriptor`.
  public init(descriptor: Int32, name: String) {
    self.descriptor = descriptor
    self.name = name
  }

  /// Sets the element of `key`.
  public func update<Key: BitwiseCopyable, Value: BitwiseCopyable>(key: Key, value: Value)
    throws(BPFError)
  {
    let result = unsafe withUnsafeBytes(of: key) { key in
      unsafe withUnsafeBytes(of: value) { value in
        unsafe bpf_map_update_elem(
          descriptor, key.baseAddress, value.baseAddress, UInt64(BPF_ANY))
      }
    }
    if result != 0 {
      throw BPFError(
        "update", "map \(name)", code: errno,
        remedy: errno == E2BIG ? "give fewer values" : "run `ordinal doctor`")
    }
  }

  /// The elements of `key` in a per-CPU map, one a possible CPU; values of 8 bytes.
  public func lookupPerCPU(key: UInt32, possibleCPUs: Int) throws(BPFError) -> [UInt64] {
    var values = [UInt64](repeating: 0, count: possibleCPUs)
    let result = unsafe withUnsafeBytes(of: key) { key in
      unsafe values.withUnsafeMutableBytes { values in
        unsafe bpf_map_lookup_elem(descriptor, key.baseAddress, values.baseAddress)
      }
    }
    if result != 0 {
      throw BPFError("read", "map \(name)", code: errno, remedy: "run `ordinal doctor`")
    }
    return values
  }

  /// What the kernel says of the map's sizes.
  public func sizes() throws(BPFError) -> (valueSize: UInt32, maxEntries: UInt32) {
    var info = bpf_map_info()
    var size = UInt32(MemoryLayout<bpf_map_info>.size)
    let result = unsafe bpf_obj_get_info_by_fd(descriptor, &info, &size)
    if result != 0 {
      throw BPFError("query", "map \(name)", code: errno, remedy: "run `ordinal doctor`")
    }
    return (info.value_size, info.max_entries)
  }

  /// Keeps the map alive by a file in bpffs.
  public func pin(at path: String) throws(BPFError) {
    if unsafe bpf_obj_pin(descriptor, path) != 0 {
      throw BPFError(
        "pin", "map \(name) at \(path)", code: errno,
        remedy: "remove what is left there, and check that the file system is bpffs")
    }
  }
}

/// A map that an earlier process pinned; owns its descriptor.
public struct PinnedMap: ~Copyable {
  /// The map.
  public let map: BPFMap

  /// Opens the map pinned at `path`.
  public init(at path: String, name: String) throws(BPFError) {
    let descriptor = unsafe bpf_obj_get(path)
    guard descriptor >= 0 else {
      throw BPFError(
        "open", "pinned map \(path)", code: errno, remedy: "remove the pins and start anew")
    }
    map = BPFMap(descriptor: descriptor, name: name)
  }

  deinit { close(map.descriptor) }
}

/// A map that another process made, found by its id; owns its descriptor.
package struct ForeignMap: ~Copyable {
  /// The map, by the name that its maker gave it (15 bytes at most).
  package let map: BPFMap

  /// Opens the map with `id`, as /proc/PID/fdinfo tells it.
  package init(id: UInt32) throws(BPFError) {
    let descriptor = bpf_map_get_fd_by_id(id)
    guard descriptor >= 0 else {
      throw BPFError("open", "map \(id)", code: errno, remedy: "run as root")
    }
    var info = bpf_map_info()
    var size = UInt32(MemoryLayout<bpf_map_info>.size)
    let result = unsafe bpf_obj_get_info_by_fd(descriptor, &info, &size)
    guard result == 0 else {
      close(descriptor)
      throw BPFError("query", "map \(id)", code: errno, remedy: "run as root")
    }
    // NUL-terminated by the kernel, within the field.
    let name = unsafe withUnsafeBytes(of: info.name) { raw in
      unsafe String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
    }
    map = BPFMap(descriptor: descriptor, name: name)
  }

  deinit { close(map.descriptor) }
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import BPFCKit

/// A `struct file` (include/linux/fs.h), by its address; 0 where there is none.
///
/// Read through the helper: it is found by a descriptor, and BTF does not vouch for what lies in a table of
/// descriptors. Another thread may close the descriptor meanwhile: reads that fault give zeros.
@safe public struct OpenFile {
  public let address: UInt64

  /// The file behind a descriptor of `task` (fs/file.c, files_lookup_fd_raw()).
  @inline(__always) public init(_ descriptor: Int32, of task: Task) {
    let files = unsafe task.pointer.word(kit_offset_task_files())
    let table = kit_read_word(files &+ UInt64(kit_offset_files_fdt()))
    let limit = UInt32(
      truncatingIfNeeded: kit_read_word(table &+ UInt64(kit_offset_fdtable_max_fds())))
    let index = UInt32(bitPattern: descriptor)
    if index >= limit {
      address = 0
      return
    }
    let array = kit_read_word(table &+ UInt64(kit_offset_fdtable_fd()))
    address = kit_read_word(array &+ UInt64(index) &* 8)
  }

  /// The file at an address.
  @inline(__always) public init(address: UInt64) { self.address = address }

  @inline(__always) public var exists: Bool { address != 0 }
  /// The address of its inode.
  @inline(__always) public var inode: UInt64 {
    kit_read_word(address &+ UInt64(kit_offset_file_inode()))
  }
  /// The inode's number.
  @inline(__always) public var inodeNumber: UInt64 {
    kit_read_word(inode &+ UInt64(kit_offset_inode_ino()))
  }
  /// The device of its file system, as the kernel encodes it.
  @inline(__always) public var device: UInt32 {
    let superBlock = kit_read_word(inode &+ UInt64(kit_offset_inode_sb()))
    return UInt32(truncatingIfNeeded: kit_read_word(superBlock &+ UInt64(kit_offset_sb_dev())))
  }
  /// FMODE_CREATED of include/linux/fs.h.
  @inline(__always) public var isCreated: Bool {
    kit_read_word(address &+ UInt64(kit_offset_file_mode())) & 0x10_0000 != 0
  }
  /// The address of its `struct path`.
  @inline(__always) public var path: UInt64 { address &+ UInt64(kit_offset_file_path()) }
  /// What its kind of file keeps there: a socket, a program, a map.
  @inline(__always) public var privateData: UInt64 {
    kit_read_word(address &+ UInt64(kit_offset_file_private_data()))
  }
  /// The address of its `struct sock`; 0 where it is no socket.
  @inline(__always) public var socket: UInt64 {
    let mode = kit_read_word(inode &+ UInt64(kit_offset_inode_mode())) & 0xF000
    // S_IFSOCK. A socket's file in a file system has no private data.
    if address == 0 || mode != 0xC000 { return 0 }
    let socket = privateData
    if socket == 0 { return 0 }
    return kit_read_word(socket &+ UInt64(kit_offset_socket_sk()))
  }
}

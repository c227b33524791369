/// Payload of the kinds of ``EventFamily/file``, whose header tells of the acting task; its strings follow
/// directly, in the order of their lengths.
///
/// Taken at the call's exit, `syscall_exit_work()` in kernel/entry/common.c, tracepoint `sys_exit`: what the
/// caller asked for is read from its registers and memory, what became of it from the kernel's own structures.
public struct FileActPayload: BitwiseCopyable, Sendable {
  /// Name of the task.
  public var comm: TaskComm
  /// Inode of the file; valid with ``FileActBits/file``.
  public var inode: UInt64
  /// Its device as the kernel encodes it: major << 20 | minor; valid with ``FileActBits/file``.
  public var device: UInt32
  /// What the call returned: a descriptor or 0, or an errno below 0.
  public var result: Int32
  /// The directory that `asked` is relative to, or the descriptor of the file; −100 (AT_FDCWD) is the
  /// current directory.
  public var directory: Int32
  /// The same for `newAsked`.
  public var newDirectory: Int32
  /// Flags the call was given: `O_…` less the access mode, `AT_…` or `RENAME_…`, by the kind.
  public var flags: UInt32
  /// The mode that was asked for; valid with ``FileActBits/mode``.
  public var mode: UInt32
  /// The new owner; valid with ``FileActBits/owner``.
  public var owner: UInt32
  /// The new group; valid with ``FileActBits/group``.
  public var group: UInt32
  /// A set of ``FileActBits``.
  public var bits: UInt16
  /// Bytes of the file's path: components from the leaf to the root, each with a NUL after it.
  public var pathLength: UInt16
  /// Bytes of the path of the directory that `asked` is relative to, as components; 0 where it is absolute.
  /// One of this and `pathLength` is 0.
  public var baseLength: UInt16
  /// Bytes of the path that was asked for, as the caller wrote it.
  public var askedLength: UInt16
  /// Bytes of the path of the directory that `newAsked` is relative to, as components.
  public var newBaseLength: UInt16
  /// Bytes of the new path that was asked for, as the caller wrote it.
  public var newAskedLength: UInt16
  /// The access mode of an open: `O_RDONLY`, `O_WRONLY`, `O_RDWR`, or 3.
  public var access: UInt16
  public var reserved: UInt16

  /// Bytes of each string kept at most.
  @inlinable public static var pathLimit: Int { 1024 }
}

/// The bits of ``FileActPayload/bits``.
public struct FileActBits: OptionSet, Sendable {
  public let rawValue: UInt16
  @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }

  /// `inode` and `device` are valid: the kernel had the file open, or a program on one of its functions saw it.
  @inlinable public static var file: FileActBits { FileActBits(rawValue: 1 << 0) }
  /// The open created the file.
  @inlinable public static var created: FileActBits { FileActBits(rawValue: 1 << 1) }
  /// `mode` is valid.
  @inlinable public static var mode: FileActBits { FileActBits(rawValue: 1 << 2) }
  /// `owner` is valid.
  @inlinable public static var owner: FileActBits { FileActBits(rawValue: 1 << 3) }
  /// `group` is valid.
  @inlinable public static var group: FileActBits { FileActBits(rawValue: 1 << 4) }
}

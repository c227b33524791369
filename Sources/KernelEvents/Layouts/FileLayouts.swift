import SequencerABI

extension EventLayout {
  private typealias Act = MemoryLayout<FileActPayload>

  static let fileOpen = EventLayout(
    .fileOpen, "A file is opened for writing, created or cut to nothing, or can't be.",
    source:
      "sys_exit of open, openat, openat2, creat; syscall_exit_work() in kernel/entry/common.c",
    size: Act.size,
    fields: [
      result("The new descriptor; -4095 to -1 is an error."),
      EventField(
        "access", at: Act.offset(of: \.access), 2, .named(.openAccessMode),
        "The access mode that was asked for."),
      flags(.open(on: .ofEvents), "The O_ flags that were asked for, less the access mode."),
      EventField(
        "mode", at: Act.offset(of: \.mode), 4, .octalIf(has(.mode)),
        "The mode that was asked for, before the umask; null where nothing could be created."),
      EventField(
        "created", at: Act.offset(of: \.bits), 2, .bit(FileActBits.created.rawValue),
        "Whether the call created the file."),
      inode("Inode of the file; null where the call failed."),
      device("Device of its file system, as stat() tells it of most; null where the call failed."),
      directory("The descriptor that a relative path begins at; -100 is the current directory."),
    ], strings: actStrings)

  static let fileUnlink = EventLayout(
    .fileUnlink, "A name is taken from a file or an empty directory, or can't be.",
    source: "sys_exit of unlink, unlinkat, rmdir; syscall_exit_work() in kernel/entry/common.c",
    size: Act.size,
    fields: [
      result("0; -4095 to -1 is an error."),
      flags(.unlinkat, "AT_REMOVEDIR for a directory."),
      inode(unknownInode), device(unknownInode),
      directory("The descriptor that a relative path begins at; -100 is the current directory."),
    ], strings: actStrings)

  static let fileRename = EventLayout(
    .fileRename, "A file gets another name, or can't.",
    source: "sys_exit of rename, renameat, renameat2; syscall_exit_work() in kernel/entry/common.c",
    size: Act.size,
    fields: [
      result("0; -4095 to -1 is an error."),
      flags(.renameat2, "RENAME_ flags."),
      inode(unknownInode), device(unknownInode),
      directory("The descriptor that a relative asked begins at; -100 is the current directory."),
      EventField(
        "new_dfd", at: Act.offset(of: \.newDirectory), 4, .signed,
        "The descriptor that a relative new_asked begins at; -100 is the current directory."),
    ],
    strings: actStrings + [
      EventString(
        "new_base", length: Act.offset(of: \.newBaseLength), limit: FileActPayload.pathLimit,
        .components, "Path of the directory that new_asked begins at; null where it is absolute."),
      EventString(
        "new_asked", length: Act.offset(of: \.newAskedLength), limit: FileActPayload.pathLimit,
        .text, "The new path, as the caller wrote it."),
    ])

  static let fileMode = EventLayout(
    .fileMode, "A file's mode is changed, or can't be.",
    source: "sys_exit of chmod, fchmod, fchmodat, fchmodat2; kernel/entry/common.c", size: Act.size,
    fields: [
      result("0; -4095 to -1 is an error."),
      EventField(
        "mode", at: Act.offset(of: \.mode), 4, .octalIf(has(.mode)), "The mode that was asked for."),
      flags(.fileAt, "AT_ flags."),
      inode(inodeOfDescriptor), device(inodeOfDescriptor),
      directory(descriptorOrDirectory),
    ], strings: actStrings)

  static let fileOwner = EventLayout(
    .fileOwner, "A file's owner or group is changed, or can't be.",
    source: "sys_exit of chown, lchown, fchown, fchownat; kernel/entry/common.c", size: Act.size,
    fields: [
      result("0; -4095 to -1 is an error."),
      EventField(
        "owner", at: Act.offset(of: \.owner), 4, .numberIf(has(.owner)),
        "The new owner in the caller's user namespace; null where it stays."),
      EventField(
        "group", at: Act.offset(of: \.group), 4, .numberIf(has(.group)),
        "The new group in the caller's user namespace; null where it stays."),
      flags(.fileAt, "AT_ flags; AT_SYMLINK_NOFOLLOW for an lchown()."),
      inode(inodeOfDescriptor), device(inodeOfDescriptor),
      directory(descriptorOrDirectory),
    ], strings: actStrings)

  private static func has(_ bit: FileActBits) -> FieldCondition {
    .bits(bit.rawValue, at: Act.offset(of: \.bits) ?? 0)
  }

  private static func result(_ about: StaticString) -> EventField {
    EventField("result", at: Act.offset(of: \.result), 4, .result, about)
  }
  private static func flags(_ names: FlagNames, _ about: StaticString) -> EventField {
    EventField("flags", at: Act.offset(of: \.flags), 4, .flags(names), about)
  }
  private static func inode(_ about: StaticString) -> EventField {
    EventField("inode", at: Act.offset(of: \.inode), 8, .numberIf(has(.file)), about)
  }
  private static func device(_ about: StaticString) -> EventField {
    EventField("device", at: Act.offset(of: \.device), 4, .deviceIf(has(.file)), about)
  }
  private static func directory(_ about: StaticString) -> EventField {
    EventField("dfd", at: Act.offset(of: \.directory), 4, .signed, about)
  }

  private static let unknownInode: StaticString =
    "Null: the call names its file by a path, and at its end the kernel holds it no more."
  private static let inodeOfDescriptor: StaticString =
    "Of the file behind a descriptor; null where the call names it by a path."

  private static let descriptorOrDirectory: StaticString =
    "The file's descriptor, or the one that a relative path begins at; -100 is the current directory."

  private static let actStrings = [
    EventString(
      "path", length: Act.offset(of: \.pathLength), limit: FileActPayload.pathLimit, .components,
      "The file's path in the kernel; null where the call failed or names it by a path."),
    EventString(
      "base", length: Act.offset(of: \.baseLength), limit: FileActPayload.pathLimit, .components,
      "Path of the directory that a relative asked begins at; null where it is absolute."),
    EventString(
      "asked", length: Act.offset(of: \.askedLength), limit: FileActPayload.pathLimit,
      .text, "The path as the caller wrote it; null where path is told, or there was none."),
  ]
}

extension FlagNames {
  /// Flags of the calls that take a path and a directory (include/uapi/linux/fcntl.h).
  static let fileAt = FlagNames([
    (0x100, "AT_SYMLINK_NOFOLLOW"), (0x400, "AT_SYMLINK_FOLLOW"), (0x800, "AT_NO_AUTOMOUNT"),
    (0x1000, "AT_EMPTY_PATH"),
  ])
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import BPFCKit
public import BPFKit
import CSequencerAtomics
import SequencerABI

/// A call that changes files ends: `trace_sys_exit(regs, ret)`. What the caller asked for is still in its
/// registers and memory; what became of an open is the file behind the new descriptor.
@c @section("tp_btf/sys_exit") @used
public func file_act(_ context: Context) -> Int32 {
  preventPreemption()
  defer { allowPreemption() }
  let task = Task.current
  let call = unsafe SystemCall(leaving: context, task)
  let act = call.act
  guard act >= UInt32(SyscallAct.open), act <= UInt32(SyscallAct.changeOwnerAt) else { return 0 }
  let result = unsafe Int64(bitPattern: context.argument(1))
  guard let ring = KernelRing(), let draft = Draft() else { return 0 }
  let asked = FileAct(call, act: act, draft: draft)
  // Whatever becomes of the event: a note is of one call.
  asked.takeNote(of: task)
  if isRestart(result) { return 0 }
  // An open that only reads is no event: it is not counted either.
  if asked.isOpen && !asked.isWriting { return 0 }
  let comm = task.comm
  guard isWanted(task, comm: comm, family: .file, ring: ring) else { return 0 }
  let status = Int32(truncatingIfNeeded: result)
  let payload = unsafe asked.payload
  unsafe payload.pointee.comm = comm
  asked.writeResult(status)
  if !asked.isByDescriptor && !(asked.isOpen && status >= 0) {
    draft.readText(draft[.first], second: false)
  }
  draft[.which] = asked.isOfDescriptor(result: status) ? 1 : 0
  if draft[.which] != 0 {
    let file = unsafe OpenFile(asked.isOpen ? status : payload.pointee.directory, of: task)
    if file.exists {
      asked.write(file)
      draft[.start] = file.path
    }
  } else if !draft.isAbsolute(second: false) {
    draft[.start] = unsafe FileAct.base(payload.pointee.directory, of: task)
  }
  draft.walk(root: task, second: false)
  if asked.isRename {
    draft.readText(draft[.second], second: true)
    if !draft.isAbsolute(second: true) {
      draft[.start] = unsafe FileAct.base(payload.pointee.newDirectory, of: task)
      draft.walk(root: task, second: true)
    }
  }
  asked.writeLengths(isOfDescriptor: draft[.which] != 0)
  draft.emit(
    asked.kindCode, family: .file, fixed: MemoryLayout<FileActPayload>.size, task: task, ring: ring)
  return 0
}

/// What a call asks to do to a file: written to the draft, whose first number is then the address of the
/// path, and the second that of the new path.
///
/// The act itself lies there too: compared in a register, it would have the verifier look at all that follows
/// once for each call.
@safe struct FileAct {
  let draft: Draft

  @inline(__always) var act: UInt32 { UInt32(truncatingIfNeeded: draft[.act]) }

  @inline(__always) var payload: UnsafeMutablePointer<FileActPayload> {
    unsafe draft.bytes.assumingMemoryBound(to: FileActPayload.self)
  }
  @inline(__always) var isOpen: Bool { act <= UInt32(SyscallAct.create) }
  @inline(__always) var isRename: Bool {
    act >= UInt32(SyscallAct.rename) && act <= UInt32(SyscallAct.renameAt2)
  }
  /// What record tells of it.
  @inline(__always) var kindCode: UInt16 {
    var code = EventKind.fileOwner.rawValue
    if act <= UInt32(SyscallAct.changeModeAt2) { code = EventKind.fileMode.rawValue }
    if act <= UInt32(SyscallAct.renameAt2) { code = EventKind.fileRename.rawValue }
    if act <= UInt32(SyscallAct.unlinkAt) { code = EventKind.fileUnlink.rawValue }
    if act <= UInt32(SyscallAct.create) { code = EventKind.fileOpen.rawValue }
    return code
  }
  @inline(__always) var isByDescriptor: Bool {
    act == UInt32(SyscallAct.changeModeOfDescriptor)
      || act == UInt32(SyscallAct.changeOwnerOfDescriptor)
      || act == UInt32(SyscallAct.changeOwnerOfDescriptor32)
  }

  /// The current directory, AT_FDCWD of include/uapi/linux/fcntl.h.
  @inline(__always) static var currentDirectory: Int32 { -100 }

  /// Reads the arguments.
  @inline(__always) init(_ call: SystemCall, act: UInt32, draft: Draft) {
    self.draft = draft
    draft[.act] = UInt64(act)
    let payload = unsafe draft.bytes.assumingMemoryBound(to: FileActPayload.self)
    unsafe payload.pointee.inode = 0
    unsafe payload.pointee.device = 0
    unsafe payload.pointee.directory = FileAct.currentDirectory
    unsafe payload.pointee.newDirectory = FileAct.currentDirectory
    unsafe payload.pointee.flags = 0
    unsafe payload.pointee.mode = 0
    unsafe payload.pointee.owner = UInt32.max
    unsafe payload.pointee.group = UInt32.max
    unsafe payload.pointee.bits = 0
    unsafe payload.pointee.pathLength = 0
    unsafe payload.pointee.baseLength = 0
    unsafe payload.pointee.askedLength = 0
    unsafe payload.pointee.newBaseLength = 0
    unsafe payload.pointee.newAskedLength = 0
    unsafe payload.pointee.access = 0
    unsafe payload.pointee.reserved = 0
    // Six words, whatever the call takes: fewer paths than a reading of its own for each call.
    let first = call.argument(0)
    let second = call.argument(1)
    let third = call.argument(2)
    let fourth = call.argument(3)
    let fifth = call.argument(4)
    if act == UInt32(SyscallAct.open) {
      draft[.first] = first
      unsafe payload.pointee.flags = UInt32(truncatingIfNeeded: second)
      unsafe payload.pointee.mode = UInt32(truncatingIfNeeded: third)
    } else if act == UInt32(SyscallAct.openAt) {
      unsafe payload.pointee.directory = Int32(truncatingIfNeeded: first)
      draft[.first] = second
      unsafe payload.pointee.flags = UInt32(truncatingIfNeeded: third)
      unsafe payload.pointee.mode = UInt32(truncatingIfNeeded: fourth)
    } else if act == UInt32(SyscallAct.openAt2) {
      unsafe payload.pointee.directory = Int32(truncatingIfNeeded: first)
      draft[.first] = second
      // struct open_how of include/uapi/linux/openat2.h: flags, mode, resolve; 64 bits each.
      unsafe payload.pointee.flags = UInt32(truncatingIfNeeded: kit_read_user_word(third))
      unsafe payload.pointee.mode = UInt32(truncatingIfNeeded: kit_read_user_word(third &+ 8))
    } else if act == UInt32(SyscallAct.create) {
      draft[.first] = first
      // O_CREAT | O_WRONLY | O_TRUNC, the same on x86-64 and arm64.
      unsafe payload.pointee.flags = 0x241
      unsafe payload.pointee.mode = UInt32(truncatingIfNeeded: second)
    } else if act == UInt32(SyscallAct.unlinkAt) {
      unsafe payload.pointee.directory = Int32(truncatingIfNeeded: first)
      draft[.first] = second
      unsafe payload.pointee.flags = UInt32(truncatingIfNeeded: third)
    } else if act <= UInt32(SyscallAct.unlinkAt) {
      draft[.first] = first
      // AT_REMOVEDIR.
      unsafe payload.pointee.flags = act == UInt32(SyscallAct.removeDirectory) ? 0x200 : 0
    } else if act == UInt32(SyscallAct.rename) {
      draft[.first] = first
      draft[.second] = second
    } else if act <= UInt32(SyscallAct.renameAt2) {
      unsafe payload.pointee.directory = Int32(truncatingIfNeeded: first)
      draft[.first] = second
      unsafe payload.pointee.newDirectory = Int32(truncatingIfNeeded: third)
      draft[.second] = fourth
      unsafe payload.pointee.flags =
        act == UInt32(SyscallAct.renameAt2) ? UInt32(truncatingIfNeeded: fifth) : 0
    } else if act == UInt32(SyscallAct.changeMode) {
      draft[.first] = first
      unsafe payload.pointee.mode = UInt32(truncatingIfNeeded: second)
    } else if act == UInt32(SyscallAct.changeModeOfDescriptor) {
      unsafe payload.pointee.directory = Int32(truncatingIfNeeded: first)
      unsafe payload.pointee.mode = UInt32(truncatingIfNeeded: second)
    } else if act <= UInt32(SyscallAct.changeModeAt2) {
      unsafe payload.pointee.directory = Int32(truncatingIfNeeded: first)
      draft[.first] = second
      unsafe payload.pointee.mode = UInt32(truncatingIfNeeded: third)
      unsafe payload.pointee.flags =
        act == UInt32(SyscallAct.changeModeAt2) ? UInt32(truncatingIfNeeded: fourth) : 0
    } else if act == UInt32(SyscallAct.changeOwnerAt) {
      unsafe payload.pointee.directory = Int32(truncatingIfNeeded: first)
      draft[.first] = second
      unsafe payload.pointee.owner = UInt32(truncatingIfNeeded: third)
      unsafe payload.pointee.group = UInt32(truncatingIfNeeded: fourth)
      unsafe payload.pointee.flags = UInt32(truncatingIfNeeded: fifth)
    } else {
      if act == UInt32(SyscallAct.changeOwnerOfDescriptor)
        || act == UInt32(SyscallAct.changeOwnerOfDescriptor32)
      {
        unsafe payload.pointee.directory = Int32(truncatingIfNeeded: first)
      } else {
        draft[.first] = first
      }
      // 16 bits of a 32-bit caller, all ones for "as it is" (include/linux/highuid.h).
      let isShort = call.isCompat && act <= UInt32(SyscallAct.changeOwnerOfDescriptor)
      unsafe payload.pointee.owner = FileAct.id(second, isShort: isShort)
      unsafe payload.pointee.group = FileAct.id(third, isShort: isShort)
      // AT_SYMLINK_NOFOLLOW.
      let ofLink =
        act == UInt32(SyscallAct.changeOwnerOfLink) || act == UInt32(SyscallAct.changeOwnerOfLink32)
      unsafe payload.pointee.flags = ofLink ? 0x100 : 0
    }
  }

  @inline(__always) static func id(_ argument: UInt64, isShort: Bool) -> UInt32 {
    let value = UInt32(truncatingIfNeeded: argument)
    if !isShort { return value }
    return value & 0xFFFF == 0xFFFF ? UInt32.max : value & 0xFFFF
  }

  /// Whether an open may change the file or its directory: it writes, creates or cuts; the flags of
  /// include/uapi/asm-generic/fcntl.h. O_PATH does none of it, whatever else is set.
  @inline(__always) var isWriting: Bool {
    let flags = unsafe payload.pointee.flags
    // O_ACCMODE, O_CREAT, O_TRUNC, __O_TMPFILE; O_PATH.
    return flags & (3 | 0x40 | 0x200 | 0x40_0000) != 0 && flags & 0x20_0000 == 0
  }

  /// Writes what became of the call, and what of the payload is valid.
  @inline(__always) func writeResult(_ result: Int32) {
    unsafe payload.pointee.result = result
    var bits = unsafe FileActBits(rawValue: payload.pointee.bits)
    let flags = unsafe payload.pointee.flags
    if isOpen {
      // O_ACCMODE.
      unsafe payload.pointee.access = UInt16(truncatingIfNeeded: flags & 3)
      unsafe payload.pointee.flags = flags & ~3
      // O_CREAT, __O_TMPFILE: others have no mode.
      if flags & (0x40 | 0x40_0000) != 0 { bits.insert(.mode) }
    } else if act >= UInt32(SyscallAct.changeMode) && act <= UInt32(SyscallAct.changeModeAt2) {
      bits.insert(.mode)
    }
    if unsafe payload.pointee.owner != UInt32.max { bits.insert(.owner) }
    if unsafe payload.pointee.group != UInt32.max { bits.insert(.group) }
    unsafe payload.pointee.bits = bits.rawValue
  }

  /// Writes the file that a program of BPF/Programs/Inode.swift saw the call work on, and takes the note away.
  @inline(__always) func takeNote(of task: Task) {
    if kit_sees_inodes() == 0 || isOpen { return }
    guard let state = unsafe kit_act_state(task.pointer, 0),
      unsafe seq_exchange_u32(state + Int(KIT_ACT_HAS_INODE), 0) != 0
    else { return }
    unsafe payload.pointee.inode = seq_load_u64(state + Int(KIT_ACT_INODE))
    unsafe payload.pointee.device = seq_load_u32(state + Int(KIT_ACT_DEVICE))
    unsafe payload.pointee.bits = FileActBits.file.rawValue
  }

  /// Whether the kernel has the file itself open: behind the descriptor that an open gave, or the one that the
  /// call was given.
  @inline(__always) func isOfDescriptor(result: Int32) -> Bool {
    if isOpen { return result >= 0 }
    if isByDescriptor { return true }
    if isRename { return false }
    // An empty path names the descriptor's own file, where the call takes it (AT_EMPTY_PATH).
    let (flags, directory) = unsafe (payload.pointee.flags, payload.pointee.directory)
    return draft[.asked] == 0 && flags & 0x1000 != 0 && directory != FileAct.currentDirectory
  }

  /// Writes the file that is open.
  @inline(__always) func write(_ file: OpenFile) {
    var bits = unsafe FileActBits(rawValue: payload.pointee.bits)
    bits.insert(.file)
    // O_TMPFILE makes a file without saying so.
    let isTemporary = unsafe payload.pointee.flags & 0x40_0000 != 0
    if isOpen && (isTemporary || file.isCreated) { bits.insert(.created) }
    unsafe payload.pointee.inode = file.inodeNumber
    unsafe payload.pointee.device = file.device
    unsafe payload.pointee.bits = bits.rawValue
  }

  /// The address of the `struct path` that a relative path begins at; 0 where there is none.
  @inline(__always) static func base(_ directory: Int32, of task: Task) -> UInt64 {
    if directory == FileAct.currentDirectory {
      let fs = unsafe task.pointer.word(kit_offset_task_fs())
      return fs &+ UInt64(kit_offset_fs_pwd())
    }
    let file = OpenFile(directory, of: task)
    return file.exists ? file.path : 0
  }

  /// Writes the strings' lengths.
  @inline(__always) func writeLengths(isOfDescriptor: Bool) {
    let length = UInt16(truncatingIfNeeded: draft.length(.path))
    unsafe payload.pointee.pathLength = isOfDescriptor ? length : 0
    unsafe payload.pointee.baseLength = isOfDescriptor ? 0 : length
    unsafe payload.pointee.askedLength = UInt16(truncatingIfNeeded: draft.length(.asked))
    unsafe payload.pointee.newBaseLength = UInt16(truncatingIfNeeded: draft.length(.newPath))
    unsafe payload.pointee.newAskedLength = UInt16(truncatingIfNeeded: draft.length(.newAsked))
  }
}

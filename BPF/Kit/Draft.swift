// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
public import BPFCKit
import CSequencerAtomics
public import SequencerABI
import SequencerCore

/// This CPU's room to write a record of changing length in before its claim (`struct kit_draft`): a fixed
/// part, two paths as components, two texts.
///
/// Every number that says how much of it is used lies in memory: the verifier then knows the same of it on
/// every path that leads here, and looks at what follows once instead of once a path.
///
/// Only for programs that are not nested on their CPU: those at the exit of system calls.
@safe public struct Draft {
  /// The fixed part.
  public let bytes: UnsafeMutableRawPointer

  /// The draft of this CPU, emptied.
  @inline(__always) public init?() {
    guard let found = unsafe kit_lookup(kit_map_draft(), 0) else { return nil }
    unsafe bytes = found
    self[.path] = 0
    self[.newPath] = 0
    self[.asked] = 0
    self[.newAsked] = 0
    self[.flags] = 0
    self[.first] = 0
    self[.second] = 0
    self[.start] = 0
  }

  /// A number of the draft, by where it lies.
  @frozen public struct Cell {
    let offset: Int
    @inline(__always) init(_ offset: Int) { self.offset = offset }

    /// Bytes of the first path.
    @inline(__always) public static var path: Cell { Cell(Int(KIT_DRAFT_PATH_LENGTH)) }
    /// Bytes of the second path.
    @inline(__always) public static var newPath: Cell { Cell(Int(KIT_DRAFT_NEW_PATH_LENGTH)) }
    /// Bytes of the first text.
    @inline(__always) public static var asked: Cell { Cell(Int(KIT_DRAFT_ASKED_LENGTH)) }
    /// Bytes of the second text.
    @inline(__always) public static var newAsked: Cell { Cell(Int(KIT_DRAFT_NEW_ASKED_LENGTH)) }
    /// The record's flags.
    @inline(__always) public static var flags: Cell { Cell(Int(KIT_DRAFT_FLAGS)) }
    /// For the program's use.
    @inline(__always) public static var first: Cell { Cell(Int(KIT_DRAFT_FIRST)) }
    /// For the program's use.
    @inline(__always) public static var second: Cell { Cell(Int(KIT_DRAFT_SECOND)) }
    /// For the program's use: what the call does.
    @inline(__always) public static var act: Cell { Cell(Int(KIT_DRAFT_ACT)) }
    /// For the program's use: a case it told apart.
    @inline(__always) public static var which: Cell { Cell(Int(KIT_DRAFT_CASE)) }
    /// The address of the `struct path` that a walk begins at.
    @inline(__always) public static var start: Cell { Cell(Int(KIT_DRAFT_START)) }
    @inline(__always) static var complete: Cell { Cell(Int(KIT_DRAFT_COMPLETE)) }
    @inline(__always) static var dentry: Cell { Cell(Int(KIT_DRAFT_DENTRY)) }
    @inline(__always) static var mount: Cell { Cell(Int(KIT_DRAFT_MOUNT)) }
  }

  /// A number of the draft.
  @inline(__always) public subscript(cell: Cell) -> UInt64 {
    get { unsafe seq_load_u64(bytes + cell.offset) }
    nonmutating set { unsafe seq_store_u64(bytes + cell.offset, newValue) }
  }

  /// Adds to the record's flags.
  @inline(__always) public func note(_ flags: RecordFlags) {
    self[.flags] = self[.flags] | UInt64(flags.rawValue)
  }

  /// Bytes of each string at most.
  @inline(__always) public static var limit: UInt64 { UInt64(KIT_DRAFT_TEXT) }

  /// The length that a cell holds, in bounds that the verifier sees.
  @inline(__always) public func length(_ cell: Cell) -> UInt64 { bounded(self[cell], Draft.limit) }

  /// Reads the caller's string at `address` into the first text, or the second.
  @inline(__always) public func readText(_ address: UInt64, second: Bool) {
    let offset = second ? Int(KIT_DRAFT_NEW_ASKED) : Int(KIT_DRAFT_ASKED)
    let got = unsafe kit_read_user_string(bytes + offset, UInt32(KIT_DRAFT_TEXT), address)
    if got < 0 { note(.fault) }
    if got >= Int64(KIT_DRAFT_TEXT) { note(.truncated) }
    self[second ? .newAsked : .asked] = got > 0 ? UInt64(bitPattern: got) &- 1 : 0
  }

  /// Whether the first text, or the second, begins with a slash.
  @inline(__always) public func isAbsolute(second: Bool) -> Bool {
    let offset = second ? Int(KIT_DRAFT_NEW_ASKED) : Int(KIT_DRAFT_ASKED)
    if self[second ? .newAsked : .asked] == 0 { return false }
    return unsafe (bytes + offset).load(as: UInt8.self) == 0x2F
  }

  /// Writes the path of a dentry below the root of `task` to the first path, or the second: components
  /// from the leaf up, each with a NUL after it.
  ///
  /// As ``WorkingDirectory`` walks (fs/d_path.c, prepend_path()).
  ///
  /// The walk begins at the `struct path` whose address ``Cell/start`` holds; 0: there is no path.
  ///
  /// - Parameters:
  ///   - task: whose root ends the walk.
  ///   - second: where to.
  @inline(__always) public func walk(root task: Task, second: Bool) {
    let offset = second ? Int(KIT_DRAFT_NEW_PATH) : Int(KIT_DRAFT_PATH)
    let lengthCell = second ? Cell.newPath : Cell.path
    self[lengthCell] = 0
    self[.complete] = 0
    let path = self[.start]
    if path == 0 { return }
    let fs = unsafe task.pointer.word(kit_offset_task_fs())
    let root = fs &+ UInt64(kit_offset_fs_root())
    let rootDentry = kit_read_word(root &+ UInt64(kit_offset_path_dentry()))
    let rootMount = kit_read_word(root &+ UInt64(kit_offset_path_mnt()))
    self[.dentry] = kit_read_word(path &+ UInt64(kit_offset_path_dentry()))
    self[.mount] = kit_read_word(path &+ UInt64(kit_offset_path_mnt()))
    for _ in 0..<WorkingDirectory.depthLimit {
      let dentry = self[.dentry]
      let mount = self[.mount]
      if dentry == 0 || mount == 0 { break }
      if dentry == rootDentry && mount == rootMount {
        self[.complete] = 1
        break
      }
      if dentry == kit_read_word(mount &+ UInt64(kit_offset_vfsmount_root())) {
        // The root of a mount: go on at its mount point.
        let outer = mount &- UInt64(kit_offset_mount_mnt())
        let parent = kit_read_word(outer &+ UInt64(kit_offset_mount_parent()))
        if parent == outer {
          self[.complete] = 1
          break
        }
        self[.dentry] = kit_read_word(outer &+ UInt64(kit_offset_mount_mountpoint()))
        self[.mount] = parent &+ UInt64(kit_offset_mount_mnt())
        continue
      }
      let parent = kit_read_word(dentry &+ UInt64(kit_offset_dentry_parent()))
      // A root that is none of its mount's: there is no way up.
      if parent == dentry { break }
      let position = self[lengthCell]
      if position >= Draft.limit { break }
      let name = kit_read_word(dentry &+ UInt64(kit_offset_dentry_name()))
      let got = unsafe kit_read_kernel_string(
        bytes + offset + Int(position), UInt32(KIT_COMPONENT), name)
      if got <= 0 { break }
      let after = position &+ UInt64(bitPattern: got)
      if after > Draft.limit { break }
      self[lengthCell] = after
      self[.dentry] = parent
    }
    if self[.complete] == 0 {
      note(.truncated)
    } else if self[lengthCell] == 0 {
      // The root itself: one empty component. No bytes at all mean that it could not be had.
      unsafe (bytes + offset).storeBytes(of: 0, as: UInt8.self)
      self[lengthCell] = 1
    }
  }

  /// Claims a record for the draft, copies it there and publishes it.
  ///
  /// - Parameters:
  ///   - kindCode: the raw value of the ``EventKind``.
  ///   - family: what it is counted under.
  ///   - fixed: bytes of the fixed part, in which the strings' lengths stand already.
  ///   - task: the current task.
  ///   - ring: where it goes.
  @inline(__always)
  public func emit(
    _ kindCode: UInt16, family: EventFamily, fixed: Int, task: Task, ring: KernelRing
  ) {
    let producer = Producer(ring)
    let strings =
      length(.path) &+ length(.asked) &+ length(.newPath) &+ length(.newAsked)
    let length = UInt64(fixed) &+ strings
    let flags = RecordFlags(rawValue: UInt16(truncatingIfNeeded: self[.flags]))
    let content = MetadataWord.content(kindCode: kindCode, cpu: ring.cpu, flags: flags)
    guard let claim = producer.claim(slots: slots(length), family: family) else { return }
    _ = claim.describe(task, in: ring)
    unsafe copy(to: claim.payload, fixed: fixed)
    producer.publish(
      claim, content: content, payloadLength: UInt32(truncatingIfNeeded: length))
  }

  @inline(__always) func copy(to destination: UnsafeMutableRawPointer, fixed: Int) {
    let from = UInt64(UInt(bitPattern: unsafe bytes))
    var to = unsafe destination
    _ = unsafe kit_read_kernel(to, UInt32(fixed), from)
    unsafe to += fixed
    // Read from memory again, each right before its use: the verifier forgets the bounds of what it
    // spilled over calls.
    let path = length(.path)
    _ = unsafe kit_read_kernel(
      to, UInt32(truncatingIfNeeded: path), from &+ UInt64(KIT_DRAFT_PATH))
    unsafe to += Int(path)
    let asked = length(.asked)
    _ = unsafe kit_read_kernel(
      to, UInt32(truncatingIfNeeded: asked), from &+ UInt64(KIT_DRAFT_ASKED))
    unsafe to += Int(asked)
    let newPath = length(.newPath)
    _ = unsafe kit_read_kernel(
      to, UInt32(truncatingIfNeeded: newPath), from &+ UInt64(KIT_DRAFT_NEW_PATH))
    unsafe to += Int(newPath)
    let newAsked = length(.newAsked)
    _ = unsafe kit_read_kernel(
      to, UInt32(truncatingIfNeeded: newAsked), from &+ UInt64(KIT_DRAFT_NEW_ASKED))
  }
}

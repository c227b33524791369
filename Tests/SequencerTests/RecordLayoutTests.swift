import BPFCKit
import SequencerABI
import Testing

/// A field of a layout, with the offset that is part of the ABI.
struct PinnedField: CustomTestStringConvertible, Sendable {
  let name: String
  let offset: Int?
  let pinned: Int
  var testDescription: String { name }

  init(_ name: String, _ offset: Int?, _ pinned: Int) {
    self.name = name
    self.offset = offset
    self.pinned = pinned
  }
}

/// Whoever changes one of these numbers changes the ABI: bump `abiVersion` with it.
struct RecordLayoutTests {
  typealias Header = MemoryLayout<RecordHeader>
  typealias Gap = MemoryLayout<GapBlock>
  typealias Fork = MemoryLayout<ForkPayload>
  typealias Exit = MemoryLayout<ExitPayload>
  typealias Exec = MemoryLayout<ExecPayload>
  typealias Creds = MemoryLayout<Credentials>

  static let header = [
    PinnedField("sequence", Header.offset(of: \.sequence), 0),
    PinnedField("timestamp", Header.offset(of: \.timestamp), 8),
    PinnedField("kind", Header.offset(of: \.kind), 16),
    PinnedField("span", Header.offset(of: \.span), 18),
    PinnedField("cpu", Header.offset(of: \.cpu), 20),
    PinnedField("flags", Header.offset(of: \.flags), 22),
    PinnedField("lostBefore", Header.offset(of: \.lostBefore), 24),
    PinnedField("payloadLength", Header.offset(of: \.payloadLength), 28),
    PinnedField("pid", Header.offset(of: \.pid), 32),
    PinnedField("tid", Header.offset(of: \.tid), 36),
    PinnedField("processStart", Header.offset(of: \.processStart), 40),
    PinnedField("cgroup", Header.offset(of: \.cgroup), 48),
    PinnedField("uid", Header.offset(of: \.uid), 56),
    PinnedField("parentPID", Header.offset(of: \.parentPID), 60),
  ]
  static let gap = [
    PinnedField("afterSequence", Gap.offset(of: \.afterSequence), 0),
    PinnedField("total", Gap.offset(of: \.total), 8),
    PinnedField("lost", Gap.offset(of: \.lost), 16),
    PinnedField("lost.1", Gap.offset(of: \.lost.1), 20),
    PinnedField("lost.15", Gap.offset(of: \.lost.15), 76),
    PinnedField("reserved0", Gap.offset(of: \.reserved0), 80),
    PinnedField("reserved5", Gap.offset(of: \.reserved5), 120),
  ]
  static let fork = [
    PinnedField("childPID", Fork.offset(of: \.childPID), 0),
    PinnedField("childTID", Fork.offset(of: \.childTID), 4),
    PinnedField("childProcessStart", Fork.offset(of: \.childProcessStart), 8),
    PinnedField("childThreadStart", Fork.offset(of: \.childThreadStart), 16),
    PinnedField("cloneFlags", Fork.offset(of: \.cloneFlags), 24),
    PinnedField("parentComm", Fork.offset(of: \.parentComm), 32),
    PinnedField("childComm", Fork.offset(of: \.childComm), 48),
  ]
  static let exit = [
    PinnedField("waitStatus", Exit.offset(of: \.waitStatus), 0),
    PinnedField("exitFlags", Exit.offset(of: \.exitFlags), 4),
    PinnedField("threadStart", Exit.offset(of: \.threadStart), 8),
    PinnedField("runtime", Exit.offset(of: \.runtime), 16),
    PinnedField("comm", Exit.offset(of: \.comm), 24),
    PinnedField("reserved0", Exit.offset(of: \.reserved0), 40),
    PinnedField("reserved1", Exit.offset(of: \.reserved1), 48),
  ]
  static let exec = [
    PinnedField("oldTID", Exec.offset(of: \.oldTID), 0),
    PinnedField("execFlags", Exec.offset(of: \.execFlags), 4),
    PinnedField("inode", Exec.offset(of: \.inode), 8),
    PinnedField("device", Exec.offset(of: \.device), 16),
    PinnedField("argumentCount", Exec.offset(of: \.argumentCount), 20),
    PinnedField("pathLength", Exec.offset(of: \.pathLength), 24),
    PinnedField("workingDirectoryLength", Exec.offset(of: \.workingDirectoryLength), 26),
    PinnedField("argumentsLength", Exec.offset(of: \.argumentsLength), 28),
    PinnedField("argumentsTotal", Exec.offset(of: \.argumentsTotal), 32),
    PinnedField("reserved", Exec.offset(of: \.reserved), 36),
    PinnedField("comm", Exec.offset(of: \.comm), 40),
    PinnedField("before", Exec.offset(of: \.before), 56),
    PinnedField("after", Exec.offset(of: \.after), 88),
  ]
  static let credentials = [
    PinnedField("uid", Creds.offset(of: \.uid), 0),
    PinnedField("gid", Creds.offset(of: \.gid), 4),
    PinnedField("effectiveUID", Creds.offset(of: \.effectiveUID), 8),
    PinnedField("effectiveGID", Creds.offset(of: \.effectiveGID), 12),
    PinnedField("permitted", Creds.offset(of: \.permitted), 16),
    PinnedField("effective", Creds.offset(of: \.effective), 24),
  ]

  @Test(
    "Every field of a record lies where the ABI says",
    arguments: [
      header, gap, fork, exit, exec, credentials,
    ].joined())
  func offset(of field: PinnedField) {
    #expect(field.offset == field.pinned)
  }

  @Test func sizes() {
    #expect(abiVersion == 3)
    #expect(Slot.size == 128 && 1 << Slot.sizeShift == 128 && Slot.headerSize == 64)
    #expect(Header.size == Slot.headerSize && Header.stride == Slot.headerSize)
    #expect(Gap.size == Slot.size && Gap.stride == Slot.size)
    // Forks and exits are one slot with their header, and so are the kinds that come most often.
    #expect(Fork.size == 64 && Exit.size == 56)
    #expect(MemoryLayout<SwitchPayload>.size == 64 && MemoryLayout<WakeupPayload>.size == 64)
    #expect(MemoryLayout<MigratePayload>.size == 64 && MemoryLayout<SyscallEnterPayload>.size == 64)
    #expect(MemoryLayout<SyscallExitPayload>.size == 24 && MemoryLayout<FutexPayload>.size == 56)
    #expect(MemoryLayout<SignalGeneratePayload>.size == 64 && MemoryLayout<LockPayload>.size == 32)
    #expect(MemoryLayout<SignalDeliverPayload>.size == 64)
    #expect(Exec.size == 120 && Exec.stride == 120)
    #expect(Creds.size == 32 && MemoryLayout<TaskComm>.size == 16)
    #expect(MemoryLayout<LossByFamily>.size == 4 * EventFamily.count)
  }

  @Test func longestRecordFits() {
    let longest =
      Slot.headerSize + Exec.size + ExecPayload.pathLimit + ExecPayload.workingDirectoryLimit
      + ExecPayload.argumentsLimit
    let slots = (longest + Slot.size - 1) / Slot.size
    #expect(slots + 1 <= Int(RingGeometry.maxSpan))
  }

  @Test func numbersOnTheWire() {
    #expect(EventKind.fork.rawValue == 0x0101 && EventKind.exec.rawValue == 0x0102)
    #expect(EventKind.exit.rawValue == 0x0103 && EventKind.test.rawValue == 0x0F01)
    for kind in EventKind.allCases { #expect(kind.rawValue >> 8 == UInt16(kind.family.rawValue)) }
    for family in EventFamily.allCases { #expect(Int(family.rawValue) < EventFamily.count) }
    let families: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
    #expect(EventFamily.allCases.map(\.rawValue) == families)
    let flags: [RecordFlags] = [.truncated, .thread, .fault, .gap]
    #expect(flags.map(\.rawValue) == [1, 2, 4, 8])
    #expect(
      RecordFlags.detail(0xABC).rawValue == 0xABC0 && RecordFlags(rawValue: 0xABCF).detail == 0xABC)
    #expect(SyscallDetail.detail(number: 319, isCompat: true) == 2048 + 319)
    #expect(SyscallDetail.number(2048 + 319) == 319)
    #expect(ExitFlags.lastThread.rawValue == 1 && ExitFlags.groupExit.rawValue == 2)
    let exec: [ExecFlags] = [
      .credentialsBefore, .pathTruncated, .argumentsTruncated, .workingDirectoryTruncated,
    ]
    #expect(exec.map(\.rawValue) == [1, 2, 4, 8])
  }

  @Test("What C and Swift share in the kernel's half has one size and order in both")
  func twinsInC() {
    typealias State = MemoryLayout<kit_task_state>
    #expect(State.size == 48)
    #expect(State.offset(of: \.follow) == 0 && State.offset(of: \.has_before) == 4)
    #expect(State.offset(of: \.exit_claimed) == 8)
    // The identity of a task in the order of Credentials.
    #expect(State.offset(of: \.uid) == 12 && State.offset(of: \.gid) == 16)
    #expect(State.offset(of: \.euid) == 20 && State.offset(of: \.egid) == 24)
    #expect(State.offset(of: \.permitted) == 32 && State.offset(of: \.effective) == 40)

    #expect(Int(KIT_SCRATCH_PATH) == ExecPayload.pathLimit)
    #expect(Int(KIT_SCRATCH_CWD) == ExecPayload.workingDirectoryLimit)
    typealias Scratch = MemoryLayout<kit_scratch>
    #expect(Scratch.offset(of: \.path) == 0 && Scratch.offset(of: \.cwd) == ExecPayload.pathLimit)
    #expect(Scratch.size >= ExecPayload.pathLimit + ExecPayload.workingDirectoryLimit)
  }
}

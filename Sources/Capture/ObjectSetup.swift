import BPFCKit
import BPFLoader
import Glibc
import KernelEvents
import KernelObjects
import SequencerABI

/// What the programs must know of the running kernel.
struct KernelFacts {
  let offsets: kit_offsets
  let registers: kit_syscalls
  /// The programs to load and attach, in this order.
  let programs: [ProgramSpec]
  /// `sched_process_exit` tells which thread is the last (6.16 and newer).
  let hasGroupDead: Bool
  /// The kernel's functions that programs keep other tasks off their CPU with; empty where the kernel does so.
  let preemptionFunctions: [UInt32]

  /// Reads the kernel's types.
  ///
  /// - Parameter options: the capture, whose families decide what is needed.
  /// - Throws: the family that can't be had, and what the kernel lacks for it.
  init(for options: CaptureOptions = CaptureOptions()) throws(CaptureError) {
    let release = KernelVersion.runningRelease()
    if let version = KernelVersion(release: release), version < .floor {
      throw CaptureError(
        "Linux \(release) is older than \(KernelVersion.floor.major).\(KernelVersion.floor.minor), "
          + "the oldest that Ordinal runs on; boot a newer kernel")
    }
    let families = options.familyMask
    do {
      let types = try KernelBTF()
      for family in EventFamily.available where families & family.bit != 0 {
        for name in family.tracepoints where types.tracepoint(name) == nil {
          throw CaptureError(
            "this kernel has no tracepoint \(name), which --events \(family.name) stands on; "
              + "leave that family out, and see `ordinal doctor`")
        }
      }
      let offsets = try kernelOffsets(types, families: families)
      let hasInodes =
        offsets.dentry_inode != KernelField.absent && offsets.sb_stack_depth != KernelField.absent
      programs = ProgramSpec.all.filter { program in
        program.isNeeded(families: families, follows: options.filter.followsTasks)
          && (!program.isOptional
            || program.isPossible(types, avoidsFunctions: options.avoidsFunctions || !hasInodes))
      }
      self.offsets = offsets
      registers = try syscallRegisters(types, families: families)
      preemptionFunctions = try KernelFacts.preemptionFunctions(types, options)
      hasGroupDead = (types.tracepoint("sched_process_exit")?.argumentCount ?? 0) >= 2
    } catch {
      throw CaptureError(wrapping: error)
    }
  }
}

extension KernelFacts {
  /// The functions that programs must keep other tasks off their CPU with.
  ///
  /// - Throws: they must, and this kernel has them not.
  private static func preemptionFunctions(
    _ types: borrowing KernelBTF, _ options: CaptureOptions
  ) throws(CaptureError) -> [UInt32] {
    guard ProgramPreemption.isPossible || options.preventsPreemption else { return [] }
    if let ids = ProgramPreemption.functionIDs(types) { return ids }
    let missing = ProgramPreemption.missingFunctions(types).joined(separator: ", ")
    throw CaptureError(
      "other tasks may run in the midst of programs on this kernel, and to prevent it it has no "
        + "\(missing); boot a distribution's kernel")
  }
}

/// The ring's maps, whose elements programs address without a look-up (BPF/Kit/KernelRing.swift).
package let directMaps = ["control", "ring", "cpu_state"]

/// Opens the sequencer's object, sets sizes, offsets and filters, and loads it; `measured` as
/// `BPFObject.load` has it.
func loadSequencer(
  _ options: CaptureOptions, facts: KernelFacts, geometry: RingGeometry, cpus: Int,
  measured: Bool = false
) throws(CaptureError) -> BPFObject {
  do {
    let object = try BPFObject(opening: KernelObjects.sequencer.bytes(), name: "sequencer")
    let needed = Set(facts.programs.map(\.name))
    for program in ProgramSpec.all where !needed.contains(program.name) {
      try object.skip(program: program.name)
    }
    try configure(object, options, facts: facts, geometry: geometry, cpus: cpus)
    try object.load(
      direct: directMaps, measured: measured,
      kernelFunctions: facts.preemptionFunctions)
    return object
  } catch {
    throw CaptureError(wrapping: error)
  }
}

/// Sets sizes, offsets and filters of an object with the ring's maps (RingMaps.bpf.h); `options` filter
/// only where the object has the filters' maps as well (BPF/Maps.bpf.c).
func configure(
  _ object: borrowing BPFObject, _ options: CaptureOptions, facts: KernelFacts,
  geometry: RingGeometry, cpus: Int
) throws(BPFError) {
  try object.resize(map: "ring", valueSize: UInt32(geometry.byteCount))
  try object.resize(map: "cpu_state", valueSize: UInt32(cpus * CPUStateLayout.size))
  let filter = options.filter
  if filter.processes.count + filter.trees.count > 1 {
    let entries = UInt32(filter.processes.count + filter.trees.count)
    try object.resize(map: "seeds", maxEntries: entries)
  }
  if filter.uids.count > 1 { try object.resize(map: "uids", maxEntries: UInt32(filter.uids.count)) }
  try object.configure(section: ".rodata.config", as: kit_config.self) { config in
    config.capacity = geometry.capacity
    config.high_water = geometry.highWater
    config.cpus = UInt32(cpus)
    config.timestamps =
      switch options.timestamps ?? .precise {
      case .none: 0
      case .precise: 1
      case .coarse: 2
      }
    config.tick_ns = tickLength()
    config.has_group_dead = facts.hasGroupDead && !options.assumesOldExit ? 1 : 0
    config.filter_followed = filter.followsTasks ? 1 : 0
    config.filter_uid = filter.uids.isEmpty ? 0 : 1
    config.filter_cgroups = UInt32(filter.cgroups.count)
    if let comm = filter.comm {
      config.filter_comm = 1
      config.comm_value = (comm.value.low, comm.value.high)
      config.comm_mask = (comm.mask.low, comm.mask.high)
    }
    config.families = options.familyMask
    config.refuses_storage = options.refusesStorage ? 1 : 0
    config.sees_inodes = facts.programs.contains { $0.function != nil } ? 1 : 0
    config.offsets = facts.offsets
    config.syscalls = facts.registers
    config.syscalls.select(options.syscalls)
    config.syscalls.setActs(families: options.familyMask)
    config.setCgroups(filter.cgroups)
  }
}

extension kit_config {
  /// Tells the programs the wanted cgroups by id and level, for tasks other than the current one.
  ///
  /// - Parameter paths: directories of the cgroup2 mount, at most 16, that exist; absolute, without "..".
  mutating func setCgroups(_ paths: [String]) {
    let mount = MountTable.current()?.mountPoint(ofType: "cgroup2") ?? ""
    unsafe withUnsafeMutableBytes(of: &cgroup_ids) { ids in
      for (index, path) in paths.enumerated() {
        var status = stat()
        // kernfs: the inode number is the cgroup's id on 64-bit machines.
        let id = unsafe stat(path, &status) == 0 ? UInt64(status.st_ino) : 0
        unsafe ids.storeBytes(of: id, toByteOffset: index * 8, as: UInt64.self)
      }
    }
    unsafe withUnsafeMutableBytes(of: &cgroup_levels) { levels in
      for (index, path) in paths.enumerated() {
        let level = path.dropFirst(mount.count).split(separator: "/").count
        unsafe levels.storeBytes(of: UInt32(level), toByteOffset: index * 4, as: UInt32.self)
      }
    }
  }
}

extension CaptureError {
  /// The line of an error of the loader or the sequencer.
  init(wrapping error: any Error) {
    switch error {
    case let error as CaptureError: self = error
    case let error as BPFError: self.init(error.description, details: error.verifierLog)
    default: self.init("\(error)")
    }
  }
}

/// Nanoseconds of a jiffy: the resolution of the coarse clocks (kernel/time/posix-timers.c).
private func tickLength() -> UInt64 {
  var resolution = timespec()
  guard unsafe clock_getres(CLOCK_MONOTONIC_COARSE, &resolution) == 0 else { return 10_000_000 }
  return UInt64(resolution.tv_nsec)
}

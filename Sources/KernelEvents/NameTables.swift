import Synchronization

/// The names of a set of the kernel's numbers, of which a value bears one: errors, signals, commands.
///
/// The tables are made from the kernel's and the C library's headers (docs/names.md).
public struct NumberNames: Sendable {
  /// The numbers and their names, in rising order of the numbers.
  ///
  /// A number that is negative in C stands here as its 32 bits.
  public let entries: [(value: UInt64, name: StaticString)]

  /// Wraps a table.
  ///
  /// - Parameter entries: Numbers with their names, in rising order, no number twice.
  init(_ entries: [(value: UInt64, name: StaticString)]) { self.entries = entries }

  /// The name of a number.
  ///
  /// Takes a step or two where the numbers have one gap at most, as system calls do.
  ///
  /// - Parameter value: The number; one that is negative in C as its 32 bits.
  /// - Returns: The name as the headers have it; nil where they have none.
  public func name(of value: UInt64) -> StaticString? {
    guard let first = entries.first?.value, let last = entries.last?.value,
      value >= first, value <= last
    else { return nil }
    // Numbers rise by one at least, so the place is bounded from both ends.
    var low = max(0, entries.count - 1 - Int(clamping: last - value))
    var high = min(entries.count - 1, Int(clamping: value - first))
    if entries[low].value == value { return entries[low].name }
    if entries[high].value == value { return entries[high].name }
    while low < high {
      let middle = low + (high - low) / 2
      if entries[middle].value < value { low = middle + 1 } else { high = middle }
    }
    return entries[low].value == value ? entries[low].name : nil
  }

  /// The number that bears a name.
  ///
  /// Looks at one entry after another: for what a user asks, not for each event.
  ///
  /// - Parameter name: The name as the headers have it.
  /// - Returns: The number; nil where none bears the name.
  public func value(of name: String) -> UInt64? {
    entries.first { $0.name.isEqual(to: name) }?.value
  }
}

/// The names of flags of which a value may bear several.
///
/// The tables are made from the kernel's and the C library's headers (docs/names.md).
public struct FlagNames: Sendable {
  /// The flags and their names, in rising order of their bits.
  ///
  /// A few have more than one bit, and then another's bit among them: O_SYNC holds O_DSYNC.
  public let entries: [(bits: UInt64, name: StaticString)]

  /// Wraps a table.
  ///
  /// - Parameter entries: Bits with their names, in rising order, no bits twice.
  init(_ entries: [(bits: UInt64, name: StaticString)]) { self.entries = entries }

  /// Calls a closure with the name of each flag that is set, in the table's order.
  ///
  /// A flag whose bits another one holds is not named beside it: O_SYNC alone, not O_DSYNC too.
  ///
  /// - Parameters:
  ///   - value: The flags.
  ///   - body: Is given each name.
  /// - Returns: The bits that no name was given for.
  @discardableResult
  public func forEachName(
    in value: UInt64, _ body: (StaticString) throws -> Void
  ) rethrows -> UInt64 {
    var unnamed = value
    for index in entries.indices {
      let entry = entries[index]
      guard value & entry.bits == entry.bits, !isWithinWider(at: index, of: value) else { continue }
      unnamed &= ~entry.bits
      try body(entry.name)
    }
    return unnamed
  }

  /// Whether a flag of `value` holds all bits of the one at `index`, and more; such a flag comes
  /// later.
  private func isWithinWider(at index: Int, of value: UInt64) -> Bool {
    let bits = entries[index].bits
    for wider in entries[(index + 1)...] {
      if wider.bits & bits == bits, value & wider.bits == wider.bits { return true }
    }
    return false
  }

  /// The flags of open() and openat(), less the access mode (``NumberNames/openAccessMode``).
  ///
  /// - Parameter abi: Whose system call it is: arm64 numbers some flags otherwise.
  /// - Returns: The table.
  public static func open(on abi: SyscallABI) -> FlagNames {
    switch abi {
    case .x86_64, .i386: openX86
    case .arm64: openARM64
    }
  }

  /// The flags of a wait for a lock, as the event contention_begin has them.
  ///
  /// Typed by hand, as no exported header has them: include/trace/events/lock.h of the kernel.
  public static let lockContention = FlagNames([
    (0x1, "LCB_F_SPIN"), (0x2, "LCB_F_READ"), (0x4, "LCB_F_WRITE"), (0x8, "LCB_F_RT"),
    (0x10, "LCB_F_PERCPU"), (0x20, "LCB_F_MUTEX"),
  ])
}

extension NumberNames {
  /// The requests of ptrace() on the architecture that this was built for.
  public static var ptraceRequest: NumberNames { ptraceRequest(on: .ofEvents) }

  /// The requests of ptrace().
  ///
  /// - Parameter abi: Whose system call it is; a 32-bit one has x86-64's names here.
  /// - Returns: The table.
  public static func ptraceRequest(on abi: SyscallABI) -> NumberNames {
    switch abi {
    case .x86_64, .i386: ptraceX86
    case .arm64: ptraceARM64
    }
  }

  /// What a system call gives where a signal broke it off, before the kernel turns it to EINTR or
  /// starts the call again; a program never sees these, a tracer at the call's end does.
  ///
  /// Typed by hand, as no exported header has them: include/linux/errno.h of the kernel.
  public static let restartErrno = NumberNames([
    (512, "ERESTARTSYS"), (513, "ERESTARTNOINTR"), (514, "ERESTARTNOHAND"),
    (516, "ERESTART_RESTARTBLOCK"),
  ])

  /// The first real-time signal as the kernel counts them (glibc keeps two for itself).
  public static var firstRealTimeSignal: UInt8 { 32 }
}

/// A way into the kernel with its own numbers of system calls.
public enum SyscallABI: UInt8, Sendable, CaseIterable {
  case x86_64 = 0
  /// 32-bit programs on x86-64, and int 0x80.
  case i386 = 1
  case arm64 = 2

  /// That of 64-bit programs on the architecture that this was built for.
  public static var native: SyscallABI {
    #if arch(arm64)
      .arm64
    #else
      .x86_64
    #endif
  }

  /// That of 64-bit programs on the machine whose events are shown: this one, or a recording's.
  public static var ofEvents: SyscallABI {
    SyscallABI(rawValue: recorded.load(ordering: .relaxed)) ?? native
  }

  /// Whose events are shown; 255: this machine's. Set once, before the first is read.
  private static let recorded = Atomic<UInt8>(.max)

  /// Says that the events to come are of a machine with this architecture, as `uname -m` tells it.
  public static func setRecorded(architecture: String) {
    let abi: SyscallABI? =
      switch architecture {
      case "x86_64": .x86_64
      case "aarch64": .arm64
      default: nil
      }
    recorded.store(abi?.rawValue ?? .max, ordering: .relaxed)
  }

  /// The numbers and names of its system calls.
  public var names: NumberNames {
    switch self {
    case .x86_64: .syscallX86_64
    case .i386: .syscallI386
    case .arm64: .syscallARM64
    }
  }

  /// The name of a system call.
  ///
  /// - Parameter number: The number that the program called.
  /// - Returns: The name as the headers have it after `__NR_`; nil where they have none.
  public func name(of number: UInt32) -> StaticString? { names.name(of: UInt64(number)) }

  /// The number of a system call.
  ///
  /// - Parameter name: The name as the headers have it after `__NR_`.
  /// - Returns: The number; nil where the ABI has no such call.
  public func number(of name: String) -> UInt32? {
    names.value(of: name).map { UInt32(truncatingIfNeeded: $0) }
  }

  /// One above the highest number that has a name.
  public var limit: UInt32 {
    names.entries.last.map { UInt32(truncatingIfNeeded: $0.value) + 1 } ?? 0
  }
}

extension StaticString {
  /// Whether it has the bytes of `text`.
  fileprivate func isEqual(to text: String) -> Bool {
    // The pointer is used inside the closure only.
    withUTF8Buffer { unsafe $0.elementsEqual(text.utf8) }
  }
}

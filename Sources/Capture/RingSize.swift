public import SequencerABI

/// Sizes of rings as users write them.
public enum RingSize {
  /// What a ring has where the user says nothing, bytes.
  public static let standard: UInt64 = 16 << 20

  /// Bytes of slots that the verifier lets a program index: an offset and what is added to it stay
  /// below BPF_MAX_VAR_OFF, 1 << 29 (include/linux/bpf_verifier.h).
  static let largest: UInt64 = 1 << 28

  /// The possible CPUs whose smallest ring is the largest one.
  static var mostCPUs: UInt64 {
    largest / UInt64(Slot.size) / (4 * RingGeometry.reserve(possibleCPUs: 1))
  }

  /// Reads "16MiB", "512KiB", "4096" (bytes); also K, M, G with or without B.
  ///
  /// - Returns: bytes, or nil if it is not a size.
  public static func parse(_ text: String) -> UInt64? {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    guard !digits.isEmpty, let number = UInt64(digits) else { return nil }
    let shift: UInt64
    switch text.dropFirst(digits.count).lowercased() {
    case "", "b": shift = 0
    case "k", "kb", "kib": shift = 10
    case "m", "mb", "mib": shift = 20
    case "g", "gb", "gib": shift = 30
    default: return nil
    }
    let (bytes, overflow) = number.multipliedReportingOverflow(by: 1 << shift)
    return overflow ? nil : bytes
  }

  /// "16MiB" for 16777216.
  public static func text(_ bytes: UInt64) -> String {
    for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] as [(UInt64, String)]
    where bytes >= 1 << shift && bytes & ((1 << shift) - 1) == 0 {
      return "\(bytes >> shift)\(unit)"
    }
    return "\(bytes)"
  }

  /// The geometry of a ring of `bytes`, for a machine of `possibleCPUs`.
  ///
  /// - Throws: an error that names the smallest ring that works, or the nearest power of two.
  public static func geometry(bytes: UInt64?, possibleCPUs: Int) throws(CaptureError)
    -> RingGeometry
  {
    let cpus = UInt64(possibleCPUs)
    let least = RingGeometry.minimumCapacity(possibleCPUs: cpus) * UInt64(Slot.size)
    if least > largest {
      throw CaptureError(
        "\(possibleCPUs) possible CPUs need a ring of \(text(least)), and the verifier lets programs "
          + "index \(text(largest)); boot with possible_cpus=\(mostCPUs) or less")
    }
    let wanted = bytes ?? max(standard, least)
    if let geometry = RingGeometry(capacity: wanted / UInt64(Slot.size), possibleCPUs: cpus),
      wanted % UInt64(Slot.size) == 0, wanted <= largest
    {
      return geometry
    }
    if wanted < least {
      throw CaptureError(
        "a ring of \(text(wanted)) is too small for \(possibleCPUs) possible CPUs; "
          + "the smallest that works here is --ring-size \(text(least))")
    }
    if wanted > largest {
      throw CaptureError(
        "a ring of \(text(wanted)) is too large; the largest is --ring-size \(text(largest))")
    }
    var below: UInt64 = 1
    while below << 1 <= wanted { below <<= 1 }
    let choices = [below, below << 1].filter { $0 >= least }.map { text($0) }
    throw CaptureError(
      "a ring of \(text(wanted)) is not a power of two; use --ring-size "
        + choices.joined(separator: " or "))
  }

  /// Refuses a ring that is larger than the memory that is available.
  ///
  /// The kernel would refuse it too, but only after it has emptied its caches and made others wait.
  ///
  /// - Parameters:
  ///   - geometry: the ring that is wanted.
  ///   - available: bytes; nil where that can't be known: the kernel decides then.
  ///   - possibleCPUs: as for ``geometry(bytes:possibleCPUs:)``.
  /// - Throws: an error that names the largest ring for which there is room.
  package static func check(
    _ geometry: RingGeometry, available: UInt64?, possibleCPUs: Int
  ) throws(CaptureError) {
    guard let available, geometry.byteCount > available else { return }
    let least = RingGeometry.minimumCapacity(possibleCPUs: UInt64(possibleCPUs))
    var fitting = geometry.capacity
    while fitting > least, (fitting + geometry.tailSlots) * UInt64(Slot.size) > available {
      fitting /= 2
    }
    let bytes = fitting * UInt64(Slot.size)
    let ring = text(geometry.capacity * UInt64(Slot.size))
    if bytes + geometry.tailSlots * UInt64(Slot.size) > available {
      throw CaptureError(
        "there is no memory for a ring: \(available >> 10) KiB are available, and the smallest that "
          + "works here takes \(text(bytes)); free some memory")
    }
    throw CaptureError(
      "a ring of \(ring) is larger than the memory available, \(available >> 10) KiB; "
        + "the largest that fits is --ring-size \(text(bytes))")
  }

  /// Bytes that can be had without swapping (`MemAvailable`), from the text of /proc/meminfo.
  package static func availableMemory(_ text: String) -> UInt64? {
    for line in text.split(separator: "\n") where line.hasPrefix("MemAvailable:") {
      let words = line.split(separator: " ")
      guard words.count == 3, words[2] == "kB", let number = UInt64(words[1]) else { return nil }
      let (bytes, overflow) = number.multipliedReportingOverflow(by: 1024)
      return overflow ? nil : bytes
    }
    return nil
  }
}

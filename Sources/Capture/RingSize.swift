public import SequencerABI

/// Sizes of rings as users write them.
public enum RingSize {
  /// What a ring has where the user says nothing, bytes.
  public static let standard: UInt64 = 16 << 20

  /// Bytes of slots that the verifier lets a program index: an offset and what is added to it stay
  /// below BPF_MAX_VAR_OFF, 1 << 29 (include/linux/bpf_verifier.h).
  static let largest: UInt64 = 1 << 28

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
          + "index \(text(largest)); boot with possible_cpus=1024")
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
}

import Glibc

/// Room for descriptors, looked at before anything is loaded.
///
/// Where descriptors run out in the middle, libbpf's own probes fail first, and what it then says is
/// wrong: that the kernel lacks a kind of map, or that a program is bad.
enum DescriptorHeadroom {
  /// What a capture takes at most: maps, programs, links, each link's own, the doorbell's, the command's
  /// pipes, and what libbpf opens for a moment. Measured are 31; a test holds the number.
  static let needed = 40

  /// Takes so many for a moment.
  ///
  /// - Throws: one line with the remedy.
  static func check() throws(CaptureError) {
    var held: [Int32] = []
    held.reserveCapacity(needed)
    var code: Int32 = 0
    while held.count < needed && code == 0 {
      let descriptor = unsafe open("/dev/null", O_RDONLY | O_CLOEXEC)
      if descriptor >= 0 { held.append(descriptor) } else { code = errno }
    }
    for descriptor in held { close(descriptor) }
    if code == 0 { return }
    let text = "can't open the files a trace needs: \(unsafe String(cString: strerror(code)))"
    switch code {
    case EMFILE: throw CaptureError(text + "; raise `ulimit -n` to \(sufficientLimit()) or more")
    case ENFILE:
      throw CaptureError(text + "; end some programs, or raise the sysctl fs.file-max")
    default: throw CaptureError(text + "; check that /dev/null is there")
    }
  }

  /// The least limit with enough numbers free below it. Some above the present one may be in use:
  /// a limit that is lowered closes nothing.
  private static func sufficientLimit() -> Int32 {
    var free = 0
    var number: Int32 = 0
    while free < needed {
      if fcntl(number, F_GETFD) < 0 { free += 1 }
      number += 1
    }
    return number
  }
}

import CLibBPF

/// The libbpf that this process runs with.
public enum LibBPF {
  /// Its version, e.g. "1.1".
  public static var version: String {
    "\(libbpf_major_version()).\(libbpf_minor_version())"
  }
}

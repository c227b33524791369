import Testing

extension Tag {
  /// Needs root and the live kernel.
  @Tag static var kernel: Self
}

/// The tests on the running kernel, one after the other: two tracers at once would disturb each
/// other's figures, and so would a benchmark beside an attack. Each file extends this with a suite.
@Suite("On the live kernel", .serialized, .tags(.kernel), RepeatsSkipped())
enum LiveKernelTests {}

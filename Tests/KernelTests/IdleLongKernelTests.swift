import Testing

extension LiveKernelTests {
  /// The claim in full length: an idle minute.
  @Suite struct IdleLongKernelTests {
    @Test func idleForAMinute() throws { try expectIdle(seconds: 60) }
  }
}

import Testing

extension Tag {
  /// Needs root and the live kernel.
  @Tag static var kernel: Self
}

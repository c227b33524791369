/// Texts: filled in next.
enum TextTarget {
  static func run(_ bytes: [UInt8]) throws(Finding) {}
}

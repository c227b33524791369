/// Command lines: filled in next.
enum OptionsTarget {
  static func run(_ bytes: [UInt8]) throws(Finding) {}
}

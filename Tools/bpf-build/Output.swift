import Foundation

/// The process's voice and end.
enum Output {
  static func error(_ message: String) {
    FileHandle.standardError.write(Data((message + "\n").utf8))
  }

  static func end(_ status: Int32) -> Never { exit(status) }
}

import EvaluationTransports
import Foundation

/// Text of small files.
enum SystemText {
  /// A file's whole text; empty if there is none.
  static func of(_ path: String) -> String {
    String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
  }
}

/// What `ordinal record --summary` says of a recording.
struct RecordedSummary: Decodable {
  var delivered: UInt64
  var lost: UInt64
  var missed: UInt64
}

/// What a file of `perf record` holds: counted record by record.
struct PerfFile {
  /// Samples.
  private(set) var samples: UInt64 = 0
  /// Events that it says were lost.
  private(set) var lost: UInt64 = 0

  // include/uapi/linux/perf_event.h, and struct perf_file_header of tools/perf/util/header.h: magic, size,
  // attr_size, and three sections (attrs, data, event_types) of an offset and a size each.
  private static let magic: UInt64 = 0x3245_4C49_4652_4550
  private static let dataSection = 40
  private static let lostRecord: UInt32 = 2
  private static let sampleRecord: UInt32 = 9
  private static let headerSize = 8

  /// Counts what is in a file.
  ///
  /// - Throws: if it is no such file, or was not ended.
  init(_ path: String) throws {
    let data: Data
    do { data = try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped) } catch {
      throw EvaluationError("perf record left no file: \(error.localizedDescription)")
    }
    func value<T: FixedWidthInteger>(_ at: Int, as: T.Type) -> T? {
      guard at >= 0, at + MemoryLayout<T>.size <= data.count else { return nil }
      // In bounds by the line above.
      return unsafe data.withUnsafeBytes { unsafe $0.loadUnaligned(fromByteOffset: at, as: T.self) }
    }
    guard value(0, as: UInt64.self) == PerfFile.magic,
      let begin = value(PerfFile.dataSection, as: UInt64.self).flatMap({ Int(exactly: $0) }),
      let size = value(PerfFile.dataSection + 8, as: UInt64.self).flatMap({ Int(exactly: $0) }),
      begin <= data.count, size <= data.count - begin, size > 0
    else { throw EvaluationError("'\(path)' is no file that perf record has ended") }
    var at = begin
    while at < begin + size {
      guard let kind = value(at, as: UInt32.self), let length = value(at + 6, as: UInt16.self),
        Int(length) >= PerfFile.headerSize
      else { throw EvaluationError("'\(path)' can't be read at offset \(at)") }
      if kind == PerfFile.sampleRecord { samples += 1 }
      // The event's id, and how many. PERF_RECORD_LOST_SAMPLES tells the same losses once more at the end.
      if kind == PerfFile.lostRecord { lost += value(at + 16, as: UInt64.self) ?? 0 }
      at += Int(length)
    }
  }
}

import Glibc
import KernelEvents
import SequencerABI

extension SegmentReader {
  /// Reads and checks the header of an open file.
  static func readStart(
    _ descriptor: Int32, _ path: String
  ) throws(RecordingError) -> Start {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw RecordingError("\(path) is not a file; name what `ordinal record -o` wrote")
    }
    let fixed = MemoryLayout<SegmentHeader>.size
    var bytes = [UInt8](repeating: 0, count: fixed)
    guard try read(descriptor, path, &bytes, at: 0) == fixed else {
      var error = RecordingError(
        "\(path) is no recording, it has only \(max(0, status.st_size)) bytes; "
          + "name what `ordinal record -o` wrote")
      error.isShort = true
      throw error
    }
    guard case let header = bytes.span.raw.value(at: 0, as: SegmentHeader.self),
      header.magic == SegmentHeader.magicValue
    else {
      throw RecordingError(
        "\(path) is no recording (offset 0); name what `ordinal record -o` wrote")
    }
    guard header.formatVersion == SegmentHeader.currentVersion, header.abi == abiVersion else {
      throw RecordingError(
        "\(path) has format \(header.formatVersion) with layout \(header.abi), and this program reads "
          + "format \(SegmentHeader.currentVersion) with layout \(abiVersion); "
          + "use the version of Ordinal that recorded it")
    }
    let count = Int(header.byteCount)
    guard count >= fixed, count <= SegmentHeader.byteLimit, count % Slot.size == 0 else {
      throw RecordingError("\(path): the header is damaged (offset 16): it says \(count) bytes")
    }
    bytes = [UInt8](repeating: 0, count: count)
    if try read(descriptor, path, &bytes, at: 0) < count {
      var error = RecordingError(
        "\(path): the file ends within its header of \(count) bytes (offset \(status.st_size)): "
          + "its recorder was ended as it made it, and there is no record in it")
      error.isShort = true
      throw error
    }
    guard
      Checksum.ofHeader(bytes.span.raw, checksumAt: SegmentHeader.checksumOffset)
        == header.checksum
    else {
      throw RecordingError(
        "\(path): the header is damaged (offset 0, \(count) bytes): its checksum is wrong")
    }
    let facts = SegmentFacts(decoding: bytes.span.raw.extracting(fixed..<count))
    return (header, facts, UInt64(max(0, status.st_size)))
  }

  /// Reads up to `bytes.count` bytes; fewer only at the end of the file.
  static func read(
    _ descriptor: Int32, _ path: String, _ bytes: inout [UInt8], count: Int? = nil,
    at offset: UInt64
  ) throws(RecordingError) -> Int {
    let wanted = count ?? bytes.count
    var done = 0
    while done < wanted {
      let got = unsafe bytes.withUnsafeMutableBytes { buffer in
        // Inside the buffer: `done` is below `wanted`, which is at most its count.
        unsafe pread(
          descriptor, buffer.baseAddress! + done, wanted - done, off_t(offset) + off_t(done))
      }
      if got < 0 && errno == EINTR { continue }
      if got < 0 { throw RecordingError(cannot: "read", path, errno) }
      if got == 0 { break }
      done += got
    }
    return done
  }
}

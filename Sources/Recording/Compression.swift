import CZstd
import KernelEvents

/// Packs blocks with the system's zstd; keeps its working memory.
@safe package struct Packer: ~Copyable {
  private let context: OpaquePointer
  private var packed: [UInt8]

  /// A packer, or an error where there is no memory.
  package init() throws(RecordingError) {
    guard let made = unsafe ZSTD_createCCtx() else {
      throw RecordingError("no memory to compress with; record without --compress")
    }
    unsafe context = unsafe made
    packed = []
  }

  deinit { unsafe ZSTD_freeCCtx(context) }

  /// Packs `bytes` and lends the result; nil where packing gains nothing.
  package mutating func pack<Result>(
    _ bytes: RawSpan, _ body: (RawSpan?) throws(RecordingError) -> Result
  )
    throws(RecordingError) -> Result
  {
    let bound = ZSTD_compressBound(bytes.byteCount)
    if packed.count < bound { packed = Array(repeating: 0, count: bound) }
    // Both pointers are used inside the closures only; zstd writes at most `bound` bytes.
    let count = unsafe packed.withUnsafeMutableBytes { target in
      unsafe bytes.withUnsafeBytes { source in
        // Level 1: as quick as a recorder must be.
        unsafe ZSTD_compressCCtx(
          context, target.baseAddress!, target.count, source.baseAddress!, source.count, 1)
      }
    }
    if ZSTD_isError(count) != 0 || count >= bytes.byteCount { return try body(nil) }
    return try body(packed.span.raw.extracting(0..<count))
  }
}

/// Unpacks what ``Packer`` packed; treats it as hostile.
@safe struct Unpacker: ~Copyable {
  private let context: OpaquePointer

  init() throws(RecordingError) {
    guard let made = unsafe ZSTD_createDCtx() else {
      throw RecordingError("no memory to unpack the recording with; end other programs")
    }
    unsafe context = unsafe made
  }

  deinit { unsafe ZSTD_freeDCtx(context) }

  /// Unpacks `stored` into `target`.
  ///
  /// - Returns: whether it was a whole frame of exactly as many bytes as `target` has.
  mutating func unpack(_ stored: RawSpan, into target: inout [UInt8]) -> Bool {
    let wanted = target.count
    // As above; zstd writes at most `wanted` bytes.
    let count = unsafe target.withUnsafeMutableBytes { bytes in
      unsafe stored.withUnsafeBytes { source in
        unsafe ZSTD_decompressDCtx(
          context, bytes.baseAddress, bytes.count, source.baseAddress, source.count)
      }
    }
    return ZSTD_isError(count) == 0 && count == wanted
  }
}

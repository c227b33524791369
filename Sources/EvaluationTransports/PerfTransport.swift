import BPFLoader
import CLibBPF
import Glibc

/// perf buffers, one a CPU, read by libbpf: BPF_MAP_TYPE_PERF_EVENT_ARRAY.
///
/// Losses are counted by PERF_RECORD_LOST, which the kernel writes before the next record of that CPU that
/// finds room (perf_output_begin(), kernel/events/ring_buffer.c): those at the end of a run are never told.
@safe final class PerfTransport: EventTransport {
  let transport: Transport
  let source: EventSource
  private let buffer: OpaquePointer
  private let context: UnsafeMutablePointer<Context>

  @safe private struct Context {
    var lent = LentSink()
    var lost: UInt64 = 0
  }

  init(_ transport: Transport, _ options: EventOptions) throws {
    self.transport = transport
    source = try EventSource.open(transport, options)
    let page = sysconf(Int32(_SC_PAGESIZE))
    let cpus = CPUList.possible()?.count ?? 1
    let pages = PerfTransport.bytesOfCPU(transport, options.bytes, cpus: cpus) / page
    var attributes = perf_event_attr()
    attributes.type = UInt32(PERF_TYPE_SOFTWARE.rawValue)
    attributes.size = UInt32(MemoryLayout<perf_event_attr>.size)
    attributes.config = UInt64(PERF_COUNT_SW_BPF_OUTPUT.rawValue)
    attributes.sample_type = UInt64(PERF_SAMPLE_RAW.rawValue)
    attributes.sample_period = 1
    attributes.wakeup_events = transport == .perf ? Transport.wakeInterval : 1
    unsafe context = .allocate(capacity: 1)
    unsafe context.initialize(to: Context())
    let map = try source.ring.object.map("perf").descriptor
    let opened = unsafe perf_buffer__new_raw(
      map, pages, &attributes, PerfTransport.takeEvent, context, nil)
    guard let buffer = unsafe opened else {
      unsafe context.deallocate()
      throw EvaluationError("libbpf can't open perf buffers of \(pages) pages: \(describe(errno))")
    }
    unsafe self.buffer = unsafe buffer
  }

  deinit {
    unsafe perf_buffer__free(buffer)
    unsafe context.deallocate()
  }

  /// Bytes of one CPU's buffer: the paper's, or the largest power of two that all CPUs have together.
  static func bytesOfCPU(_ transport: Transport, _ total: UInt64, cpus: Int) -> Int {
    switch transport {
    case .perf8K: 8 << 10
    case .perf64K: 64 << 10
    default: ShardTransport.bytesOfShard(total, shards: cpus)
    }
  }

  func drain(_ sink: inout EventSink, limit: Int) throws -> Int {
    let before = sink.count
    let result = unsafe withUnsafeMutablePointer(to: &sink) { sink in
      unsafe context.pointee.lent.sink = sink
      defer { unsafe context.pointee.lent.sink = nil }
      return unsafe perf_buffer__consume(buffer)
    }
    if result < 0 {
      throw EvaluationError("libbpf can't read the perf buffers: \(describe(-result))")
    }
    return Int(sink.count &- before)
  }

  func wait(nanoseconds: Int) { waitReadable(unsafe perf_buffer__epoll_fd(buffer), nanoseconds) }

  func begin() { source.ring.begin() }
  func end() { source.ring.end() }

  func losses() throws -> Losses {
    var losses = Losses()
    losses.counted = unsafe context.pointee.lost
    return losses
  }

  /// `perf_buffer_event_fn`; layouts: include/uapi/linux/perf_event.h.
  private static let takeEvent:
    @convention(c) (UnsafeMutableRawPointer?, Int32, UnsafeMutablePointer<perf_event_header>?)
      -> bpf_perf_event_ret = { context, _, event in
        guard let context = unsafe context?.assumingMemoryBound(to: Context.self),
          let event = unsafe event
        else { return LIBBPF_PERF_EVENT_ERROR }
        let bytes = UnsafeRawPointer(event)
        switch unsafe event.pointee.type {
        case UInt32(PERF_RECORD_SAMPLE.rawValue):
          // The header, then a length of 32 bits, then the program's bytes.
          if let sink = unsafe context.pointee.lent.sink { unsafe sink.pointee.take(bytes + 12) }
        case UInt32(PERF_RECORD_LOST.rawValue):
          // The header, the event's id, then how many.
          unsafe context.pointee.lost &+= bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
        default: break
        }
        return LIBBPF_PERF_EVENT_CONT
      }
}

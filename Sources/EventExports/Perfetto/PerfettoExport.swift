public import EventFormats
public import KernelEvents
import SequencerABI

/// Events as a trace for Perfetto's UI; docs/export.md tells what is drawn where.
///
/// Readers of the format sort by time. An event's time is therefore never told below that of the one before
/// it: so their order is the stream's, where clocks of two CPUs differ too.
public struct PerfettoExport: EventExport, ~Copyable {
  var file: ExportFile
  var tasks: PerfettoTasks
  /// The time of the packet written last.
  var time: UInt64 = 0
  var annotations = DebugAnnotations()
  /// The details of the event at hand, as JSON.
  var told = OutputBuffer(capacity: 8192)
  private var details = EventDetails()
  /// Arrows from wakeups whose switch has not come, by process and thread.
  private var wakeups: [Task: UInt64] = [:]
  /// Whether a slice is open on a CPU's track; there for those that have one.
  private var cpus: [UInt16: Bool] = [:]
  /// Losses to be told once the next event gives them a time.
  private var gaps: [Gap] = []
  private var lost = FamilyCounts()
  private var hasBegun = false

  private struct Task: Hashable {
    var process: ProcessKey
    var tid: UInt32
  }

  /// Opens the target.
  ///
  /// - Parameters:
  ///   - target: the file, or a stream.
  ///   - taskLimit: processes, and threads, whose open slices are known; past it the slices of the process
  ///     not seen for longest are ended, and begin anew where it is seen again.
  /// - Throws: ``ExportError`` where it can't be written.
  public init(_ target: ExportTarget, taskLimit: Int = 65_536) throws(ExportError) {
    self.init(try ExportFile(target), PerfettoTasks(limit: taskLimit))
  }

  private init(_ file: consuming ExportFile, _ tasks: consuming PerfettoTasks) {
    self.file = file
    self.tasks = tasks
  }

  public mutating func visit(
    _ event: DecodedEvent, context: inout FormattingContext
  ) throws(ExportError) {
    advance(to: event.timestamp)
    if !hasBegun { begin(event, context.clock.nanoseconds) }
    tellGaps()
    told.removeAll()
    details.write(event, cgroup: nil, into: &told)
    switch event.kind {
    case .fork: if let fork = event.fork { visit(fork, event) }
    case .exec: if let exec = event.exec { visit(exec, event) }
    case .exit: if let exit = event.exit { visit(exit, event) }
    case .switched: visitSwitch(event)
    case .wakeup, .wakeupNew: visitWakeup(event)
    case .syscallEnter: beginSlice(.syscall, event)
    case .syscallExit: endSlice(.syscall, event)
    case .futexEnter: beginSlice(.futex, event)
    case .futexExit: endSlice(.futex, event)
    case .lockWait: beginSlice(.lock, event)
    case .lockAcquired: endSlice(.lock, event)
    default: appendInstant(event, on: track(of: event))
    }
    try file.flushIfDue()
  }

  public mutating func visit(_ gap: Gap) throws(ExportError) {
    // A stream of gaps and nothing else takes no memory either.
    if gaps.count >= 1024 {
      if !hasBegun { begin(wall: nil) }
      tellGaps()
    }
    gaps.append(gap)
  }

  public var temporaryPath: String? { file.temporaryPath }

  public mutating func finish(progress: (_ done: Int, _ all: Int) -> Void) throws(ExportError) {
    if !hasBegun { begin(wall: nil) }
    tellGaps()
    file.buffer.append(counter: lost.total, track: PerfettoTrack.loss(0), time: time)
    for cpu in cpus.keys.sorted() where cpus[cpu] == true {
      file.buffer.append(endOn: PerfettoTrack.cpu(cpu), time: time)
    }
    while let index = tasks.oldest() {
      forget(index)
      try file.flushIfDue()
    }
    try file.finish()
  }

  private mutating func begin(_ event: DecodedEvent, _ offset: Int64) {
    // Without timestamps, time is made up and has nothing to do with the wall's.
    let wall = event.timestamp == nil ? -1 : Int64(time) &+ offset
    begin(wall: wall >= 0 ? UInt64(wall) : nil)
  }

  private mutating func begin(wall: UInt64?) {
    hasBegun = true
    file.buffer.appendPreamble(time: time, wall: wall)
    let root = file.buffer.open(track: PerfettoTrack.losses, time: time)
    file.buffer.append(trackName: "Loss".utf8Span.span.raw)
    file.buffer.orderChildrenByRank()
    file.buffer.close(packet: root)
    describeLoss(0, "events lost".utf8Span.span.raw)
    file.buffer.append(counter: 0, track: PerfettoTrack.loss(0), time: time)
  }

  /// Without timestamps, one nanosecond an event shows the order.
  private mutating func advance(to timestamp: UInt64?) {
    guard let timestamp else { return time += time < UInt64(Int64.max) ? 1 : 0 }
    time = max(time, min(timestamp, UInt64(Int64.max)))
  }

  private mutating func describeLoss(_ family: Int, _ name: RawSpan) {
    let track = file.buffer.open(
      track: PerfettoTrack.loss(family), parent: PerfettoTrack.losses, rank: UInt64(family),
      time: time)
    file.buffer.append(trackName: name)
    file.buffer.countOnTrack()
    file.buffer.close(packet: track)
  }

  private mutating func tellGaps() {
    for gap in gaps {
      told.removeAll()
      details.write(gap: gap, into: &told)
      let packet = file.buffer.open(event: .instant, track: PerfettoTrack.losses, time: time)
      file.buffer.append(category: "gap")
      file.buffer.append(eventName: "gap")
      if gap.cpu != Gap.unknownCPU {
        file.buffer.append(annotation: "cpu", UInt64(gap.cpu))
      }
      annotations.append(
        membersOf: told, field: OutputBuffer.annotations, to: &file.buffer)
      file.buffer.close(packet: packet)
      for family in 1..<EventFamily.count where gap.lost[index: family] > 0 {
        if lost[index: family] == 0 {
          let name = EventFamily(rawValue: UInt8(family))?.name.description ?? "family_\(family)"
          describeLoss(family, "lost: \(name)".utf8Span.span.raw)
        }
      }
      lost.add(gap.lost)
      for family in 1..<EventFamily.count where gap.lost[index: family] > 0 {
        file.buffer.append(
          counter: lost[index: family], track: PerfettoTrack.loss(family), time: time)
      }
      file.buffer.append(counter: lost.total, track: PerfettoTrack.loss(0), time: time)
    }
    gaps.removeAll(keepingCapacity: true)
  }

  // MARK: The scheduler

  private mutating func visitSwitch(_ event: DecodedEvent) {
    guard let payload = event.payload(as: SwitchPayload.self) else { return }
    if event.header.pid != 0 { _ = process(event.process, event.comm) }
    let track = cpuTrack(event.header.cpu)
    if cpus[event.header.cpu] == true {
      let packet = file.buffer.open(event: .sliceEnd, track: track, time: time)
      annotate(with: event)
      file.buffer.close(packet: packet)
    }
    // The idle task is what a CPU without a slice runs.
    cpus[event.header.cpu] = payload.nextTID != 0
    if payload.nextTID == 0 { return }
    let next = ProcessKey(pid: payload.nextPID, start: payload.nextProcessStart)
    _ = process(next, event.targetComm)
    let packet = file.buffer.open(event: .sliceBegin, track: track, time: time)
    file.buffer.append(category: "sched")
    file.buffer.append(eventName: event.targetComm)
    if let flow = wakeups.removeValue(forKey: Task(process: next, tid: payload.nextTID)) {
      file.buffer.append(flowEnd: flow)
    }
    file.buffer.append(annotation: "seq", event.sequence)
    file.buffer.append(annotation: "pid", UInt64(payload.nextPID))
    file.buffer.append(annotation: "tid", UInt64(payload.nextTID))
    file.buffer.append(annotation: "start", payload.nextProcessStart)
    file.buffer.close(packet: packet)
  }

  private mutating func visitWakeup(_ event: DecodedEvent) {
    guard let payload = event.payload(as: WakeupPayload.self) else { return }
    let wakee = ProcessKey(pid: payload.wakeePID, start: payload.wakeeProcessStart)
    if payload.wakeePID != 0 { _ = process(wakee, event.targetComm) }
    let flow = PerfettoExport.flow(event)
    // Those that were woken and never ran are no reason to grow.
    if wakeups.count >= tasks.limit { wakeups.removeAll(keepingCapacity: true) }
    wakeups[Task(process: wakee, tid: payload.wakeeTID)] = flow
    appendInstant(event, on: track(of: event), flow: flow)
  }

  /// The track of a CPU, which is described where it is new.
  mutating func cpuTrack(_ cpu: UInt16) -> UInt64 {
    let track = PerfettoTrack.cpu(cpu)
    if cpus[cpu] != nil { return track }
    if cpus.isEmpty {
      let root = file.buffer.open(track: PerfettoTrack.cpus, time: time)
      file.buffer.append(trackName: "CPUs".utf8Span.span.raw)
      file.buffer.orderChildrenByRank()
      file.buffer.close(packet: root)
    }
    cpus[cpu] = false
    let packet = file.buffer.open(
      track: track, parent: PerfettoTrack.cpus, rank: UInt64(cpu), time: time)
    let name = "CPU \(cpu)"
    file.buffer.append(trackName: name.utf8Span.span.raw)
    file.buffer.close(packet: packet)
    return track
  }

  /// The number of the arrow that begins at an event.
  static func flow(_ event: DecodedEvent) -> UInt64 { event.sequence &+ 1 }
}

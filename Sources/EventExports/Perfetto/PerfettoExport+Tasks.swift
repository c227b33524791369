import EventFormats
import KernelEvents
import SequencerABI

/// Processes and threads: their tracks, and the slices on them.
extension PerfettoExport {
  /// The place of a process, whose track and life begin where it is seen first.
  ///
  /// - Parameters:
  ///   - key: the process.
  ///   - comm: its name, told where it is new.
  ///   - flow: the arrow from its fork; nil where it is seen without.
  /// - Returns: its place in ``tasks``.
  mutating func process(_ key: ProcessKey, _ comm: RawSpan, flow: UInt64? = nil) -> Int {
    if let known = tasks.index(of: key) { return known }
    while let overdue = tasks.overdue() { forget(overdue) }
    var process = PerfettoProcess(key, name: CommName(comm))
    file.buffer.append(processTrack: process.track, pid: key.pid, name: nil, time: time)
    let packet = file.buffer.open(event: .sliceBegin, track: process.track, time: time)
    file.buffer.append(category: "process")
    file.buffer.append(eventName: comm)
    if let flow { file.buffer.append(flow: flow) }
    file.buffer.append(annotation: "pid", UInt64(key.pid))
    file.buffer.append(annotation: "start", key.start)
    file.buffer.close(packet: packet)
    process.depth = 1
    process.flow = flow
    return tasks.insert(process)
  }

  /// The track of a thread of a process, described where it is new or has another name.
  @discardableResult
  mutating func thread(_ tid: UInt32, of index: Int, _ comm: RawSpan) -> UInt64 {
    let name = CommName(comm)
    let key = tasks[index].key
    if let known = tasks[index].threads[tid] {
      if known.name == name { return known.track }
      tasks[index].threads[tid]?.name = name
      describe(known.track, of: index, tid, name)
      return known.track
    }
    makeRoomForThread(of: index)
    let track = PerfettoTrack.thread(key, tid)
    tasks[index].threads[tid] = PerfettoThread(track: track, name: name)
    tasks.noteThread()
    describe(track, of: index, tid, name)
    return track
  }

  /// The process at `index` stays, whatever must go.
  private mutating func makeRoomForThread(of index: Int) {
    while let overdue = tasks.overdue() {
      if overdue != index {
        forget(overdue)
        continue
      }
      // It has all the threads there are.
      for tid in tasks[index].threads.keys.sorted() { endThread(tid, of: index) }
      return
    }
  }

  private mutating func describe(_ track: UInt64, of index: Int, _ tid: UInt32, _ name: CommName) {
    file.buffer.append(
      threadTrack: track, of: tasks[index].track, pid: tasks[index].key.pid, tid: tid, name: name,
      time: time)
  }

  /// The track of the thread that an event is of; for the idle task its CPU's.
  mutating func track(of event: DecodedEvent) -> UInt64 {
    if event.header.pid == 0 { return cpuTrack(event.header.cpu) }
    let index = process(event.process, event.comm)
    return thread(event.header.tid, of: index, event.comm)
  }

  /// Annotates the open packet with what the event tells.
  mutating func annotate(with event: DecodedEvent) {
    file.buffer.append(annotation: "seq", event.sequence)
    // Only where it is not the packet's own.
    if let timestamp = event.timestamp, timestamp != time {
      file.buffer.append(annotation: "ts", timestamp)
    }
    file.buffer.append(annotation: "cpu", UInt64(event.header.cpu))
    file.buffer.append(annotation: "uid", UInt64(event.header.uid))
    annotations.append(membersOf: told, field: OutputBuffer.annotations, to: &file.buffer)
  }

  /// Appends an event that takes no time.
  mutating func appendInstant(_ event: DecodedEvent, on track: UInt64, flow: UInt64? = nil) {
    let packet = file.buffer.open(event: .instant, track: track, time: time)
    file.buffer.append(category: event.family.name)
    file.buffer.append(eventName: event.kind.name)
    if let flow { file.buffer.append(flow: flow) }
    annotate(with: event)
    file.buffer.close(packet: packet)
  }

  // MARK: Lives

  mutating func visit(_ fork: ForkPayload, _ event: DecodedEvent) {
    let flow = PerfettoExport.flow(event)
    appendInstant(event, on: track(of: event), flow: flow)
    if !fork.isThread {
      _ = process(fork.child, event.childComm, flow: flow)
      return
    }
    let index = process(fork.child, event.childComm)
    // A tid that is given again while its last holder's end was lost.
    endThread(fork.childTID, of: index)
    let track = thread(fork.childTID, of: index, event.childComm)
    guard tasks[index].threads[fork.childTID]?.push(.life) == true else { return }
    let packet = file.buffer.open(event: .sliceBegin, track: track, time: time)
    file.buffer.append(category: "process")
    file.buffer.append(eventName: "thread")
    file.buffer.append(flowEnd: flow)
    file.buffer.append(annotation: "tid", UInt64(fork.childTID))
    file.buffer.append(annotation: "tid_start", fork.childThreadStart)
    file.buffer.close(packet: packet)
  }

  mutating func visit(_ exec: ExecEvent, _ event: DecodedEvent) {
    let index = process(event.process, event.comm)
    // A thread that is not the first goes on under the first one's id.
    if exec.payload.oldTID != event.header.tid { endThread(exec.payload.oldTID, of: index) }
    if tasks[index].threads[event.header.tid] != nil {
      thread(event.header.tid, of: index, event.comm)
    }
    let track = tasks[index].track
    if tasks[index].depth == 2 {
      file.buffer.append(endOn: track, time: time)
    } else if tasks[index].depth == 0 {
      // Behind its exit, in a damaged stream only.
      return appendInstant(event, on: track)
    }
    let packet = file.buffer.open(event: .sliceBegin, track: track, time: time)
    file.buffer.append(category: "exec")
    var start = exec.path.byteCount
    while start > 0, exec.path.byte(start - 1) != UInt8(ascii: "/") { start -= 1 }
    file.buffer.append(eventName: exec.path.extracting(start..<exec.path.byteCount))
    if let flow = tasks[index].flow { file.buffer.append(flowEnd: flow) }
    annotate(with: event)
    file.buffer.close(packet: packet)
    tasks[index].flow = nil
    tasks[index].depth = 2
    tasks[index].name = CommName(event.comm)
  }

  mutating func visit(_ exit: ExitPayload, _ event: DecodedEvent) {
    let index = process(event.process, event.comm)
    let tid = event.header.tid
    if exit.flags.contains(.lastThread), !tasks[index].hasEnded {
      endThread(tid, of: index)
      tasks[index].name = CommName(event.comm)
      end(index, event)
      tasks.noteEnd(index)
      while let overdue = tasks.overdue() { forget(overdue) }
      return
    }
    // The first thread's end is not the process's, and has no slice of its own.
    let isLife = tasks[index].threads[tid]?.depth(of: .life) != nil
    if isLife {
      closeSlices(.life, of: tid, index, event)
      tasks.removeThread(tid, of: index)
    } else {
      let track = thread(tid, of: index, event.comm)
      closeAll(of: tid, index)
      appendInstant(event, on: track)
    }
  }

  /// Ends what is open on a process's own track; the event says how.
  private mutating func end(_ index: Int, _ event: DecodedEvent?) {
    let process = tasks[index]
    if process.depth == 0 { return }
    if process.depth == 2 { file.buffer.append(endOn: process.track, time: time) }
    // Perfetto keeps the first name that it is told, and this is the last.
    file.buffer.append(
      processTrack: process.track, pid: process.key.pid, name: process.name, time: time)
    let packet = file.buffer.open(event: .sliceEnd, track: process.track, time: time)
    if let event { annotate(with: event) }
    file.buffer.close(packet: packet)
    tasks[index].depth = 0
  }

  /// Ends all that is open of a process, and forgets it.
  mutating func forget(_ index: Int) {
    for tid in tasks[index].threads.keys.sorted() { closeAll(of: tid, index) }
    end(index, nil)
    tasks.remove(index)
  }

  /// Ends all that is open of a thread, and forgets it.
  private mutating func endThread(_ tid: UInt32, of index: Int) {
    closeAll(of: tid, index)
    tasks.removeThread(tid, of: index)
  }

  private mutating func closeAll(of tid: UInt32, _ index: Int) {
    guard let thread = tasks[index].threads[tid] else { return }
    for _ in 0..<thread.depth {
      file.buffer.append(endOn: thread.track, time: time)
      tasks[index].threads[tid]?.pop()
    }
  }

  // MARK: Slices on a thread's track

  mutating func beginSlice(_ slice: ThreadSlice, _ event: DecodedEvent) {
    if event.header.pid == 0 { return appendInstant(event, on: cpuTrack(event.header.cpu)) }
    let index = process(event.process, event.comm)
    let tid = event.header.tid
    let track = thread(tid, of: index, event.comm)
    // One whose end was lost, or never came: exec and exit return to no caller.
    closeSlices(slice, of: tid, index, nil)
    guard tasks[index].threads[tid]?.push(slice) == true else {
      return appendInstant(event, on: track)
    }
    let packet = file.buffer.open(event: .sliceBegin, track: track, time: time)
    file.buffer.append(category: event.family.name)
    switch slice {
    case .life, .futex: file.buffer.append(eventName: "futex")
    case .lock: file.buffer.append(eventName: "lock wait")
    case .syscall:
      let call = event.systemCall
      if let name = call.abi.name(of: call.number) {
        file.buffer.append(eventName: name)
      } else {
        let name = "syscall \(call.number)"
        file.buffer.append(eventName: name.utf8Span.span.raw)
      }
    }
    annotate(with: event)
    file.buffer.close(packet: packet)
  }

  mutating func endSlice(_ slice: ThreadSlice, _ event: DecodedEvent) {
    if event.header.pid == 0 { return appendInstant(event, on: cpuTrack(event.header.cpu)) }
    let index = process(event.process, event.comm)
    let track = thread(event.header.tid, of: index, event.comm)
    if !closeSlices(slice, of: event.header.tid, index, event) { appendInstant(event, on: track) }
  }

  /// Closes the innermost slice of a kind and those within it.
  ///
  /// - Returns: Whether there was one.
  @discardableResult
  private mutating func closeSlices(
    _ slice: ThreadSlice, of tid: UInt32, _ index: Int, _ event: DecodedEvent?
  ) -> Bool {
    guard let thread = tasks[index].threads[tid], let depth = thread.depth(of: slice) else {
      return false
    }
    for level in (0..<depth).reversed() {
      let packet = file.buffer.open(event: .sliceEnd, track: thread.track, time: time)
      if let event, level == 0 { annotate(with: event) }
      file.buffer.close(packet: packet)
      tasks[index].threads[tid]?.pop()
    }
    return true
  }
}

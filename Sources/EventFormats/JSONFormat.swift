public import KernelEvents
package import SequencerABI

/// Events as JSON, one object a line; the keys are told in docs/json.md and schema/event.schema.json.
public struct JSONFormat: EventFormat {
  /// Bytes of a joined path, kept for the next one.
  private var directory: [UInt8] = []

  /// Makes a format.
  public init() {}

  public mutating func write(
    _ event: DecodedEvent, context: inout FormattingContext, into buffer: inout OutputBuffer
  ) {
    writeCommon(event, &context, &buffer)
    writeOwn(event, &buffer)
    buffer.append("}\n")
  }

  public mutating func write(gap: Gap, into buffer: inout OutputBuffer) {
    buffer.append("{\"type\":\"gap\"")
    if gap.cpu == Gap.unknownCPU {
      buffer.append(",\"cpu\":null")
    } else {
      buffer.append(nextKey: "cpu", gap.cpu)
    }
    writeOwn(gap, &buffer)
    buffer.append("}\n")
  }

  /// Appends what an event's kind tells beyond the keys that all lines have, as one object; `{}` where that
  /// is nothing.
  ///
  /// - Parameters:
  ///   - event: the event.
  ///   - buffer: what the object is appended to.
  public mutating func writeDetails(_ event: DecodedEvent, into buffer: inout OutputBuffer) {
    let start = buffer.count
    writeOwn(event, &buffer)
    buffer.close(objectFrom: start)
  }

  /// Appends what was lost in a gap, between which events, as one object.
  ///
  /// - Parameters:
  ///   - gap: the gap.
  ///   - buffer: what the object is appended to.
  public mutating func writeDetails(gap: Gap, into buffer: inout OutputBuffer) {
    let start = buffer.count
    writeOwn(gap, &buffer)
    buffer.close(objectFrom: start)
  }

  /// The keys of the event's kind, each with a comma before it.
  private mutating func writeOwn(_ event: DecodedEvent, _ buffer: inout OutputBuffer) {
    if let fork = event.fork {
      writeFork(fork, event, &buffer)
    } else if let exit = event.exit {
      writeExit(exit, &buffer)
    } else if let exec = event.exec {
      writeExec(exec, event, &buffer)
    } else if let layout = EventLayout.of(event.kind) {
      buffer.append(fieldsOf: event, layout, joining: &directory)
    }
  }

  private func writeOwn(_ gap: Gap, _ buffer: inout OutputBuffer) {
    buffer.append(nextKey: "lost", gap.total)
    buffer.append(",\"by_family\":")
    buffer.append(counts: gap.lost, always: [])
    buffer.append(nextKey: "after_seq", gap.afterSequence)
    buffer.append(nextKey: "before_seq", gap.beforeSequence)
  }

  public mutating func finish(into buffer: inout OutputBuffer) {}

  private func writeCommon(
    _ event: DecodedEvent, _ context: inout FormattingContext, _ buffer: inout OutputBuffer
  ) {
    let header = event.header
    buffer.append("{\"seq\":")
    buffer.append(decimal: event.sequence)
    if let timestamp = event.timestamp {
      buffer.append(nextKey: "ts", timestamp)
      buffer.append(",\"time\":\"")
      let text = context.clock.rfc3339(timestamp)
      buffer.append(text.span.raw)
      buffer.append("\"")
    } else {
      buffer.append(",\"ts\":null,\"time\":null")
    }
    buffer.append(nextKey: "cpu", UInt32(header.cpu))
    buffer.append(",\"type\":\"")
    buffer.append(event.kind.name)
    buffer.append("\"")
    buffer.append(nextKey: "pid", header.pid)
    buffer.append(nextKey: "tid", header.tid)
    buffer.append(nextKey: "start", header.processStart)
    buffer.append(nextKey: "ppid", header.parentPID)
    buffer.append(nextKey: "uid", header.uid)
    buffer.append(",")
    buffer.append(key: "comm", jsonString: event.comm)
    buffer.append(",")
    if let path = context.cgroupPath(header.cgroup) {
      buffer.append(key: "cgroup", jsonString: path.span.raw)
    } else {
      buffer.append("\"cgroup\":null")
    }
    buffer.append(nextKey: "cgroup_id", header.cgroup)
  }

  private func writeFork(
    _ fork: ForkPayload, _ event: DecodedEvent, _ buffer: inout OutputBuffer
  ) {
    buffer.append(",\"child\":{\"pid\":")
    buffer.append(decimal: fork.childPID)
    buffer.append(nextKey: "tid", fork.childTID)
    buffer.append(nextKey: "start", fork.childProcessStart)
    buffer.append(nextKey: "tid_start", fork.childThreadStart)
    buffer.append(",")
    buffer.append(key: "comm", jsonString: event.childComm)
    buffer.append(nextKey: "thread", fork.isThread)
    buffer.append("}")
    buffer.append(nextKey: "clone_flags", fork.cloneFlags)
    buffer.append(",\"clone_flag_names\":[")
    var first = true
    FlagNames.clone.forEachName(in: fork.cloneFlags) { name in
      buffer.append(first ? "\"" : ",\"")
      buffer.append(name)
      buffer.append("\"")
      first = false
    }
    buffer.append("]")
  }

  private func writeExit(_ exit: ExitPayload, _ buffer: inout OutputBuffer) {
    let status = exit.status
    buffer.append(nextKey: "code", status.code.map(UInt64.init))
    buffer.append(nextKey: "signal", status.signal.map(UInt64.init))
    if let signal = status.signal {
      buffer.append(",\"signal_name\":\"")
      buffer.append(signalName: signal)
      buffer.append("\"")
    } else {
      buffer.append(",\"signal_name\":null")
    }
    buffer.append(nextKey: "core", status.dumpedCore)
    buffer.append(nextKey: "last_thread", exit.flags.contains(.lastThread))
    buffer.append(nextKey: "runtime_ns", exit.runtime)
  }

  private mutating func writeExec(
    _ exec: ExecEvent, _ event: DecodedEvent, _ buffer: inout OutputBuffer
  ) {
    buffer.append(",")
    buffer.append(key: "exe", jsonString: exec.path)
    writeArguments(exec, &buffer)
    buffer.append(nextKey: "truncated", exec.isTruncated)
    buffer.append(nextKey: "old_tid", exec.payload.oldTID)
    buffer.append(",")
    if let components = exec.workingDirectory {
      directory.removeAll(keepingCapacity: true)
      components.append(to: &directory)
      buffer.append(key: "cwd", jsonString: directory.span.raw)
    } else {
      buffer.append("\"cwd\":null")
    }
    buffer.append(nextKey: "gid", exec.payload.after.gid)
    if let before = exec.before {
      buffer.append(",\"before\":")
      write(before, &buffer)
    } else {
      buffer.append(",\"before\":null")
    }
    buffer.append(",\"after\":")
    write(exec.payload.after, &buffer)
    buffer.append(nextKey: "inode", exec.payload.inode)
    buffer.append(",\"device\":{\"major\":")
    buffer.append(decimal: exec.payload.device >> 20)
    buffer.append(nextKey: "minor", exec.payload.device & 0xF_FFFF)
    buffer.append("}")
    buffer.append(nextKey: "fault", event.flags.contains(.fault))
  }

  private func writeArguments(_ exec: ExecEvent, _ buffer: inout OutputBuffer) {
    buffer.append(",\"args\":")
    if buffer.append(argumentsOf: exec) { return }
    writeArgumentBytes(exec, &buffer)
  }

  private func writeArgumentBytes(_ exec: ExecEvent, _ buffer: inout OutputBuffer) {
    buffer.append(",\"args_b64\":[")
    var first = true
    var again = exec.arguments
    while let argument = again.next() {
      if !first { buffer.append(",") }
      first = false
      if argument.isValidUTF8 {
        buffer.append("null")
      } else {
        buffer.append(base64String: argument)
      }
    }
    buffer.append("]")
  }

  private func write(_ credentials: Credentials, _ buffer: inout OutputBuffer) {
    buffer.append("{\"uid\":")
    buffer.append(decimal: credentials.uid)
    buffer.append(nextKey: "gid", credentials.gid)
    buffer.append(nextKey: "euid", credentials.effectiveUID)
    buffer.append(nextKey: "egid", credentials.effectiveGID)
    buffer.append(",\"cap_permitted\":\"0x")
    buffer.append(hexadecimal: credentials.permitted, digits: 16)
    buffer.append("\",\"cap_effective\":\"0x")
    buffer.append(hexadecimal: credentials.effective, digits: 16)
    buffer.append("\"}")
  }
}

extension OutputBuffer {
  /// Makes what was appended since `start`, members with a comma before each, an object.
  fileprivate mutating func close(objectFrom start: Int) {
    if count == start { append("{") } else { replaceByte(at: start, with: UInt8(ascii: "{")) }
    append("}")
  }

  /// Appends the arguments of an exec as an array of strings.
  ///
  /// - Returns: Whether all were valid UTF-8, thus whether the array tells them all.
  package mutating func append(argumentsOf exec: ExecEvent) -> Bool {
    append("[")
    var allValid = true
    var first = true
    var arguments = exec.arguments
    while let argument = arguments.next() {
      if !first { append(",") }
      first = false
      if !append(jsonString: argument) { allValid = false }
    }
    append("]")
    return allValid
  }

  /// Appends counts by family as a JSON object: those that are not zero, and those of `always`.
  package mutating func append(counts: FamilyCounts, always: [EventFamily]) {
    append("{")
    var first = true
    for index in 0..<EventFamily.count {
      let family = EventFamily(rawValue: UInt8(index))
      let wanted = family.map(always.contains) ?? false
      if counts[index: index] == 0 && !wanted { continue }
      append(first ? "\"" : ",\"")
      first = false
      if let family {
        append(family.name)
      } else {
        append("family_")
        append(decimal: UInt64(index))
      }
      append("\":")
      append(decimal: counts[index: index])
    }
    append("}")
  }

  /// Appends a signal's name: SIGKILL, SIGRTMIN+2 (as the kernel counts), or SIG99.
  package mutating func append(signalName number: UInt8) {
    let firstRealTime = NumberNames.firstRealTimeSignal
    if let name = NumberNames.signal.name(of: UInt64(number)) {
      append(name)
    } else if number >= firstRealTime, number <= 64 {
      append("SIGRTMIN")
      if number > firstRealTime {
        append("+")
        append(decimal: UInt32(number - firstRealTime))
      }
    } else {
      append("SIG")
      append(decimal: UInt32(number))
    }
  }
}

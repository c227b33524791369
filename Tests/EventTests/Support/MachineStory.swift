import KernelEvents
import RingStress
import SequencerABI
import TestSupport

/// A task of a story.
struct StoryTask: Hashable {
  var process: ProcessKey
  var tid: UInt32
  var isLeader: Bool { tid == process.pid }

  static var idle: StoryTask { StoryTask(process: ProcessKey(pid: 0, start: 0), tid: 0) }
  static func main(_ process: ProcessKey) -> StoryTask {
    StoryTask(process: process, tid: process.pid)
  }
}

/// Records of every family that has rules, by their tasks.
extension RecordBuilder {
  private static func record(
    _ kind: EventKind, _ task: StoryTask, _ payload: [UInt8], detail: UInt16 = 0
  ) -> RecordBuilder {
    .of(
      kind, by: task.process, tid: task.tid, name("task") + payload,
      flags: .detail(detail))
  }

  private static func ids(_ task: StoryTask) -> [UInt8] {
    bytesOf(task.process.pid) + bytesOf(task.tid) + bytesOf(task.process.start)
  }

  static func switched(
    _ from: StoryTask, _ to: StoryTask, state: UInt32, isPreempted: Bool = false
  ) -> RecordBuilder {
    record(
      .switched, from,
      bytesOf(state) + bytesOf(Int32(120)) + bytesOf(to.process.pid) + bytesOf(to.tid)
        + bytesOf(to.process.start) + bytesOf(Int32(120)) + bytesOf(UInt32(isPreempted ? 1 : 0))
        + name("next"))
  }
  static func wakes(
    _ task: StoryTask, _ wakee: StoryTask, on cpu: UInt16, isNew: Bool = false
  ) -> RecordBuilder {
    record(
      isNew ? .wakeupNew : .wakeup, task,
      ids(wakee) + bytesOf(UInt32(cpu)) + bytesOf(Int32(120)) + name("wakee")
        + bytesOf(UInt64(0)))
  }
  static func migrates(
    _ task: StoryTask, _ moved: StoryTask, from: UInt16, to: UInt16
  ) -> RecordBuilder {
    record(
      .migrate, task,
      ids(moved) + bytesOf(UInt32(from)) + bytesOf(UInt32(to)) + name("moved")
        + bytesOf(Int32(120)) + bytesOf(UInt32(0)))
  }
  static func enters(_ task: StoryTask, _ call: UInt16) -> RecordBuilder {
    record(.syscallEnter, task, [UInt8](repeating: 1, count: 48), detail: call)
  }
  static func leaves(_ task: StoryTask, _ call: UInt16) -> RecordBuilder {
    record(.syscallExit, task, bytesOf(Int64(0)), detail: call)
  }
  static func futex(_ task: StoryTask, isExit: Bool) -> RecordBuilder {
    record(isExit ? .futexExit : .futexEnter, task, [UInt8](repeating: 0, count: 40), detail: 202)
  }
  static func lock(_ task: StoryTask, _ lock: UInt64, isEnd: Bool) -> RecordBuilder {
    record(isEnd ? .lockAcquired : .lockWait, task, bytesOf(lock) + bytesOf(UInt64(0)))
  }
  static func signals(
    _ task: StoryTask, _ target: StoryTask, _ signal: UInt16, code: Int32
  ) -> RecordBuilder {
    record(
      .signalGenerate, task,
      ids(target) + bytesOf(signal) + [0, 1] + bytesOf(code) + bytesOf(task.process.pid)
        + bytesOf(UInt32(0)) + name("target"))
  }
  static func takes(_ task: StoryTask, _ signal: UInt16, code: Int32) -> RecordBuilder {
    record(
      .signalDeliver, task,
      bytesOf(signal) + bytesOf(UInt16(1)) + bytesOf(code) + [UInt8](repeating: 0, count: 40))
  }
  static func changes(_ task: StoryTask, uid before: UInt32, to after: UInt32) -> RecordBuilder {
    let rest = [UInt8](repeating: 0, count: 92)
    return record(
      .credentials, task,
      ids(task) + name("task") + bytesOf(UInt64(0)) + bytesOf(before) + rest + bytesOf(after)
        + rest, detail: 105)
  }
  static func enters(_ task: StoryTask, net before: UInt32, to after: UInt32) -> RecordBuilder {
    let rest = [UInt8](repeating: 0, count: 36)
    return record(
      .namespace, task,
      ids(task) + name("task") + bytesOf(before) + rest + bytesOf(after) + rest, detail: 272)
  }
}

/// A machine of a few CPUs on which tasks are made, run, sleep, are woken, call, signal and end at random, told
/// in full and in order: each record has a time of its own.
struct MachineStory {
  private struct Task {
    var parent: UInt32
    var cpu: UInt16
    var isAsleep = true
    var isNew = true
    var exited = false
    var call: UInt16?
    var waitsFor: UInt64?
    var isInFutex = false
    var pending: [UInt16] = []
    var uid: UInt32 = 0
    var net: UInt32 = 7
    var threadStart: UInt64 = 0
  }

  static let init1 = StoryTask.main(ancient)
  private var random: RandomNumbers
  private var clock: UInt64 = 10_000
  private var tasks: [StoryTask: Task] = [:]
  private var running: [StoryTask]
  private var freeIDs: [UInt32] = Array(2000..<2300)
  private(set) var records: [RecordBuilder] = []

  init(seed: UInt64, cpus: Int = 3) {
    random = RandomNumbers(seed: seed)
    running = (0..<cpus).map { _ in .idle }
    tasks[MachineStory.init1] = Task(parent: 0, cpu: 0, isAsleep: false, isNew: false)
    running[0] = MachineStory.init1
    add(.switched(.idle, MachineStory.init1, state: 0), 0)
    for cpu in 1..<UInt16(cpus) {
      // So that it is known from the start what each runs.
      add(.wakes(.idle, MachineStory.init1, on: 0), cpu)
    }
  }

  private mutating func add(_ record: RecordBuilder, _ cpu: UInt16) {
    clock += UInt64.random(in: 400...4000, using: &random)
    var record = record.on(cpu: cpu, at: clock)
    let key = ProcessKey(pid: record.header.pid, start: record.header.processStart)
    record.header.parentPID = tasks[StoryTask.main(key)]?.parent ?? 0
    records.append(record)
  }

  mutating func run(steps: Int) {
    while records.count < steps { step() }
  }

  private mutating func pick<T>(_ from: [T]) -> T? { from.randomElement(using: &random) }

  private func sorted(_ wanted: (StoryTask, Task) -> Bool) -> [StoryTask] {
    tasks.filter { wanted($0.key, $0.value) }.keys.sorted {
      ($0.process.start, $0.tid) < ($1.process.start, $1.tid)
    }
  }

  private mutating func step() {
    let cpu = UInt16.random(in: 0..<UInt16(running.count), using: &random)
    let task = running[Int(cpu)]
    if task == .idle {
      if !goOn(cpu, state: 0) { wakeSomebody(.idle, cpu) }
      return
    }
    guard var own = tasks[task] else { return }
    if let lock = own.waitsFor {
      own.waitsFor = nil
      tasks[task] = own
      return add(.lock(task, lock, isEnd: true), cpu)
    }
    if own.call == nil, let signal = own.pending.popLast() {
      tasks[task] = own
      return add(.takes(task, signal, code: -6), cpu)
    }
    switch Int.random(in: 0..<16, using: &random) {
    case 0..<4: beginOrEndCall(task, cpu)
    case 4: make(task, cpu, isThread: false)
    case 5: make(task, cpu, isThread: true)
    case 6, 7: wakeSomebody(task, cpu)
    case 8, 9:
      if task != MachineStory.init1 { _ = goOn(cpu, state: 1) }
    case 10: _ = goOn(cpu, state: 0)
    case 11: change(task, cpu)
    case 12: signal(task, cpu)
    case 13 where own.call == nil: interrupted(task, cpu)
    case 14 where task != MachineStory.init1: end(task, cpu)
    default:
      add(.lock(task, 0xF00, isEnd: false), cpu)
      tasks[task]?.waitsFor = 0xF00
    }
  }

  private mutating func beginOrEndCall(_ task: StoryTask, _ cpu: UInt16) {
    if tasks[task]?.isInFutex == true {
      add(.futex(task, isExit: true), cpu)
      tasks[task]?.isInFutex = false
    } else if let call = tasks[task]?.call {
      add(.leaves(task, call), cpu)
      tasks[task]?.call = nil
    } else {
      let call = UInt16.random(in: 0..<3, using: &random)
      add(.enters(task, call), cpu)
      tasks[task]?.call = call
      if call == 2 {
        add(.futex(task, isExit: false), cpu)
        tasks[task]?.isInFutex = true
      }
    }
  }

  private mutating func make(_ task: StoryTask, _ cpu: UInt16, isThread: Bool) {
    guard freeIDs.count > 100, !isThread || task != MachineStory.init1 else { return }
    let id = freeIDs.remove(at: Int.random(in: 0..<freeIDs.count, using: &random))
    let start = clock
    let key = isThread ? task.process : ProcessKey(pid: id, start: start)
    let made = StoryTask(process: key, tid: id)
    add(
      .fork(
        parent: task.process, parentTID: task.tid, child: key, childTID: id, threadStart: start),
      cpu)
    let parent = isThread ? tasks[.main(key)]?.parent ?? 0 : task.process.pid
    let home = UInt16.random(in: 0..<UInt16(running.count), using: &random)
    tasks[made] = Task(parent: parent, cpu: home, isAsleep: false, threadStart: start)
    add(.wakes(task, made, on: home, isNew: true), cpu)
  }

  private mutating func wakeSomebody(_ task: StoryTask, _ cpu: UInt16) {
    guard let wakee = pick(sorted { $1.isAsleep && !$1.exited }), let home = tasks[wakee]?.cpu
    else { return }
    add(.wakes(task, wakee, on: home), cpu)
    tasks[wakee]?.isAsleep = false
    let new = UInt16.random(in: 0..<UInt16(running.count), using: &random)
    if new != home {
      add(.migrates(task, wakee, from: home, to: new), cpu)
      tasks[wakee]?.cpu = new
    }
  }

  /// Switches to another task of the CPU's, or to its idle task.
  private mutating func goOn(_ cpu: UInt16, state: UInt32) -> Bool {
    let current = running[Int(cpu)]
    let others = sorted { task, own in
      own.cpu == cpu && !own.isAsleep && !own.exited && task != current
        && !running.contains(task)
    }
    let next = pick(others) ?? .idle
    if next == current || next == .idle && current == MachineStory.init1 && state == 0 {
      return false
    }
    add(.switched(current, next, state: state), cpu)
    if current != .idle, state != 0 { tasks[current]?.isAsleep = true }
    running[Int(cpu)] = next
    return true
  }

  private mutating func change(_ task: StoryTask, _ cpu: UInt16) {
    guard let own = tasks[task], own.call == nil else { return }
    if Bool.random(using: &random) {
      add(.changes(task, uid: own.uid, to: own.uid + 1), cpu)
      tasks[task]?.uid += 1
    } else {
      add(.enters(task, net: own.net, to: own.net + 1), cpu)
      tasks[task]?.net += 1
    }
  }

  private mutating func signal(_ task: StoryTask, _ cpu: UInt16) {
    guard let target = pick(sorted { $1.exited == false && $0 != MachineStory.init1 }) else {
      return
    }
    add(.signals(task, target, 10, code: -6), cpu)
    tasks[target]?.pending.append(10)
  }

  /// An interrupt between a record's claim and its clock: a later ticket with an earlier time.
  private mutating func interrupted(_ task: StoryTask, _ cpu: UInt16) {
    guard let wakee = pick(sorted { $1.isAsleep && !$1.exited }), let home = tasks[wakee]?.cpu
    else { return }
    add(.enters(task, 0), cpu)
    add(.wakes(task, wakee, on: home), cpu)
    let last = records.count - 1
    let time = records[last].header.timestamp
    records[last].header.timestamp = records[last - 1].header.timestamp
    records[last - 1].header.timestamp = time
    tasks[wakee]?.isAsleep = false
    tasks[task]?.call = 0
  }

  private mutating func end(_ task: StoryTask, _ cpu: UInt16) {
    guard let own = tasks[task], own.call == nil else { return }
    let others = sorted { $0.process == task.process && $0 != task && !$1.exited }
    // A leader waits for its threads, and a parent keeps its children: nobody is given away here.
    let children = sorted { $0.process != task.process && $1.parent == task.process.pid }
    if task.isLeader && !(others.isEmpty && children.isEmpty) { return }
    add(
      .exit(
        process: task.process, tid: task.tid,
        threadStart: task.isLeader ? task.process.start : own.threadStart,
        flags: others.isEmpty ? .lastThread : []), cpu)
    if task.isLeader {
      let parent = sorted { parent, _ in parent.isLeader && parent.process.pid == own.parent }
      if let parent = parent.first { add(.signals(task, parent, 17, code: 1), cpu) }
    }
    tasks[task]?.exited = true
    _ = goOn(cpu, state: 0x80)
    tasks[task] = nil
    freeIDs.append(task.tid)
  }
}

import SequencerABI

extension EventLayout {
  private typealias Switch = MemoryLayout<SwitchPayload>
  private typealias Wakeup = MemoryLayout<WakeupPayload>
  private typealias Migrate = MemoryLayout<MigratePayload>

  static let switched = EventLayout(
    .switched, "A CPU goes from one task, which the line is of, to another.",
    source: "sched_switch, __schedule() in kernel/sched/core.c", size: Switch.size,
    fields: [
      EventField(
        "state", at: Switch.offset(of: \.previousState), 4, .taskState,
        "State of the task that leaves: 0 runnable, else TASK_ bits of include/linux/sched.h."),
      EventField(
        "preempted", at: Switch.offset(of: \.isPreempted), 4, .boolean,
        "Whether it was preempted."),
      EventField(
        "priority", at: Switch.offset(of: \.previousPriority), 4, .signed,
        "Its priority: 0 to 99 real time, 100 to 139 the others, lower is first."),
      EventField(
        "next", at: Switch.offset(of: \.nextPID), 4,
        .task(
          tid: Switch.offset(of: \.nextTID) ?? 0,
          start: Switch.offset(of: \.nextProcessStart) ?? 0,
          comm: Switch.offset(of: \.nextComm) ?? 0),
        "The task that comes; pid 0 is the CPU's idle task."),
      EventField(
        "next_priority", at: Switch.offset(of: \.nextPriority), 4, .signed, "Its priority."),
    ], otherComm: Switch.offset(of: \.nextComm))

  static let wakeup = EventLayout(
    .wakeup, "A task is woken, by the task that the line is of or by an interrupt in its time.",
    source: "sched_waking, try_to_wake_up() in kernel/sched/core.c", size: Wakeup.size,
    fields: wakeupFields, otherComm: Wakeup.offset(of: \.wakeeComm))

  static let wakeupNew = EventLayout(
    .wakeupNew, "A new task is put on a CPU's run queue for the first time.",
    source: "sched_wakeup_new, wake_up_new_task() in kernel/sched/core.c", size: Wakeup.size,
    fields: wakeupFields, otherComm: Wakeup.offset(of: \.wakeeComm))

  private static let wakeupFields = [
    EventField(
      "wakee", at: Wakeup.offset(of: \.wakeePID), 4,
      .task(
        tid: Wakeup.offset(of: \.wakeeTID) ?? 0,
        start: Wakeup.offset(of: \.wakeeProcessStart) ?? 0,
        comm: Wakeup.offset(of: \.wakeeComm) ?? 0), "The task that is woken."),
    EventField(
      "wakee_cpu", at: Wakeup.offset(of: \.wakeeCPU), 4, .number,
      "The CPU it ran on last, or was made for; where it will run is told by migrate and switch."),
    EventField(
      "wakee_priority", at: Wakeup.offset(of: \.wakeePriority), 4, .signed, "Its priority."),
  ]

  static let migrate = EventLayout(
    .migrate, "A task is given to another CPU.",
    source: "sched_migrate_task, set_task_cpu() in kernel/sched/core.c", size: Migrate.size,
    fields: [
      EventField(
        "task", at: Migrate.offset(of: \.taskPID), 4,
        .task(
          tid: Migrate.offset(of: \.taskTID) ?? 0,
          start: Migrate.offset(of: \.taskProcessStart) ?? 0,
          comm: Migrate.offset(of: \.taskComm) ?? 0), "The task that goes."),
      EventField("from_cpu", at: Migrate.offset(of: \.fromCPU), 4, .number, "The CPU it was on."),
      EventField("to_cpu", at: Migrate.offset(of: \.toCPU), 4, .number, "The CPU it goes to."),
      EventField("priority", at: Migrate.offset(of: \.taskPriority), 4, .signed, "Its priority."),
    ], otherComm: Migrate.offset(of: \.taskComm))
}

import COrdinalSystem
import Glibc

/// Waits until no BPF program that was running when this was called runs any more.
///
/// Programs run inside an RCU read-side section; MEMBARRIER_CMD_GLOBAL waits for one grace period
/// (kernel/sched/membarrier.c). Where it is not to be had (nohz_full), a sleep far longer than any
/// program runs has to do.
func waitForPrograms() {
  if ordinal_membarrier_global() != 0 { usleep(50_000) }
}

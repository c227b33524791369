import CKit

/// Counts every fork of the machine in element 0 of `counters`.
@c @section("tp_btf/sched_process_fork") @used
public func countFork(_ context: UnsafeRawPointer) -> Int32 {
  var key: UInt32 = 0
  guard let counter = unsafe kit_map_lookup(hello_counters(), &key) else { return 0 }
  _ = unsafe kit_fetch_add(counter, hello_step())
  return 0
}

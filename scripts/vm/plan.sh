# Which machines, and how one is run. Sourced by scripts/test-vm. POSIX sh.
#
# A plan has a line a machine: run|kernel|arch|CPUs|memory|nodes|clock|steps|limit|forks. Empty: the
# default.

vm_core=doctor,programs,trace

vm_plan_one() {
  for vm_each in ${kernels:-newest}; do
    vm_wanted=${steps:-$vm_core,capture,order,recording,extras}
    if [ "$arch" = arm64 ]; then vm_wanted=${steps:-$vm_core,recording}; fi
    if [ -z "$steps" ]; then
      if [ "$hotplug" = 1 ]; then vm_wanted=$vm_wanted,hotplug; fi
      if [ -n "$numa" ]; then vm_wanted=$vm_wanted,nodes; fi
      if [ -n "$clock" ]; then vm_wanted=$vm_wanted,clock; fi
    fi
    echo "one-$vm_each|$vm_each|$arch|${cpus:-4}|$memory|$numa|$clock|$vm_wanted|$limit|$forks"
  done
}

# What ./test has time for.
vm_plan_check() { echo "check|6.12|amd64|4||||$vm_core,recording,extras|900"; }

vm_plan_quick() {
  for vm_each in 6.1 6.12 newest; do
    echo "kernel-$vm_each|$vm_each|amd64|4||||$vm_core,capture,recording|600"
  done
}

vm_plan_all() {
  # The matrix: everything, on the oldest kernel, on the long-term one and on the newest.
  echo "kernel-6.1|6.1|amd64|4||||$vm_core,capture,suites,order,recording,extras|2400"
  echo "kernel-6.12|6.12|amd64|2||||$vm_core,capture,suites,order,recording,extras|2400"
  echo "kernel-newest|newest|amd64|4||||$vm_core,capture,suites,order,recording,extras|2400"
  # The paper's table. Above 8 CPUs two of the host's can't emulate its 50,000 forks in reasonable time.
  for vm_count in 8:50000 32:20000 64:10000 128:5000 192:5000; do
    echo "cpus-${vm_count%:*}|6.12|amd64|${vm_count%:*}||||doctor,storm|5400|${forks:-${vm_count#*:}}"
  done
  echo "numa-2|6.12|amd64|8||2||doctor,nodes,capture,order|1500"
  echo "hotplug|6.12|amd64|4||||doctor,hotplug|900"
  echo "memory|6.12|amd64|2|320M|||doctor,memory|600"
  echo "clock-hpet|6.12|amd64|4|||hpet|doctor,clock,order|900"
  echo "clock-acpi_pm|6.12|amd64|4|||acpi_pm|doctor,clock|900"
  echo "arm64|6.12|arm64|4||||$vm_core,order,recording,extras|1800"
}

# Builds and fetches what all machines of the plan need.
vm_prepare() {
  set --
  command -v strip >/dev/null || set -- "$@" binutils
  if grep -qE 'suites|capture' "$vm_work/plan"; then
    command -v strace >/dev/null || set -- "$@" strace
    command -v stress-ng >/dev/null || set -- "$@" stress-ng
  fi
  (ordinal_install "$@") || return 1
  if cut -d '|' -f 3 "$vm_work/plan" | grep -q amd64; then
    vm_fetch_qemu x86_64
    vm_base amd64
    if [ -n "$program" ]; then
      cp -f "$program" "$vm_cache/ordinal"
    else
      (ordinal_build_static "$vm_cache/ordinal") || return 1
    fi
    ordinal_find_swift
    if grep -qE 'suites|capture' "$vm_work/plan"; then
      echo "test-vm: building the tests" >&2
      ordinal_swift build --package-path "$_ordinal_root" --build-tests >"$vm_cache/tests.log" 2>&1 ||
        vm_die "the tests don't build; the output is in $vm_cache/tests.log"
    fi
  fi
  if cut -d '|' -f 3 "$vm_work/plan" | grep -q arm64; then
    vm_fetch_qemu aarch64
    vm_base arm64
    vm_build_arm64 "$vm_cache/ordinal-arm64" "$vm_cache/workload-arm64"
  fi
  # Kernels before any machine runs: a mirror's trouble shows at once.
  while IFS='|' read -r _ vm_kernel vm_guest_arch _; do
    vm_fetch_kernel "$vm_kernel" "$vm_guest_arch"
  done <"$vm_work/plan"
}

# Runs the machine of $vm_run and adds its rows.
vm_one() {
  vm_fetch_kernel "$vm_kernel" "$vm_guest_arch"
  vm_folder=$vm_cache/results/$vm_run
  vm_append= vm_extra= vm_smp=$vm_cpus vm_clock="tsc=reliable"
  case $vm_guest_arch in
    amd64) vm_machine=x86_64 ;;
    arm64) vm_machine=aarch64 vm_clock= ;;
  esac
  vm_fetch_qemu "$vm_machine"
  vm_with_tests=0
  case $vm_steps in *suites* | *capture*) vm_with_tests=1 ;; esac
  if [ "$vm_guest_arch" = arm64 ]; then vm_with_tests=arm64; fi
  if [ ! -e "$vm_work/payload-$vm_with_tests.cpio" ]; then
    vm_payload "$vm_with_tests"
    mv "$vm_work/payload.cpio" "$vm_work/payload-$vm_with_tests.cpio"
    rm -rf "$vm_work/payload"
  fi
  # Rings of the transports, and per-CPU memory that grows with the CPUs.
  vm_forks=${vm_forks:-50000}
  : "${vm_memory:=$((3 + vm_cpus / 24))G}" "${vm_limit:=$((900 + vm_cpus * 15))}"
  vm_step_limit=$((vm_limit - vm_limit / 10))
  if [ -n "$vm_nodes" ]; then vm_numa; fi
  if [ -n "$vm_clock_wanted" ]; then
    vm_clock="clocksource=$vm_clock_wanted"
    vm_append="$vm_append wanted_clock=$vm_clock_wanted"
  fi
  echo "test-vm: $vm_run: Linux $vm_release, $vm_cpus CPUs, $vm_memory: $vm_steps" >&2
  vm_try=1
  until vm_boot "$vm_folder" "$vm_steps"; do
    # Before the first process ran nothing of ours can be at fault; once may be the emulation's.
    if [ "$vm_try" = 2 ] || ! vm_died_early "$vm_folder"; then break; fi
    echo "test-vm: $vm_run: died before its first process, trying once more" >&2
    vm_try=2
  done
  vm_judge
}

# The rows of the machine that ran, from its results or, where it did not end by itself, its serial line.
vm_judge() {
  vm_row="$vm_run $vm_release $vm_cpus"
  vm_up=$(tr -d '\r' <"$vm_folder/serial.log" 2>/dev/null | sed -n 's/.*VM-UP \([0-9]*\).*/\1/p' | head -n 1)
  vm_verdict=ok vm_words=
  if [ -e "$vm_folder/steps" ]; then
    sed "s/^/$vm_row /" "$vm_folder/steps" >>"$vm_rows"
  else
    vm_verdict=failed
    vm_words="ended by status $vm_boot_status, last: $(tail -n 1 "$vm_folder/serial.log" 2>/dev/null |
      tr -d '\r|' | cut -c 1-80)"
    tr -d '\r' <"$vm_folder/serial.log" 2>/dev/null | sed -n "s/^.*VM-RESULT /$vm_row /p" >>"$vm_rows"
    tail -n 20 "$vm_folder/serial.log" "$vm_folder/qemu.log" >&2 2>/dev/null
  fi
  vm_said=$(vm_complaints "$vm_folder")
  if [ -n "$vm_said" ]; then
    vm_verdict=failed
    vm_words="$vm_words the kernel said: $(echo "$vm_said" | head -n 1)"
    echo "$vm_said" >&2
  fi
  echo "$vm_row boot $vm_verdict ${vm_up:-0} $vm_words" >>"$vm_rows"
  vm_changes=$(vm_compare_programs "$vm_folder" "$vm_release") ||
    echo "$vm_row compare failed 0 programs are gone that were committed" >>"$vm_rows"
  if [ -n "$vm_changes" ]; then
    echo "test-vm: the verifier's figures on $(vm_series "$vm_release"):"
    echo "$vm_changes"
  fi
  if [ "$update" = 1 ]; then vm_update_programs "$vm_folder" "$vm_release"; fi
  grep "^$vm_run " "$vm_rows" | while read -r _ _ _ vm_step vm_verdict vm_seconds vm_words; do
    echo "  $vm_step $vm_verdict ${vm_seconds} s $vm_words" | cut -c 1-150 >&2
  done
}

# CPUs and memory in equal parts on $vm_nodes nodes.
vm_numa() {
  vm_mib=$(($(echo "$vm_memory" | sed 's/G$/*1024/; s/M$//')))
  vm_part=$((vm_mib / vm_nodes))
  vm_share=$((vm_cpus / vm_nodes))
  vm_memory=$((vm_part * vm_nodes))M
  vm_node=0
  while [ "$vm_node" -lt "$vm_nodes" ]; do
    vm_last=$(((vm_node + 1) * vm_share - 1))
    if [ "$vm_node" = $((vm_nodes - 1)) ]; then vm_last=$((vm_cpus - 1)); fi
    vm_extra="$vm_extra -object memory-backend-ram,id=node$vm_node,size=${vm_part}M \
-numa node,nodeid=$vm_node,memdev=node$vm_node,cpus=$((vm_node * vm_share))-$vm_last"
    vm_node=$((vm_node + 1))
  done
  vm_append="$vm_append nodes=$vm_nodes"
  # A socket of its own for each: CPUs of one socket on two nodes make the kernel warn.
  if [ $((vm_cpus % vm_nodes)) = 0 ]; then vm_smp="$vm_cpus,sockets=$vm_nodes"; fi
}

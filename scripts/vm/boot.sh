# Boots a virtual machine and reads what became of it. Sourced by scripts/test-vm. POSIX sh.

# Boots: $1 is the folder for the results, $2 the steps. The machine is described by vm_vmlinuz, vm_machine (x86_64),
# vm_cpus, vm_memory, vm_limit (seconds), vm_append and vm_extra (more of the kernel's arguments, and QEMU's).
# Status 0: it powered off by itself, and its results are in the folder.
vm_boot() {
  mkdir -p "$1"
  rm -rf "${1:?}"/*
  set -- "$1" "$2" "$vm_work/base-$vm_guest_arch.cpio" "$vm_work/payload-$vm_with_tests.cpio"
  case $2 in
    *extras*)
      vm_modules_image "$vm_work/modules.cpio"
      set -- "$@" "$vm_work/modules.cpio"
      ;;
  esac
  (
    vm_initrd=$1/initrd
    shift 2
    cat "$@" >"$vm_initrd"
  )
  # What tunes the emulation: no calibration against a clock that runs unevenly, one CPU after the other,
  # no watchdogs for CPUs that wait for the host.
  set -- "$1" "$2" "panic=-1 rcupdate.rcu_cpu_stall_suppress=1 nowatchdog mitigations=off audit=0 \
apparmor=0 nokaslr random.trust_cpu=on lpj=10384532 quiet loglevel=4 $vm_append \
steps=$2 limit=$vm_step_limit forks=$vm_forks"
  vm_boot_status=0
  case $vm_machine in
    x86_64)
      # shellcheck disable=SC2086 # several words
      vm_run_qemu -accel tcg,thread=multi,tb-size=512 -machine q35 -cpu max -smp "$vm_smp" \
        -m "$vm_memory" -nodefaults -display none -monitor none -no-reboot \
        -serial "file:$1/serial.log" -serial "file:$1/results.tar.gz" \
        -kernel "$vm_vmlinuz" -initrd "$1/initrd" $vm_extra \
        -append "console=ttyS0 $vm_clock no_timer_check cpuhp.parallel=0 $3" \
        >"$1/qemu.log" 2>&1 </dev/null || vm_boot_status=$?
      ;;
    aarch64)
      # shellcheck disable=SC2086
      vm_run_qemu -accel tcg,thread=multi,tb-size=512 -machine virt,gic-version=3 -cpu max,pauth-impdef=on \
        -smp "$vm_smp" -m "$vm_memory" -nodefaults -display none -monitor none -no-reboot \
        -serial "file:$1/serial.log" -serial "file:$1/results.tar.gz" \
        -kernel "$vm_vmlinuz" -initrd "$1/initrd" $vm_extra -append "console=ttyAMA0 $3" \
        >"$1/qemu.log" 2>&1 </dev/null || vm_boot_status=$?
      ;;
  esac
  rm -f "$1/initrd"
  [ "$vm_boot_status" = 0 ] && grep -q '^VM-DONE' "$1/serial.log" &&
    tar -C "$1" -xzf "$1/results.tar.gz" 2>/dev/null
}

# Whether the machine never came to its first process: what the emulation is sometimes to blame for.
vm_died_early() { ! grep -q '^VM-UP' "$1/serial.log" 2>/dev/null; }

# What the kernel complained of, one a line.
vm_complaints() {
  cat "$1/serial.log" "$1/dmesg" 2>/dev/null | tr -d '\r' |
    grep -aE 'Kernel panic|BUG:|WARNING:|Oops|general protection|soft lockup|hung_task' |
    sed 's/^\[ *[0-9.]*\] *//' | sort -u
}

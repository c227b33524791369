# The steps of ./test; sourced by it, in the repository's root.

headline() { printf '\n== %s\n' "$*"; }

# Runs a step under a headline and tells how long it took; a failure is kept in $broken.
step() {
  headline "$1"
  step_begin=$(date +%s)
  if "$2"; then step_end=ok; else
    step_end=failed
    broken="$broken $2"
  fi
  echo "== $1: $step_end, $(($(date +%s) - step_begin)) s"
}

lint() {
  set --
  for lint_path in Package.swift Sources BPF Plugins Tools Tests Examples Benchmarks Fuzz; do
    if [ -e "$lint_path" ]; then set -- "$@" "$lint_path"; fi
  done
  swift format lint --strict --parallel --recursive "$@" && lint_conventions
}

# The split into unit and kernel tests goes by names, as `swift test` can't choose by tags. A suite
# with the tag under another name would run, and fail, without root.
lint_conventions() {
  lint_found=$(grep -rlE 'tags\([^)]*\.kernel' --include='*.swift' Tests | while read -r lint_file; do
    grep -qE '(struct|class|actor|enum) [A-Za-z0-9]*KernelTests' "$lint_file" || echo "$lint_file"
  done)
  [ -z "$lint_found" ] || {
    echo "tests tagged .kernel outside of a suite named …KernelTests: $lint_found"
    return 1
  }
}

build() { ordinal_swift build --build-tests; }

check_objects() {
  [ -x scripts/check-objects.sh ] || {
    echo "scripts/check-objects.sh is not there"
    return 1
  }
  scripts/check-objects.sh
}

# Counts what draining and writing records allocates, which must be nothing. Only the optimiser's
# output says so: a debug build boxes values.
check_allocations() {
  ordinal_swift build -c release --static-swift-stdlib --product ring-benchmark &&
    "$(swift build -c release --show-bin-path)/ring-benchmark" --check-allocations
}

# Searches a model of the ring's protocol to the end, and finds each of its mutants.
check_model() {
  set --
  if [ "$long" = 1 ]; then set -- --long; fi
  scripts/check-model.sh "$@"
}

# Threads hammer the ring, and race with its consumer's sleep. The program ends with 0 only if as many
# records were delivered and all was as promised.
stress_threads() {
  stress_records=4000000
  stress_races=1000000
  if [ "$long" = 1 ]; then
    stress_records=100000000
    stress_races=4000000
  fi
  ordinal_swift build -c release --static-swift-stdlib --product ring-stress &&
    "$(swift build -c release --show-bin-path)/ring-stress" "$stress_records" "$stress_races"
}

# The same under ThreadSanitizer, with the optimiser: a debug build leaves the loads and stores to the
# standard library's code, which is not built to be watched. First the watcher must tell of a race
# that is made on purpose.
sanitize_threads() {
  sanitize_records=400000
  if [ "$long" = 1 ]; then sanitize_records=10000000; fi
  sanitize_path=.build/thread-sanitizer
  ordinal_swift build -c release --sanitize=thread --scratch-path "$sanitize_path" \
    --product ring-stress || return 1
  TSAN_OPTIONS=exitcode=66 "$sanitize_path/release/ring-stress" race >"$work/race.log" 2>&1
  sanitize_status=$?
  if [ "$sanitize_status" != 66 ] ||
    ! grep -q 'WARNING: ThreadSanitizer: data race' "$work/race.log"; then
    echo "a race made on purpose was not told of (status $sanitize_status); no other would be"
    return 1
  fi
  TSAN_OPTIONS=exitcode=66 "$sanitize_path/release/ring-stress" "$sanitize_records" 50000
}

# A few minutes of libFuzzer; it builds for itself.
fuzz() { scripts/fuzz.sh 240; }

# Runs the tests that match $1 and not $2, through the command in the rest, and adds them up.
run_tests() {
  run_name=$1
  run_filter=$2
  run_skip=$3
  shift 3
  if [ -n "$run_filter" ]; then set -- "$@" --filter "$run_filter"; fi
  if [ -n "$run_skip" ]; then set -- "$@" --skip "$run_skip"; fi
  if [ "$long" = 0 ]; then set -- "$@" --skip 'Long(Kernel)?Tests/'; fi
  set -- "$@" --xunit-output "$work/$run_name.xml"
  # Made before it is followed.
  : >"$work/$run_name.log"
  "$@" </dev/null >>"$work/$run_name.log" 2>&1 &
  run_pid=$!
  tail -f --pid="$run_pid" -n +1 "$work/$run_name.log" | quiet_lines
  wait "$run_pid"
  run_status=$?
  count_tests "$run_name"
}

# swift-testing names each test when it starts and each case of it; the ends are enough to see.
quiet_lines() { grep --line-buffered -vE '^◇|Test case passing|^Test Suite|Executed 0 tests'; }

# Adds the figures that swift-testing wrote to $passed and $failed. Its "failures" are failed
# expectations, of which a test may have many; what counts here is tests.
count_tests() {
  # Where XCTest runs too, SwiftPM gives the two names of their own.
  count_file=$work/$1-swift-testing.xml
  if [ ! -e "$count_file" ]; then count_file=$work/$1.xml; fi
  if ! grep -q '</testsuites>' "$count_file" 2>/dev/null; then
    echo "the $1 tests ended with status $run_status before they were through; the last lines above"
    echo "name what ran"
    failed=$((failed + 1))
    return 1
  fi
  count_all=$(sed -n 's/.*<testsuite .* tests="\([0-9]*\)".*/\1/p' "$count_file")
  count_skipped=$(sed -n 's/.*<testsuite .* skipped="\([0-9]*\)".*/\1/p' "$count_file")
  count_failed=$(awk '/<testcase /{seen = 0} /<failure/ && !seen {seen = 1; n++} END {print n + 0}' \
    "$count_file")
  passed=$((passed + ${count_all:-0} - count_failed))
  failed=$((failed + count_failed))
  if [ "${count_skipped:-0}" != 0 ]; then
    echo "$count_skipped of the $1 tests skipped; a test that can't run must fail"
    return 1
  fi
  # With a filter it is no failure that one of the two halves has nothing to run.
  if [ "${count_all:-0}" = 0 ] && [ -z "$filter" ]; then
    echo "no $1 test ran"
    return 1
  fi
  if [ "$run_status" != 0 ] && [ "$count_failed" = 0 ]; then
    echo "the $1 tests ended with status $run_status without naming a failed test"
    return 1
  fi
  [ "$count_failed" = 0 ] && [ "$run_status" = 0 ]
}

unit_tests() {
  run_tests unit "$filter" 'KernelTests/' swift test --skip-build --disable-xctest
}

kernel_tests() {
  kernel_filter='KernelTests/'
  # Both must match: the name of a kernel suite, and what was asked for.
  if [ -n "$filter" ]; then kernel_filter="^(?=.*KernelTests/).*(?:$filter)"; fi
  if [ "$(id -u)" = 0 ]; then
    run_tests kernel "$kernel_filter" '' swift test --skip-build --disable-xctest
  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    run_tests kernel "$kernel_filter" '' sudo -n env "PATH=$PATH" swift test --skip-build --disable-xctest
  else
    echo "kernel tests need root: run ./test as root, or allow sudo without a password"
    return 1
  fi
}

# The packages, installed into file systems that hold nothing else.
packages() {
  set -- scripts/test-package --packages "$work/packages"
  if [ "$long" = 1 ]; then set -- "$@" --debian; fi
  if [ "$(id -u)" != 0 ]; then set -- sudo -n env "PATH=$PATH" "$@"; fi
  scripts/package --output "$work/packages" --level 0 >/dev/null && "$@"
}

# One virtual machine, with --long all of them. Where the mirror is at fault nothing was tested, and nothing is said of
# the sources: that is told, and fails only what was asked to take its time.
virtual_machine() {
  vm_plan=--check
  if [ "$long" = 1 ]; then vm_plan=--all; fi
  scripts/test-vm "$vm_plan"
  vm_status=$?
  if [ "$vm_status" = 75 ] && [ "$long" = 0 ]; then
    echo "no virtual machine was run: Debian's mirror could not be reached"
    return 0
  fi
  return "$vm_status"
}

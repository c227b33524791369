#!/bin/sh
# Fuzzes what reads bytes from outside, with libFuzzer and AddressSanitizer: scripts/fuzz.sh --help

_ordinal_self=$(readlink -f -- "$0") || exit 1
_ordinal_root=$(dirname "$(dirname "$_ordinal_self")")

usage() {
  cat <<'TEXT'
usage: scripts/fuzz.sh [--pack] SECONDS [TARGET …]

Builds the fuzzer into .build/fuzz and runs each target for its share of SECONDS, on one core. Targets:
record, ring, options, text, recording; all of them where none is named. What is found grows in
.build/fuzz/inputs/TARGET, beginning with the corpus in Fuzz/. An input that breaks something is put
at .build/fuzz/found/TARGET-…; the exit status is then 1. Give it a name that says what it broke, move it to Fuzz/Findings,
and ./test replays it.

  --pack   afterwards write the smallest set of inputs that reaches as much to Fuzz/Corpus
TEXT
}

targets="record ring options text recording"
pack=0
seconds=
chosen=
for argument in "$@"; do
  case $argument in
    --help | -h)
      usage
      exit 0
      ;;
    --pack) pack=1 ;;
    record | ring | options | text | recording) chosen="$chosen $argument" ;;
    *[!0-9]* | "")
      printf 'fuzz.sh: %s is neither a number of seconds nor a target\n' "'$argument'" >&2
      usage >&2
      exit 2
      ;;
    *) seconds=$argument ;;
  esac
done
if [ -z "$seconds" ]; then
  usage >&2
  exit 2
fi
targets=${chosen:-$targets}
# shellcheck disable=SC2086 # names hold no blanks
share=$((seconds / $(set -- $targets; echo $#)))
[ "$share" -gt 0 ] || share=1

cd -- "$_ordinal_root" || exit 1
. scripts/lib.sh
ordinal_find_swift
# shellcheck disable=SC2046 # package names hold no blanks
ordinal_install $(ordinal_missing_packages)

set -- swift build -c release --scratch-path .build/fuzz --product ordinal-fuzz
ORDINAL_FUZZ=1 "$@" </dev/null || exit 1
fuzzer=$(ORDINAL_FUZZ=1 "$@" --show-bin-path </dev/null)/ordinal-fuzz
mkdir -p .build/fuzz/found
# Swift keeps what it makes once; the symboliser would wait long for a program of this size.
ASAN_OPTIONS=detect_leaks=0:symbolize=0
export ASAN_OPTIONS

# Runs one target with libFuzzer's options in $2 …
fuzz() {
  FUZZ_TARGET=$1
  export FUZZ_TARGET
  shift
  nice -n 19 "$fuzzer" -timeout=20 -rss_limit_mb=2048 "$@" </dev/null
}

failed=0
for target in $targets; do
  inputs=.build/fuzz/inputs/$target
  mkdir -p "$inputs"
  "$fuzzer" unpack "Fuzz/Corpus/$target.pack" "$inputs" || exit 1
  cp Fuzz/Findings/"$target"-* "$inputs" 2>/dev/null
  length=4096
  if [ "$target" = record ]; then length=6272; fi
  echo "== fuzz $target, $share s"
  log=.build/fuzz/$target.log
  if fuzz "$target" -max_total_time="$share" -max_len=$length -len_control=10 \
    -use_value_profile=1 -print_final_stats=1 -artifact_prefix=".build/fuzz/found/$target-" \
    "$inputs" >"$log" 2>&1; then
    grep -E '^#[0-9]+.*DONE|^Done' "$log"
  else
    failed=1
    grep -E -m 1 -A 3 'ERROR:|Fatal error' "$log"
    grep 'Test unit written' "$log"
    echo "fuzz $target: found something; all of it is in $log"
  fi
  # A run without a run is none.
  grep -q 'stat::number_of_executed_units: [1-9]' "$log" || failed=1
  if [ "$pack" = 1 ]; then
    least=.build/fuzz/least/$target
    rm -rf "$least"
    mkdir -p "$least"
    fuzz "$target" -merge=1 -max_len=$length "$least" "$inputs" >>"$log" 2>&1 || failed=1
    "$fuzzer" pack "$least" "Fuzz/Corpus/$target.pack" || failed=1
  fi
done
exit $failed

#!/bin/sh
# Builds the BPF objects anew, checks them, and compares them with BPF/Golden. Called by ./test.
#
# The check of each object (claims are fetch-adds, no lost result, no trap, no runtime remnant, no
# unresolved symbol) is part of its build; the figures it prints are each program's size.
set -eu
cd -- "$(dirname -- "$(readlink -f -- "$0")")/.."
. scripts/lib.sh
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
ordinal_swift build --product bpf-build >"$work/log" 2>&1 || {
  cat "$work/log"
  exit 1
}
tool=$(swift build --show-bin-path)/bpf-build
for manifest in BPF/bpf-build.json BPF/Attack/bpf-build.json BPF/Evaluation/bpf-build.json; do
  "$tool" build "$manifest" -o "$work"
  "$tool" golden "$manifest"
done
scripts/check-incremental.sh

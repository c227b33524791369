#!/bin/sh
# Checks the ring's protocol with spin: every run of Model/runs.txt must end as it says there.
# Called by ./test. Two runs at a time. What holds was searched to the end; what is a mutant was caught
# by the property named, or the check fails.
#
# usage: scripts/check-model.sh [--long] [NAME...]       (names of runs; default: all that are due)
set -eu
cd -- "$(dirname -- "$(readlink -f -- "$0")")/.."
self=$PWD/scripts/check-model.sh

fail() {
  printf 'check-model: %s\n' "$*" >&2
  exit 1
}

properties='no_overrun|no_torn_read|no_forged_publish|in_order_exactly_once|no_lost_wakeup'
properties="$properties|every_record_delivered|gate_open_at_rest|conservation"
properties="$properties|bound_true|gap_before_its_record|told_once"

# The figure before "states, stored" in a log.
states() { sed -n 's/^ *\([0-9][0-9.e+]*\) states, stored.*/\1/p' "$1" | head -n 1; }

# One run: --one NAME MODEL WANTED CHOICES, in the folder $MODEL_WORK. Writes NAME.result.
one() {
  name=$1 model=$2 wanted=$3
  folder=$MODEL_WORK/$name
  mkdir -p "$folder"
  log=$folder/log
  shift 3
  set -- $(printf ' -D%s' $*)
  begin=$(date +%s)
  result() { printf '%s|%s|%s|%s\n' "$1" "$name" "$2" "$(($(date +%s) - begin))" >"$folder/result"; }
  case $wanted in
    live | records_go_on) mode=-DNP search='-l -f' ;;
    *) mode=-DSAFETY search= ;;
  esac
  # The litmus tests are done before an optimiser is.
  optimise=-O1
  if [ "$model" = weak ]; then optimise=-O0; fi
  case $wanted in holds | live) search="$search -m4000000" ;; *) search="$search -n -m4000000" ;; esac
  # shellcheck disable=SC2086 # several words
  if ! (cd "$folder" && spin -P"$MODEL_CC -E -x c" "$@" -a "$OLDPWD/Model/$model.pml" &&
    "$MODEL_CC" "$optimise" -w $mode $MODEL_FLAGS -o pan pan.c) >"$log" 2>&1; then
    result bad "does not build"
    return
  fi
  # shellcheck disable=SC2086
  (cd "$folder" && timeout -k 5 "$MODEL_LIMIT" ./pan $search) >"$log" 2>&1 || true
  count=$(states "$log")
  [ -n "$count" ] || { result bad "no verdict within $MODEL_LIMIT s"; return; }
  found=$(grep -oE "assertion violated.*" "$log" | grep -oE "$properties" | head -n 1) || true
  if grep -q 'non-progress cycle (at' "$log"; then found=records_go_on; fi
  case $wanted in
    holds | live)
      if [ -n "$found" ] || ! grep -q ', errors: 0$' "$log"; then
        result bad "${found:-$(grep -m 1 '^pan:1:' "$log")}"
      elif grep -q 'max search depth\|not completed\|out of memory' "$log"; then
        result bad "the search did not end"
      elif ! grep -q '^Full statespace search' "$log"; then
        result bad "the search was not exhaustive"
      elif [ "$wanted" = holds ] && ! grep -q 'assertion violations[^-]*+' "$log"; then
        result bad "assertions were not checked"
      elif [ "$wanted" = live ] && ! grep -q 'non-progress cycles.*fairness enabled' "$log"; then
        result bad "liveness was not checked"
      else
        result good "holds, $count states"
        coverage "$folder" >"$folder/coverage"
      fi
      ;;
    *)
      if [ "$found" = "$wanted" ]; then
        result good "$found, $count states"
      else
        result bad "wanted $wanted, got ${found:-$(grep -m 1 '^pan:1:' "$log" || echo nothing)}"
      fi
      ;;
  esac
}

# For each line of the model that this run has: how many of its statements it has and never reached.
coverage() {
  (cd "$1" && ./pan -d) | grep -oE '[a-z]+\.pml:[0-9]+ => .*' | grep -vE '=> (\(1\)|else|goto .*)$' | sed 's/ .*/ has/'
  sed -nE 's|^\t.*/([a-z]+\.pml:[0-9]+), state [0-9]+, "(.*)"$|\1 \2|p' "$1/log" |
    grep -v -e ' (1)$' -e ' -end-$' | sed 's/ .*/ lacks/' || true
}

if [ "${1:-}" = --one ]; then
  shift
  one "$@"
  exit 0
fi

long=0
if [ "${1:-}" = --long ]; then
  long=1
  shift
fi
command -v spin >/dev/null || fail "spin is not installed; as root: apt-get install spin"
# pan is a C program; clang comes with Swift.
MODEL_CC=
for compiler in clang cc gcc; do
  if [ -z "$MODEL_CC" ] && command -v "$compiler" >/dev/null; then MODEL_CC=$compiler; fi
done
[ -n "$MODEL_CC" ] || fail "no C compiler; clang of the Swift toolchain would do"
# Seconds and MiB for a run. Compression of states is lossless, and slower.
MODEL_LIMIT=300
MODEL_FLAGS=-DMEMLIM=3000
if [ "$long" = 1 ]; then
  MODEL_LIMIT=3600
  MODEL_FLAGS='-DMEMLIM=8000 -DCOLLAPSE'
fi
MODEL_WORK=$(mktemp -d)
trap 'rm -rf -- "$MODEL_WORK"' EXIT
export MODEL_CC MODEL_FLAGS MODEL_LIMIT MODEL_WORK

# The code still says what the model says.
awk '
  /^#/ || /^$/ { next }
  /^= / { file = substr($0, 3); text = ""; while ((getline line <file) > 0) text = text line "\n"
    if (text == "") { print "check-model: " file " is not there"; bad = 1 }; next }
  { at = index(text, $0)
    if (!at) { print "check-model: " file " has not, or no longer in this place: " $0; bad = 1 }
    else { text = substr(text, at + length($0)); lines++ } }
  END { if (bad) print "the model follows the code: see Model/follows.txt"; exit bad || !lines }
' Model/follows.txt || fail "the code and the model have gone apart"

# The runs that are due, one a line: name|model|wanted|choices.
sed -e '/^#/d' -e '/^ *$/d' -e 's/ *| */|/g' Model/runs.txt |
  awk -F'|' -v long="$long" -v names=" $* " '
    NF != 5 { print "line " NR " of Model/runs.txt has not five fields" >"/dev/stderr"; exit 1 }
    names == "  " ? (long || $4 == "test") : index(names, " " $1 " ") {
      print $1 "|" $2 "|" $3 "|" $5 }' >"$MODEL_WORK/due"
due=$(wc -l <"$MODEL_WORK/due")
[ "$due" -gt 0 ] || fail "no run of that name"

# Two at a time, each a process of its own.
tr '|' '\n' <"$MODEL_WORK/due" | xargs -d '\n' -n 4 -P 2 "$self" --one

bad=0
good=0
while IFS='|' read -r name model wanted choices; do
  verdict='' text='no result' took=0
  if [ -e "$MODEL_WORK/$name/result" ]; then
    IFS='|' read -r verdict _ text took <"$MODEL_WORK/$name/result"
  fi
  case $wanted in holds | live) kind=protocol ;; *) kind=mutant ;; esac
  if [ "$verdict" = good ]; then good=$((good + 1)); else
    bad=$((bad + 1))
    text="FAILED: $text"
  fi
  printf '%-8s %-24s %-48s %4s s\n' "$kind" "$name" "$text" "$took"
  if [ "$verdict" != good ] && [ -e "$MODEL_WORK/$name/log" ]; then
    sed 's/^/    /' "$MODEL_WORK/$name/log" | head -n 20
  fi
done <"$MODEL_WORK/due"

# A statement that no run of the protocol reaches is checked by none.
if [ $# = 0 ]; then
  cat "$MODEL_WORK"/*/coverage |
    awk '{ lines[$1] } $2 == "has" { n[$1]++ } $2 == "lacks" { n[$1]-- }
      END { for (line in lines) if (n[line] <= 0) print line }' |
    sort -t: -k1,1 -k2n >"$MODEL_WORK/never"
  if [ -s "$MODEL_WORK/never" ]; then
    while IFS=: read -r file line; do
      printf 'never reached: %s:%s: %s\n' "$file" "$line" "$(sed -n "${line}p" "Model/$file")"
    done <"$MODEL_WORK/never"
    bad=$((bad + 1))
  fi
fi
[ "$good" -gt 0 ] || fail "nothing was checked"
[ "$bad" = 0 ] || fail "$bad of $due runs did not end as they must"
echo "check-model: $good runs, all as they must"

# Parts of steps; sourced by them.

# Reads rows of `ordinal bench` ($1, CSV): each of the sequencer's whose metric matches $2 must have the value 0, and
# there must be more than four. Tells how many, in the words $3.
all_zero() {
  awk -F, -v wanted="$2" -v words="$3" '
    /^#/ {next}
    !columns {for (columns = 1; columns <= NF; columns++) at[$columns] = columns; next}
    $at["transport"] == "sequencer" && $at["metric"] ~ wanted {
      rows++
      if ($at["value"] + 0 != 0) {bad++; print "not 0:", $0}
    }
    END {print rows + 0, words ",", bad + 0, "broken"; exit !(rows > 4 && !bad)}' "$1"
}

# Runs kernel tests of the debug build: $1 is the filter, $2 what is skipped. What passed goes to the serial line as it
# does; the whole log to the results, also where time runs out.
run_suites() {
  cd /payload || exit 1
  mkdir -p "$(cat /payload/sources)" && cp -R /payload/schema "$(cat /payload/sources)/" || exit 1
  : >/results/tests.log
  tail -f /results/tests.log | awk '/Test|Suite/ && !/started|case/ {print; fflush()}' >/dev/console &
  suites_progress=$!
  ./ordinalPackageTests.xctest --testing-library swift-testing --filter "$1" --skip "$2" \
    >/results/tests.log 2>&1
  suites_status=$?
  kill "$suites_progress"
  # Names of cases that merely began are many.
  grep -vE '^◇|Test case passing' /results/tests.log
  # The last line is the step's word for the table: no test run is a failure too.
  grep -E '^✔ Test run with [1-9][0-9]* tests' /results/tests.log | tail -n 1 && [ "$suites_status" = 0 ]
}

# Tables of what virtual machines showed. Sourced by scripts/test-vm. POSIX sh.

# The series of a release: 6.12 of 6.12.117+deb13-cloud-amd64, 6.12-arm64 of the same for arm64.
vm_series() { printf '%s\n' "$1" | sed 's/^\([0-9]*\.[0-9]*\).*-\(arm64\)$/\1-\2/; t; s/^\([0-9]*\.[0-9]*\).*/\1/'; }

# Compares the programs of a run ($1: its folder, $2: the kernel's release) with the committed figures: a line for
# each that differs. Status 1 if one that was there is not any more.
vm_compare_programs() {
  [ -s "$1/programs.tsv" ] || return 0
  awk -F '\t' -v series="$(vm_series "$2")" '
    # family, program, instructions, processed, states, peak; in the committed file behind the series.
    FNR == NR {if ($1 == series) {old[$2 " " $3] = $5; count++} next}
    {
      name = $1 " " $2
      if (!(name in old)) {if (count) {print "  new: " name ": " $4 " instructions processed"} next}
      seen[name] = 1
      if ($4 + 0 != old[name] + 0) {
        changed++
        if ($4 > old[name] * 1.1 || $4 < old[name] * 0.9)
          printf "  %s: %d instructions processed, committed %d (%+.0f %%)\n", name, $4, old[name],
            ($4 / old[name] - 1) * 100
      }
    }
    END {
      for (name in old) if (!(name in seen)) {print "  gone: " name; gone = 1}
      if (!count) print "  no figures of " series " are committed"
      else if (changed) print "  " changed " of " count " differ from the committed figures"
      exit gone
    }' "$vm_committed" "$1/programs.tsv"
}

# Puts a run's programs into the committed figures, in place of those of its series.
vm_update_programs() {
  [ -s "$1/programs.tsv" ] || return 0
  vm_new=$vm_work/programs.tsv
  {
    printf 'kernel\tfamily\tprogram\tinstructions\tprocessed\tstates\tpeak\n'
    awk -F '\t' -v series="$(vm_series "$2")" 'NR > 1 && $1 != series' "$vm_committed"
    sed "s/^/$(vm_series "$2")	/" "$1/programs.tsv"
  } >"$vm_new"
  { head -n 1 "$vm_new" && tail -n +2 "$vm_new" | LC_ALL=C sort -s -t '	' -k 1,1V; } >"$vm_committed"
}

# Writes the verifier's figures of all kernels side by side, a line a program.
vm_programs_table() {
  awk -F '\t' '
    NR == 1 {next}
    !($1 in kernels) {kernels[$1] = ++count; order[count] = $1}
    {
      key = $2 " | `" $3 "`"
      if (!(key in lines)) {lines[key] = ++rows; name[rows] = key; size[rows] = $4}
      cell[key, $1] = $5 " / " $6
    }
    END {
      printf "| family | program | instructions |"
      for (i = 1; i <= count; i++) printf " %s |", order[i]
      printf "\n|---|---|---:|"
      for (i = 1; i <= count; i++) printf "---:|"
      print ""
      for (row = 1; row <= rows; row++) {
        printf "| %s | %s |", name[row], size[row]
        for (i = 1; i <= count; i++)
          printf " %s |", ((name[row], order[i]) in cell) ? cell[name[row], order[i]] : "–"
        print ""
      }
    }' "$vm_committed"
}

# The rows of $vm_rows, "run kernel CPUs step verdict seconds word…", in columns.
vm_summary() {
  awk 'BEGIN {printf "%-18s %-30s %5s  %-10s %-7s %8s  %s\n", "RUN", "KERNEL", "CPUS", "STEP", "VERDICT", "SECONDS", ""}
    {
      words = ""
      for (i = 7; i <= NF; i++) words = words " " $i
      printf "%-18s %-30s %5s  %-10s %-7s %8s %s\n", $1, $2, $3, $4, $5, $6, substr(words, 1, 90)
    }' "$vm_rows"
}

# The same as Markdown, a line a run.
vm_markdown() {
  echo '| run | kernel | CPUs | steps (seconds in the guest) | verdict |'
  echo '|---|---|---:|---|---|'
  awk '
    !($1 in runs) {runs[$1] = ++count; name[count] = $1; kernel[count] = $2; cpus[count] = $3}
    {
      row = runs[$1]
      if ($5 == "failed") bad[row] = bad[row] " " $4
      if ($4 != "boot" || $5 == "failed") steps[row] = steps[row] (steps[row] ? ", " : "") $4 " " $6
    }
    END {
      for (row = 1; row <= count; row++)
        printf "| %s | %s | %s | %s | %s |\n", name[row], kernel[row], cpus[row], steps[row],
          bad[row] ? "failed:" bad[row] : "ok"
    }' "$vm_rows"
}

# What step storm captured, as the paper's table 5.2 has it: the arguments are files of `bench capture --csv`, in the
# order of their CPUs.
vm_capture_table() {
  for vm_title in "forks:Equal bytes" \
    "paper_forks:The paper's sizes (128 MiB; 8 and 64 KiB a CPU for its perf buffers)" \
    "paper_printed:The same, a line written for each event, as the paper's perf program did"; do
    printf '\n%s\n\n' "${vm_title#*:}"
    echo '| CPUs | transport | offered | delivered | captured | told as lost | without account | order violations |'
    echo '|---:|---|---:|---:|---:|---:|---:|---:|'
    for vm_file in "$@"; do
      awk -F, -v workload="${vm_title%%:*}" '
        /^#/ {next}
        !columns {for (columns = 1; columns <= NF; columns++) at[$columns] = columns; next}
        {
          metric = $at["metric"]
          if (!sub("_" workload "$", "", metric) || metric ~ /_paper$/) next
          name = $at["transport"]
          if (!(name in rows)) {rows[name] = ++count; order[count] = name}
          value[name, metric] = $at["value"]
          cpus = $at["cpus"]
        }
        END {
          for (row = 1; row <= count; row++) {
            name = order[row]
            share = value[name, "delivered"] / value[name, "offered"]
            # Never "100 %" where something is missing.
            percent = share == 1 ? "100 %" : sprintf("%.2f %%", int(share * 10000) / 100)
            printf "| %d | %s | %d | %d | %s | %d | %d | %d |\n", cpus, name, value[name, "offered"],
              value[name, "delivered"], percent, value[name, "lost"], value[name, "unaccounted"],
              value[name, "violations"]
          }
        }' "$vm_file"
    done
  done
}

# Sourced by the scripts that install, build, start and test. A step is one command whose output goes to a log of its own. One
# line is printed for each step: its name, its progress, and its time. When a step fails, the end of its log and the log's path
# are printed, and the script ends.

export PATH=$PATH:/usr/sbin:/sbin # where an ordinary user does not look, and some of the tests' servers are
logs=${PORTCULLIS_LOGS:-build/logs}
mkdir -p "$logs"

# The progress of the command that writes the log $1: "120 of 243" from ninja and clang-tidy, "62%" from pytest and apt.
progress_of() {
  tail -c 2000 "$1" 2>/dev/null | tr '\r' '\n' | grep -aoE '\[ *[0-9]+(/[0-9]+|%)\]|(dl|pm)status:[^:]*:[0-9]+' | tail -n 1 |
    sed -E 's/\[ *([0-9]+)\/([0-9]+)\]/\1 of \2/; s/\[ *([0-9]+%)\]/\1/; s/.*status:[^:]*:([0-9]+)/\1%/' || true
}

# The result of a test run: the number of passed tests, and the names of flaky tests.
outcome_of() {
  grep -aE '^flaky: |^=* ?[0-9]+ passed|passed, [0-9]+ failed' "$1" | tail -n 4 || true
}

log_of() {
  printf '%s/%s.log' "$logs" "$(tr -cs 'a-zA-Z0-9' '-' <<<"$1" | sed 's/^-//; s/-$//')"
}

# Ends the process $1 and its descendants. Each process is stopped before its children are searched: a shell whose command has
# ended would otherwise start the next command.
end_tree() {
  local child
  kill -STOP "$1" 2>/dev/null || return 0
  for child in $(cat /proc/"$1"/task/*/children 2>/dev/null); do end_tree "$child"; done
  kill "$1" 2>/dev/null || true
  kill -CONT "$1" 2>/dev/null || true
}

# step TITLE COMMAND...: runs the command to its end, and shows its progress on a terminal.
step() {
  local title=$1 log started=$SECONDS status=0 process
  shift
  log=$(log_of "$title")
  "$@" >"$log" 2>&1 </dev/null &
  process=$!
  # Background processes do not receive Ctrl-C.
  trap 'end_tree "$process"; exit 130' INT TERM
  if [[ -t 1 ]]; then
    while kill -0 "$process" 2>/dev/null; do
      printf '\r\e[K%-34s %-14s %4d s' "$title" "$(progress_of "$log")" $((SECONDS - started))
      sleep 0.3
    done
    printf '\r\e[K'
  fi
  wait "$process" || status=$?
  trap - INT TERM
  if ((status != 0)); then
    printf '%-34s failed after %d s\n' "$title" $((SECONDS - started))
    tail -n "${PORTCULLIS_LOG_LINES:-60}" "$log" | sed 's/^/  | /'
    echo "the whole output of this step is in $log"
    return "$status"
  fi
  printf '%-34s %-14s %4d s\n' "$title" "done" $((SECONDS - started))
  outcome_of "$log"
}

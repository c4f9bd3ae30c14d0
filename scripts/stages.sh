# Sourced by scripts/test.sh after steps.sh. A stage is one command with a log of its own. A lane is a function that runs stages
# one after the other; lanes run side by side. The files of a stage are build/logs/NAME.log, and in build/logs/stages/
# NAME.started (seconds since 1970) and NAME.ended (exit status, seconds that it took).

stages=$logs/stages
stage_limit=2400 # seconds: more than twice what the longest takes

wants() { [[ " ${wanted[*]} " == *" $1 "* ]]; }

# stage NAME COMMAND...: runs one stage of a lane. A failed stage does not end its lane: stages that depend on it call
# `ended_well`.
stage() {
  local name=$1 started status=0
  shift
  started=$(date +%s)
  echo "$started" >"$stages/$name.started"
  "$@" >"$logs/$name.log" 2>&1 </dev/null &
  wait_at_most "$stage_limit" $! || status=$?
  if ((status == 124)); then echo "ended after $stage_limit s, the limit of a stage" >>"$logs/$name.log"; fi
  echo "$status $(($(date +%s) - started))" >"$stages/$name.ended.new"
  mv "$stages/$name.ended.new" "$stages/$name.ended"
}

# wait_at_most SECONDS PROCESS: returns the exit status of that child; 124 when the child was ended after the timeout.
wait_at_most() {
  local timer status=0
  {
    sleep "$1"
    end_tree "$2"
  } >/dev/null 2>&1 &
  timer=$!
  wait "$2" || status=$?
  if lives "$timer" "$BASHPID"; then end_tree "$timer"; else status=124; fi
  wait "$timer" 2>/dev/null || true
  return "$status"
}

# Waits for the end of a stage that another lane runs; true when it succeeded. False when the other lanes have ended
# without running it.
ended_well() {
  local status
  until [[ -e $stages/$1.ended ]]; do
    if ! other_lane_lives && [[ ! -e $stages/$1.ended ]]; then return 1; fi
    sleep 1
  done
  read -r status _ <"$stages/$1.ended"
  ((status == 0))
}

# Each lane writes the number of its process before it begins, and NAME.complete when it has run its stages. The lanes ask all
# the time, so this starts no process: it would take a part of the cores from the stages.
other_lane_lives() {
  local file files=("$stages"/*.lane)
  ((${#files[@]} == lane_count)) || return 0
  for file in "${files[@]}"; do
    if [[ $(<"$file") != "$BASHPID" ]] && lane_lives "$file"; then return 0; fi
  done
  return 1
}
# The lane's process may have ended without completing it; its number may then be another process's.
lane_lives() { [[ ! -e ${1%.lane}.complete ]] && lives "$(<"$1")" $$; }

# lives PROCESS PARENT: true unless the process has ended. An ended process that was not waited for is a zombie, and counts as
# ended.
lives() {
  local line state parent
  { read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
  read -r state parent _ <<<"${line##*) }" # after the name of the command, which may have spaces
  [[ $state != Z && $parent == "$2" ]]
}

# Prints a line for each running stage: its name, its progress, its time.
show_running() {
  local file name
  for file in "$stages"/*.started; do
    [[ -e $file ]] || continue
    name=$(basename "$file" .started)
    [[ -e $stages/$name.ended ]] && continue
    printf '  %-22s %-14s %4d s\n' "$name" "$(progress_of "$logs/$name.log")" $(($(date +%s) - $(<"$file")))
  done
}

# Prints the stages that have ended since the last call; for a failed one also the end of its log.
show_ended() {
  local file name status seconds
  for file in "$stages"/*.ended; do
    [[ -e $file ]] || continue
    name=$(basename "$file" .ended)
    [[ -e $stages/$name.shown ]] && continue
    read -r status seconds <"$file"
    touch "$stages/$name.shown"
    if ((status == 0)); then
      printf '%-24s %-14s %4d s\n' "$name" "passed" "$seconds"
      outcome_of "$logs/$name.log"
    else
      printf '%-24s %-14s %4d s\n' "$name" "FAILED" "$seconds"
      tail -n "${PORTCULLIS_LOG_LINES:-150}" "$logs/$name.log" | sed 's/^/  | /'
      echo "the whole output of this stage is in $logs/$name.log"
    fi
  done
}

any_lane_lives() {
  local file
  for file in "$stages"/*.lane; do
    if lane_lives "$file"; then return 0; fi
  done
  return 1
}

# Ends all running lanes.
end_lanes() {
  local file
  for file in "$stages"/*.lane; do
    if [[ -e $file ]] && lane_lives "$file"; then end_tree "$(<"$file")"; fi
  done
}

# run_lanes FUNCTION...: runs the lanes to their ends, shows their progress, and prints the table of stages. Returns 1 when a
# stage failed or did not end, a lane ended early, or one of the stages `expected` did not run.
run_lanes() {
  local lane began=$SECONDS told=$SECONDS drawn=0 failed=0 file name status seconds
  rm -rf "$stages"
  mkdir -p "$stages"
  # The lanes end with this script, however it ends, for example because of a full disk.
  trap end_lanes EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  lane_count=$#
  for lane in "$@"; do
    (
      "$lane"
      touch "$stages/$lane.complete"
    ) &
    echo $! >"$stages/$lane.lane"
  done
  while any_lane_lives; do
    if [[ -t 1 ]]; then
      ((drawn == 0)) || printf '\e[%dA\e[J' "$drawn"
      show_ended
      show_running >"$stages/running"
      cat "$stages/running"
      drawn=$(wc -l <"$stages/running")
      sleep 0.5
    else
      show_ended
      if ((SECONDS - told >= 30)); then
        show_running
        told=$SECONDS
      fi
      sleep 1
    fi
  done
  ((drawn == 0)) || printf '\e[%dA\e[J' "$drawn"
  show_ended
  for file in "$stages"/*.lane; do
    if [[ ! -e ${file%.lane}.complete ]]; then
      echo "$(basename "$file" .lane): ended early"
      failed=1
    fi
  done
  for name in "${expected[@]}"; do
    if [[ ! -e $stages/$name.ended ]]; then
      echo "$name: did not run to its end"
      failed=1
    fi
  done
  printf '\n%-24s %s\n' "stage" "seconds"
  for file in $(ls -tr "$stages"/*.ended 2>/dev/null); do
    name=$(basename "$file" .ended)
    read -r status seconds <"$file"
    printf '%-24s %7d%s\n' "$name" "$seconds" "$( ((status == 0)) || echo '  FAILED')"
    if ((status != 0)); then failed=1; fi
  done
  printf '%-24s %7d\n' "in all" $((SECONDS - began))
  for file in "$stages"/*.ended; do
    grep -ahE '^flaky: ' "$logs/$(basename "$file" .ended).log" 2>/dev/null || true
  done
  if ((failed)); then
    echo "a stage failed: ${wanted[*]}"
    return 1
  fi
  echo "all stages passed: ${wanted[*]}"
}

#!/bin/sh
# Times a command, or two against each other by turns. AI_SDLC_PARAM_RUN, _AGAINST, _TIMES, _WARM_UP.
# Exit: 0 measured, 1 a command failed, 2 bad input.
set -u
unset CDPATH
LC_ALL=${LC_ALL:-C}

fail() {
  printf 'benchmarking: %s\n' "$*" >&2
  exit 2
}
number() {
  case $2 in
    '' | *[!0-9]* | ????????*) fail "$1 is a number, not $2" ;;
  esac
  { [ "$2" -ge "$3" ] && [ "$2" -le "$4" ]; } || fail "$1 is between $3 and $4, not $2"
}

run=${AI_SDLC_PARAM_RUN:-}
against=${AI_SDLC_PARAM_AGAINST:-}
times=${AI_SDLC_PARAM_TIMES:-10}
warm_up=${AI_SDLC_PARAM_WARM_UP:-1}
own=${AI_SDLC_SKILL_DIR:-$(dirname "$0")}
[ -n "$run" ] || fail 'run is missing: the command to time'
number times "$times" 3 1000
number warm_up "$warm_up" 0 100

work=$(mktemp -d "${TMPDIR:-/tmp}/benchmarking.XXXXXX") || fail 'no temporary folder could be made'
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM

# Not every date knows parts of a second.
case $(date +%N) in
  *[!0-9]* | '')
    if command -v perl >/dev/null 2>&1; then
      now() { perl -MTime::HiRes=time -e 'printf "%.9f\n", time'; }
    else
      echo 'whole seconds only: neither date nor perl knows parts of one here'
      now() { date +%s; }
    fi
    ;;
  *) now() { date +%s.%N; } ;;
esac

once() {
  began=$(now)
  sh -c "$2" >"$work/out" 2>&1 </dev/null
  code=$?
  ended=$(now)
  if [ "$code" -ne 0 ]; then
    tail -n 15 "$work/out" | cut -c 1-300 | sed 's/^/  | /'
    printf 'benchmarking: %s exited %d: what fails is not measured\n' "$1" "$code" >&2
    exit 1
  fi
  [ "$3" = cold ] || echo "$1 $began $ended" >>"$work/times"
}

n=0
while [ "$n" -lt "$warm_up" ]; do
  once run "$run" cold
  [ -z "$against" ] || once against "$against" cold
  n=$((n + 1))
done
# By turns, so that what else the machine does falls on both; the first changes, so that neither is always second.
n=0
while [ "$n" -lt "$times" ]; do
  if [ -z "$against" ]; then
    once run "$run" warm
  elif [ $((n % 2)) -eq 0 ]; then
    once run "$run" warm
    once against "$against" warm
  else
    once against "$against" warm
    once run "$run" warm
  fi
  n=$((n + 1))
done
LC_ALL=C awk -f "$own/bench.awk" "$work/times"

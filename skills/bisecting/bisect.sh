#!/bin/sh
# Finds the first bad commit in a throw-away clone. AI_SDLC_PARAM_GOOD, _BAD, _RUN.
# Exit: 0 found, 1 not told apart or not found, 2 bad input.
set -u
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE CDPATH

fail() {
  code=$1
  shift
  printf 'bisecting: %s\n' "$*" >&2
  exit "$code"
}

good=${AI_SDLC_PARAM_GOOD:-}
bad=${AI_SDLC_PARAM_BAD:-HEAD}
run=${AI_SDLC_PARAM_RUN:-}
[ -n "$good" ] || fail 2 'good is missing: a commit where it still worked'
[ -n "$run" ] || fail 2 'run is missing: a command that exits 0 where it works'
top=$(git rev-parse --show-toplevel 2>/dev/null) || fail 2 'this folder is in no git repository with files'
prefix=$(git rev-parse --show-prefix)

commit() {
  case $1 in
    -*) fail 2 "$1 is no commit" ;;
  esac
  git rev-parse --verify --quiet "$1^{commit}" || fail 2 "$1 is no commit of this repository"
}
good_id=$(commit "$good") || exit 2
bad_id=$(commit "$bad") || exit 2
[ "$good_id" != "$bad_id" ] || fail 2 "$good and $bad are the same commit"
git merge-base "$good_id" "$bad_id" >/dev/null || fail 2 "$good and $bad have no history in common"

work=$(mktemp -d "${TMPDIR:-/tmp}/bisecting.XXXXXX") || fail 2 'no temporary folder could be made'
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM

# --shared: no object is copied, and nothing is written to the repository itself.
git clone -q --shared --no-checkout --template= -- "$top" "$work/clone" 2>"$work/told" ||
  fail 1 "the repository could not be cloned: $(tail -n 1 "$work/told")"
cd "$work/clone" || exit 1
git config core.hooksPath /dev/null
git config advice.detachedHead false

cat >"$work/step.sh" <<'STEP'
cd "$2" 2>/dev/null || exit 125
sh -c "$BISECTING_RUN" >"$1/last" 2>&1 </dev/null
code=$?
cd "$1/clone" || exit 128
tail -n 20 "$1/last" >"$1/out.$(git rev-parse HEAD)"
git reset -q --hard && git clean -qfd || exit 128
# What bisecting would give up at counts as bad: a crash is one.
[ "$code" -lt 128 ] || code=1
[ "$code" -ne 126 ] && [ "$code" -ne 127 ] || code=125
exit "$code"
STEP
export BISECTING_RUN="$run"
step() {
  sh "$work/step.sh" "$work" "$work/clone/$prefix" </dev/null
}
output() {
  [ -s "$work/out.$1" ] && sed 's/^/  | /' "$work/out.$1" | cut -c 1-300
}

git checkout -q --detach "$good_id" 2>"$work/told" || fail 1 "$(tail -n 1 "$work/told")"
step
code=$?
if [ "$code" -ne 0 ]; then
  output "$good_id"
  fail 1 "the command does not succeed at the good commit $good ($code): it must tell good from bad"
fi
git checkout -q --detach "$bad_id" 2>"$work/told" || fail 1 "$(tail -n 1 "$work/told")"
step
code=$?
case $code in
  0) fail 1 "the command succeeds at the bad commit $bad too: it does not show what broke" ;;
  125)
    output "$bad_id"
    fail 1 "the command cannot be run at the bad commit $bad"
    ;;
esac

printf 'commits to search: %s\n' "$(git rev-list --count "$good_id..$bad_id")"
git bisect start "$bad_id" "$good_id" -- >"$work/told" 2>&1 || fail 1 "$(tail -n 1 "$work/told")"
git bisect run sh "$work/step.sh" "$work" "$work/clone/$prefix" >"$work/told" 2>&1
code=$?
steps=$(git bisect log | grep -c -E '^git bisect (good|bad|skip)')
first=$(git rev-parse --verify --quiet refs/bisect/bad)
if [ "$code" -ne 0 ] || [ -z "$first" ]; then
  git bisect log | sed -n 's/^# possible first bad commit/possible/p' | head -n 30
  fail 1 "no single commit was found after $steps steps: commits that exit 125 were skipped"
fi
printf 'commands run: %s\n\nfirst bad commit:\n' "$steps"
git --no-pager log -1 --no-color --date=short --format='  %H%n  %an, %ad%n  %s' "$first"
git --no-pager log -1 --format='%b' "$first" | sed '/^$/d; s/^/  /' | head -n 20
git --no-pager show --no-color --format= --stat=100 --stat-count=20 "$first" | sed 's/^/ /'
if [ -s "$work/out.$first" ]; then
  printf '\nwhat the command said there:\n'
  output "$first"
fi
exit 0

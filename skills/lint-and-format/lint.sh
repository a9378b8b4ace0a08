#!/bin/sh
# Finds the formatters and linters that a folder is set up for, and lists, runs or applies them.
# AI_SDLC_PARAM_ACTION, _BASE, _PATH.
# Exit: 0 all content, 1 findings, 2 bad input, 3 no finding, but something could not be run.
set -u
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE CDPATH

fail() {
  printf 'lint-and-format: %s\n' "$*" >&2
  exit 2
}

action=${AI_SDLC_PARAM_ACTION:-check}
base=${AI_SDLC_PARAM_BASE:-}
path=${AI_SDLC_PARAM_PATH:-.}
own=$(cd -- "${AI_SDLC_SKILL_DIR:-$(dirname "$0")}" && pwd) || fail 'the skill has no folder'
case $action in
  list | check | fix) ;;
  *) fail "action is list, check or fix, not $action" ;;
esac
case $path in
  /*) ;;
  *) path=./$path ;;
esac
[ -d "$path" ] || fail "there is no folder $path"
cd -- "$path" || fail "$path cannot be entered"
base_id=
if [ -n "$base" ]; then
  case $base in
    -*) fail "$base is no commit" ;;
  esac
  base_id=$(git rev-parse --verify --quiet "$base^{commit}") || fail "$base is no commit of this repository"
  base_id=$(git merge-base "$base_id" HEAD 2>/dev/null || echo "$base_id")
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/lint-and-format.XXXXXX") || fail 'no temporary folder could be made'
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
# What the project installed comes before what the machine has.
PATH=$PWD/node_modules/.bin:$PWD/.venv/bin:$PWD/venv/bin:$PATH
export PATH

cat >"$work/each.sh" <<'EACH'
# Names with ./ before them are no options.
command=$1
shift
for file do
  shift
  [ ! -f "./$file" ] || set -- "$@" "./$file"
done
[ $# -eq 0 ] || eval "$command \"\$@\""
EACH

# Files of these patterns that were changed since the base, or all there are.
files() {
  if [ -n "$base_id" ]; then
    git diff -z --name-only --relative --diff-filter=d "$base_id" -- "$@"
    git ls-files -z --others --exclude-standard -- "$@"
  else
    git ls-files -z --cached --others --exclude-standard -- "$@"
  fi
}

ran=0 bad=0 absent=0
# name, program, command that checks, command that mends ('' for none), then patterns of files ('' for the whole).
tool() {
  name=$1 program=$2 check=$3 fix=$4
  shift 4
  command=$check
  [ "$action" != fix ] || command=$fix
  if [ "$action" = list ]; then
    printf '%-14s %-50s %s\n' "$name" "$check" "${fix:-(mends nothing)}"
    ran=$((ran + 1))
    return
  fi
  [ -n "$command" ] || return 0
  if ! command -v "$program" >/dev/null 2>&1; then
    printf '%-14s not run: %s is not installed here\n' "$name" "$program"
    absent=$((absent + 1))
    return
  fi
  if [ $# -eq 0 ]; then
    sh -c "$command" >"$work/out" 2>&1 </dev/null
  else
    files "$@" >"$work/files" 2>/dev/null
    if [ ! -s "$work/files" ]; then
      printf '%-14s nothing to look at\n' "$name"
      return
    fi
    xargs -0 sh "$work/each.sh" "$command" <"$work/files" >"$work/out" 2>&1
  fi
  code=$?
  ran=$((ran + 1))
  if [ "$code" -eq 0 ]; then
    printf '%-14s content\n' "$name"
  else
    bad=$((bad + 1))
    printf '%-14s findings: %s\n' "$name" "$command"
    head -n 40 "$work/out" | cut -c 1-300 | sed 's/^/  | /'
    more=$(($(grep -c '' "$work/out") - 40))
    [ "$more" -le 0 ] || printf '  and %d more lines\n' "$more"
  fi
}

# shellcheck source=skills/lint-and-format/tools.sh
. "$own/tools.sh"

if [ -f package.json ]; then
  awk -f "$own/scripts.awk" <package.json | head -n 12
fi
for file in Makefile justfile Taskfile.yml; do
  [ ! -f "$file" ] || grep -E '^ *(lint|fmt|format|check|typecheck)[a-z-]*( |:)' "$file" | head -n 6 | sed "s/^ */own target     $file: /" | cut -c 1-160
done
[ ! -f .pre-commit-config.yaml ] || echo 'own hooks      pre-commit run --all-files (it installs its tools from the network the first time)'
if [ $((ran + absent)) -eq 0 ]; then
  echo 'no formatter or linter that is known here is set up'
  exit 0
fi
[ "$bad" -eq 0 ] || exit 1
[ "$absent" -eq 0 ] || exit 3

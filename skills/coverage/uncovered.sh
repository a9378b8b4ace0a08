#!/bin/sh
# Says which changed lines no test reaches. AI_SDLC_PARAM_REPORT, _FORMAT, _BASE, _MOST.
# Exit: 0 all are reached, 1 some are not, 2 bad input.
set -u
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES CDPATH
LC_ALL=C
export LC_ALL

fail() {
  printf 'coverage: %s\n' "$*" >&2
  exit 2
}

report=${AI_SDLC_PARAM_REPORT:-}
format=${AI_SDLC_PARAM_FORMAT:-auto}
base=${AI_SDLC_PARAM_BASE:-HEAD}
most=${AI_SDLC_PARAM_MOST:-50}
own=$(cd -- "${AI_SDLC_SKILL_DIR:-$(dirname "$0")}" && pwd) || fail 'the skill has no folder'
[ -n "$report" ] || fail 'report is missing: the file that the coverage tool wrote'
case $most in
  '' | *[!0-9]* | ????????*) fail "most is a number, not $most" ;;
esac
case $report in
  /*) ;;
  *) report=$PWD/$report ;;
esac
[ -f "$report" ] || fail "there is no file $report"
[ -r "$report" ] || fail "$report cannot be read"
if [ "$format" = auto ]; then
  start=$(head -c 4000 <"$report" | tr -d '\000')
  case $start in
    'mode: '*) format=go ;;
    *'<coverage'*) format=cobertura ;;
    *'<report'*) format=jacoco ;;
    'TN:'* | 'SF:'*) format=lcov ;;
    *) fail "$report is neither lcov nor Cobertura nor JaCoCo nor a Go profile" ;;
  esac
fi
case $format in
  lcov | cobertura | jacoco | go) ;;
  *) fail "format is auto, lcov, cobertura, jacoco or go, not $format" ;;
esac

top=$(git rev-parse --show-toplevel 2>/dev/null) || fail 'this folder is in no git repository with files'
case $base in
  -*) fail "$base is no commit" ;;
esac
base_id=$(git rev-parse --verify --quiet "$base^{commit}") || fail "$base is no commit of this repository"
# What a branch changed counts from where it left its base.
fork=$(git merge-base "$base_id" HEAD 2>/dev/null) || fork=$base_id
cd "$top" || fail "$top cannot be entered"
work=$(mktemp -d "${TMPDIR:-/tmp}/coverage.XXXXXX") || fail 'no temporary folder could be made'
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM

# New files that git does not know yet count too: an index and a store of our own know them, the person's stay as they are.
index=$(git rev-parse --git-path index)
[ ! -f "$index" ] || cp "$index" "$work/index"
objects=$(cd "$(git rev-parse --git-path objects)" && pwd) || objects=:
case $objects in
  # A colon would part the path in two.
  *:* | '"'*) ;;
  *)
    mkdir "$work/objects"
    GIT_ALTERNATE_OBJECT_DIRECTORIES=$objects
    GIT_OBJECT_DIRECTORY=$work/objects
    export GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_OBJECT_DIRECTORY
    ;;
esac
GIT_INDEX_FILE=$work/index
export GIT_INDEX_FILE
git add --intent-to-add -- . 2>"$work/told" ||
  printf 'not all new files could be looked at: %s\n' "$(tail -n 1 "$work/told")"
git -c core.quotePath=false diff --no-color --no-ext-diff --no-textconv --find-renames --unified=0 \
  --src-prefix=a/ --dst-prefix=b/ --diff-filter=d "$fork" >"$work/diff" 2>"$work/told" ||
  fail "git: $(tail -n 1 "$work/told")"

module=
[ ! -f go.mod ] || module=$(sed -n 's/^module[[:space:]]*//p' go.mod | head -n 1)
awk -v format="$format" -f "$own/reached.awk" <"$report" >"$work/reached"
[ -s "$work/reached" ] || fail "$report tells of no line"
MODULE=$module TOP=$top awk -v most="$most" -f "$own/uncovered.awk" "$work/reached" "$work/diff"

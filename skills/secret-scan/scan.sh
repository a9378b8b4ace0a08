#!/bin/sh
# Looks for credentials in files, a change or the history. AI_SDLC_PARAM_SCOPE, _BASE, _MOST.
# Exit: 0 nothing found, 1 something found, 2 bad input. No value is ever printed.
set -u
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES CDPATH
LC_ALL=C
export LC_ALL

fail() {
  printf 'secret-scan: %s\n' "$*" >&2
  exit 2
}

scope=${AI_SDLC_PARAM_SCOPE:-files}
base=${AI_SDLC_PARAM_BASE:-HEAD}
most=${AI_SDLC_PARAM_MOST:-100}
own=${AI_SDLC_SKILL_DIR:-$(dirname "$0")}
case $most in
  '' | *[!0-9]*) fail "most is a number, not $most" ;;
esac
top=$(git rev-parse --show-toplevel 2>/dev/null) || fail 'this folder is in no git repository with files'
cd "$top" || fail "$top cannot be entered"
work=$(mktemp -d "${TMPDIR:-/tmp}/secret-scan.XXXXXX") || fail 'no temporary folder could be made'
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM

# Files that are not yet known to git count too: an index and a store of our own know them, the person's stay as they are.
apart() {
  objects=$(cd "$(git rev-parse --git-path objects)" && pwd) || return 0
  # A colon would part the path in two.
  case $objects in
    *:* | '"'*) return 0 ;;
  esac
  mkdir "$work/objects"
  GIT_ALTERNATE_OBJECT_DIRECTORIES=$objects
  GIT_OBJECT_DIRECTORY=$work/objects
  export GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_OBJECT_DIRECTORY
}
with_untracked() {
  index=$(git rev-parse --git-path index)
  [ ! -f "$index" ] || cp "$index" "$work/index" || exit 2
  apart
  GIT_INDEX_FILE=$work/index
  export GIT_INDEX_FILE
  git add --intent-to-add -- . 2>"$work/told" ||
    printf 'not all new files could be looked at: %s\n' "$(tail -n 1 "$work/told")"
}
lines() {
  git -c core.quotePath=false -c diff.noprefix=false -c diff.mnemonicPrefix=false \
    "$@" --no-color --no-ext-diff --no-textconv --no-renames --unified=0 --src-prefix=a/ --dst-prefix=b/
}

case $scope in
  files)
    with_untracked
    lines diff "$(git hash-object -t tree /dev/null)" >"$work/diff" 2>"$work/told"
    ;;
  change)
    case $base in
      -*) fail "$base is no commit" ;;
    esac
    id=$(git rev-parse --verify --quiet "$base^{commit}") || fail "$base is no commit of this repository"
    with_untracked
    lines diff "$id" >"$work/diff" 2>"$work/told"
    ;;
  history) lines log --all --patch --format='commit %h' >"$work/diff" 2>"$work/told" ;;
  *) fail "scope is files, change or history, not $scope" ;;
esac || fail "git: $(tail -n 1 "$work/told")"

awk -v most="$most" -f "$own/scan.awk" "$work/diff"

#!/bin/sh
# Lists the commits since a release, grouped for a changelog. AI_SDLC_PARAM_FROM, _TO, _PATH, _MOST.
# Exit: 0 listed, 2 bad input.
set -u
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE CDPATH

fail() {
  printf 'changelog: %s\n' "$*" >&2
  exit 2
}

to=${AI_SDLC_PARAM_TO:-HEAD}
from=${AI_SDLC_PARAM_FROM:-}
path=${AI_SDLC_PARAM_PATH:-}
most=${AI_SDLC_PARAM_MOST:-200}
own=${AI_SDLC_SKILL_DIR:-$(dirname "$0")}
case $most in
  '' | *[!0-9]* | ????????*) fail "most is a number, not $most" ;;
esac
git rev-parse --git-dir >/dev/null 2>&1 || fail 'this folder is in no git repository'
commit() {
  case $1 in
    -*) fail "$1 is no commit" ;;
  esac
  git rev-parse --verify --quiet "$1^{commit}" || fail "$1 is no commit of this repository"
}
to_id=$(commit "$to") || exit 2
if [ -n "$from" ]; then
  from_id=$(commit "$from") || exit 2
else
  from=$(git describe --tags --abbrev=0 "$to_id" 2>/dev/null)
  # What is asked for at a tag is what came with it.
  if [ -n "$from" ] && [ "$(git rev-parse "$from^{commit}")" = "$to_id" ]; then
    from=$(git describe --tags --abbrev=0 "$to_id^" 2>/dev/null)
  fi
  from_id=
  [ -z "$from" ] || from_id=$(commit "$from") || exit 2
fi
if [ -n "$from_id" ]; then
  range=$from_id..$to_id
  printf 'from %s (%s) to %s\n' "$from" "$(git log -1 --format=%cs "$from_id")" "$to"
else
  range=$to_id
  printf 'no tag leads to %s: its whole history\n' "$to"
fi
[ "$(git rev-parse --is-shallow-repository 2>/dev/null)" != true ] || echo 'this clone is shallow: older commits are missing'

set -- log --no-merges --no-color --no-show-signature --format='%x1e%h%x1f%s%x1f%b' "$range"
[ -z "$path" ] || set -- "$@" -- ":(literal)$path"
git "$@" | LC_ALL=C awk -v most="$most" -f "$own/since.awk"

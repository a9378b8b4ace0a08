#!/bin/sh
# Finds links in Markdown that lead nowhere. AI_SDLC_PARAM_PATH, _ROOT, _MOST. Nothing is asked of the network.
# Exit: 0 all lead somewhere, 1 some do not, 2 bad input.
set -u
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE CDPATH
LC_ALL=C
export LC_ALL

fail() {
  printf 'link-check: %s\n' "$*" >&2
  exit 2
}

path=${AI_SDLC_PARAM_PATH:-.}
most=${AI_SDLC_PARAM_MOST:-100}
own=$(cd -- "${AI_SDLC_SKILL_DIR:-$(dirname "$0")}" && pwd) || fail 'the skill has no folder'
case $most in
  '' | *[!0-9]*) fail "most is a number, not $most" ;;
esac
case $path in
  /*) ;;
  *) path=./$path ;;
esac
[ -e "$path" ] || fail "there is no $path"
root=${AI_SDLC_PARAM_ROOT:-$(git rev-parse --show-toplevel 2>/dev/null || pwd)}
case $root in
  /*) ;;
  *) root=./$root ;;
esac
root=$(cd -- "$root" 2>/dev/null && pwd) || fail "there is no folder ${AI_SDLC_PARAM_ROOT:-}"
work=$(mktemp -d "${TMPDIR:-/tmp}/link-check.XXXXXX") || fail 'no temporary folder could be made'
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM

cat >"$work/each.sh" <<'EACH'
# A name with ./ before it is neither an option nor an assignment to awk.
own=$1 work=$2 root=$3
shift 3
for file do
  shift
  [ ! -f "./$file" ] || set -- "$@" "./$file"
done
[ $# -eq 0 ] || awk -v root="$root" -v tally="$work/tally" -f "$own/links.awk" "$@"
EACH
each() {
  xargs -0 sh "$work/each.sh" "$own" "$work" "$root"
}

: >"$work/tally"
if [ -d "$path" ]; then
  cd -- "$path" || fail "$path cannot be entered"
  if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    git ls-files -z --cached --others --exclude-standard -- '*.md' '*.markdown' '*.mdx' | each
  else
    find . -type d \( -name node_modules -o -name .git -o -name target \) -prune -o \
      -type f \( -name '*.md' -o -name '*.markdown' -o -name '*.mdx' \) -print0 | each
  fi >"$work/found"
else
  cd -- "$(dirname "$path")" || fail "$path cannot be read"
  printf '%s\0' "$(basename "$path")" | each >"$work/found"
fi

head -n "$most" "$work/found"
bad=$(grep -c '' "$work/found")
[ "$bad" -le "$most" ] || printf 'and %d more\n' "$((bad - most))"
awk -v bad="$bad" '
  { files += $1; links += $2; outside += $3 }
  END {
    printf "%d files, %d links into the project, %d of them lead nowhere; %d links to the network were not tried\n",
      files, links, bad, outside
  }' "$work/tally"
[ "$bad" -eq 0 ]

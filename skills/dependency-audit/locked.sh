#!/bin/sh
# Says what lock files hold: how much, from where, what twice. AI_SDLC_PARAM_PATH, _SHOW, _MOST.
# Exit: 0 read, 2 bad input. Nothing is asked of the network.
set -u
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE CDPATH
LC_ALL=C
export LC_ALL

fail() {
  printf 'dependency-audit: %s\n' "$*" >&2
  exit 2
}

path=${AI_SDLC_PARAM_PATH:-.}
show=${AI_SDLC_PARAM_SHOW:-findings}
most=${AI_SDLC_PARAM_MOST:-60}
own=$(cd -- "${AI_SDLC_SKILL_DIR:-$(dirname "$0")}" && pwd) || fail 'the skill has no folder'
case $most in
  '' | *[!0-9]* | ????????*) fail "most is a number, not $most" ;;
esac
case $show in
  findings | all) ;;
  *) fail "show is findings or all, not $show" ;;
esac
case $path in
  /*) ;;
  *) path=./$path ;;
esac
[ -d "$path" ] || fail "there is no folder $path"
cd -- "$path" || fail "$path cannot be entered"
work=$(mktemp -d "${TMPDIR:-/tmp}/dependency-audit.XXXXXX") || fail 'no temporary folder could be made'
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM

cat >"$work/each.sh" <<'EACH'
own=$1 show=$2 most=$3
shift 3
for file do
  [ -f "./$file" ] || continue
  case ${file##*/} in
    Cargo.lock | poetry.lock | uv.lock | pdm.lock) kind=toml ;;
    package-lock.json | npm-shrinkwrap.json) kind=npm ;;
    yarn.lock) kind=yarn ;;
    pnpm-lock.yaml) kind=pnpm ;;
    bun.lock) kind=bun ;;
    go.mod) kind=go ;;
    gradle.lockfile) kind=gradle ;;
    pom.xml) kind=maven ;;
    Gemfile.lock) kind=ruby ;;
    composer.lock) kind=composer ;;
    requirements*.txt) kind=pip ;;
    *) continue ;;
  esac
  NAME=$file awk -v kind="$kind" -v show="$show" -v most="$most" -f "$own/locked.awk" <"./$file"
done
EACH

if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
  list() {
    git ls-files -z --cached --others --exclude-standard -- \
      '*Cargo.lock' '*poetry.lock' '*uv.lock' '*pdm.lock' '*package-lock.json' '*npm-shrinkwrap.json' '*yarn.lock' \
      '*pnpm-lock.yaml' '*bun.lock' '*go.mod' '*gradle.lockfile' '*pom.xml' '*Gemfile.lock' '*composer.lock' \
      '*requirements*.txt'
  }
else
  list() {
    find . -name .git -prune -o -name node_modules -prune -o -type f -print0
  }
fi
list | xargs -0 sh "$work/each.sh" "$own" "$show" "$most" >"$work/said"
if [ -s "$work/said" ]; then
  head -n 600 "$work/said"
else
  echo 'no lock file that is known here: Cargo, npm, Yarn, pnpm, Bun, Poetry, uv, PDM, pip, Go, Gradle, Maven, Bundler, Composer'
fi
# Manifests without what fixes their versions: each installation may get others.
for pair in Cargo.toml:Cargo.lock package.json:package-lock.json,npm-shrinkwrap.json,yarn.lock,pnpm-lock.yaml,bun.lock,bun.lockb \
  Gemfile:Gemfile.lock composer.json:composer.lock go.mod:go.sum; do
  [ -f "./${pair%%:*}" ] || continue
  has=
  rest=${pair#*:},
  while [ -n "$rest" ]; do
    [ ! -f "./${rest%%,*}" ] || has=yes
    rest=${rest#*,}
  done
  [ -n "$has" ] || printf '%s stands without a lock file (%s)\n' "${pair%%:*}" "${pair#*:}"
done

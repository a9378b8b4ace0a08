#!/bin/sh
# Says of each part of a project how it is installed, built, tested, linted, and which file says so.
# AI_SDLC_PARAM_PATH, _MOST. Exit: 0 told, 2 bad input. It reads only, and runs nothing of the project.
set -u
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE CDPATH
LC_ALL=C
export LC_ALL

fail() {
  printf 'project-detection: %s\n' "$*" >&2
  exit 2
}

path=${AI_SDLC_PARAM_PATH:-.}
most=${AI_SDLC_PARAM_MOST:-20}
own=$(cd -- "${AI_SDLC_SKILL_DIR:-$(dirname "$0")}" && pwd) || fail 'the skill has no folder'
case $most in
  '' | *[!0-9]* | ????????*) fail "most is a number, not $most" ;;
esac
case $path in
  /*) ;;
  *) path=./$path ;;
esac
[ -d "$path" ] || fail "there is no folder $path"
cd -- "$path" || fail "$path cannot be entered"
work=$(mktemp -d "${TMPDIR:-/tmp}/project-detection.XXXXXX") || fail 'no temporary folder could be made'
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM

cat >"$work/manifests.sh" <<'EACH'
for file do
  case ${file##*/} in
    Cargo.toml | package.json | pyproject.toml | setup.py | requirements.txt | go.mod | pom.xml | build.gradle | build.gradle.kts | \
      Gemfile | composer.json | mix.exs | Package.swift | pubspec.yaml | deno.json | deno.jsonc | CMakeLists.txt | build.zig | \
      build.sbt | *.sln | *.slnx) printf '%s\0' "${file#./}" ;;
  esac
done
EACH
export OWN="$own" MOST="$most"
if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
  git ls-files -z --cached --others --exclude-standard
else
  find . \( -name .git -o -name node_modules -o -name target -o -name .venv \) -prune -o -type f -print0
fi | xargs -0 sh "$work/manifests.sh" | xargs -0 sh "$own/parts.sh" >"$work/parts"
if [ -s "$work/parts" ]; then
  cat "$work/parts"
else
  echo 'no manifest of a build tool that is known here'
fi

say() { printf '  %-8s %s\n' "$1" "$2"; }
targets() {
  sed -n 's/^\([A-Za-z0-9][A-Za-z0-9_-]*\)[A-Za-z0-9_ -]*:\([^=].*\)\{0,1\}$/\1/p' "$1" | head -n 40 | tr '\n' ' '
}
printf '\nat the root\n'
for file in Makefile GNUmakefile makefile; do
  [ ! -f "$file" ] || say make "$(targets "$file") ($file)"
done
for file in justfile Justfile .justfile; do
  [ ! -f "$file" ] || say just "$(targets "$file") ($file)"
done
for file in Taskfile.yml Taskfile.yaml; do
  [ ! -f "$file" ] || say task "$(sed -n 's/^  \([A-Za-z0-9][A-Za-z0-9:_-]*\):.*$/\1/p' "$file" | head -n 40 | tr '\n' ' ') ($file)"
done
for file in .tool-versions mise.toml .mise.toml rust-toolchain rust-toolchain.toml .nvmrc .node-version .python-version .java-version .go-version .ruby-version global.json; do
  [ ! -f "$file" ] || say versions "$(grep -v '^[[:space:]]*#' <"$file" | head -n 6 | tr -s '\n\t ' ' ' | cut -c 1-200) ($file)"
done
for file in AGENTS.md CLAUDE.md CONTRIBUTING.md .github/CONTRIBUTING.md docs/CONTRIBUTING.md .editorconfig .pre-commit-config.yaml \
  docker-compose.yml compose.yaml .devcontainer/devcontainer.json; do
  [ ! -f "$file" ] || say read "$file"
done
for file in .github/workflows/*.yml .github/workflows/*.yaml .gitlab-ci.yml .circleci/config.yml azure-pipelines.yml Jenkinsfile; do
  [ -f "$file" ] || continue
  say ci "$file"
  awk -f "$own/steps.awk" <"$file" | head -n 25
done
exit 0

#!/bin/sh
# One part for each manifest that is given.
set -u

say() { printf '  %-8s %-44s %s\n' "$1" "$2" "$3"; }
has() { [ -f "$dir/$1" ]; }
# A file of the part or of the project's root: workspaces keep their lock file there.
near() { [ -f "$dir/$1" ] || [ -f "./$1" ]; }
names() { grep -q "$1" "$dir/$2" 2>/dev/null; }

cargo() {
  workspace=
  ! names '^\[workspace\]' Cargo.toml || workspace=' --workspace'
  say build "cargo build$workspace" "$file"
  say test "cargo test$workspace" "$file"
  say lint "cargo clippy$workspace --all-targets" 'unless CI says otherwise'
  say format 'cargo fmt --all --check' "$file"
  edition=$(sed -n -e 's/^rust-version[[:space:]]*=[[:space:]]*/rust-version /p' -e 's/^edition[[:space:]]*=[[:space:]]*/edition /p' "$dir/Cargo.toml" | tr '\n' ' ')
  [ -z "$edition" ] || say versions "$edition" "$file"
}

node() {
  manager=$(sed -n 's/.*"packageManager"[[:space:]]*:[[:space:]]*"\([a-z]*\)@.*/\1/p' "$dir/package.json" | head -n 1)
  why="$file (packageManager)"
  if [ -z "$manager" ]; then
    for pair in pnpm-lock.yaml:pnpm yarn.lock:yarn bun.lock:bun bun.lockb:bun package-lock.json:npm npm-shrinkwrap.json:npm; do
      if near "${pair%%:*}"; then
        manager=${pair#*:}
        why=${pair%%:*}
        break
      fi
    done
  fi
  case $manager in
    pnpm) say install 'pnpm install --frozen-lockfile' "$why" ;;
    yarn) say install 'yarn install --immutable (Yarn 1: --frozen-lockfile)' "$why" ;;
    bun) say install 'bun install --frozen-lockfile' "$why" ;;
    npm) say install 'npm ci' "$why" ;;
    *)
      manager=npm
      say install 'npm install' 'no lock file: it will write one'
      ;;
  esac
  awk -f "$OWN/scripts.awk" <"$dir/package.json" | head -n 40 | while IFS='	' read -r name command; do
    case $name:$command in
      pretest:* | prebuild:* | prelint:* | preinstall:* | prepack:* | prepublish*:* | prepare:* | post*:*) continue ;;
      test:*'no test specified'*) continue ;;
      test:*vitest\ run*) kind=test note= ;;
      test:*vitest* | test:*react-scripts* | test:*--watch*) kind=test note=' (CI=1, or it does not end)' ;;
      test:*) kind=test note= ;;
      lint:* | lint[-:]*) kind=lint note= ;;
      build:*) kind=build note= ;;
      format* | fmt*) kind=format note= ;;
      start:* | dev:* | serve:*) kind=run note=' (does not end)' ;;
      *) kind=script note= ;;
    esac
    case $command in
      *--fix* | *--write*) note="$note (changes files)" ;;
    esac
    say "$kind" "$manager run $name" "= $(printf '%s' "$command" | cut -c 1-100)$note"
  done
  engines=$(sed -n 's/.*"node"[[:space:]]*:[[:space:]]*"\([^"]*\)".*/node \1/p' "$dir/package.json" | head -n 1)
  [ -z "$engines" ] || say versions "$engines" "$file (engines)"
  ! has tsconfig.json || say types "npx --no-install tsc --noEmit" tsconfig.json
}

python() {
  before=
  if near uv.lock; then
    say install 'uv sync' uv.lock
    before='uv run '
  elif near poetry.lock; then
    say install 'poetry install' poetry.lock
    before='poetry run '
  elif near pdm.lock; then
    say install 'pdm sync' pdm.lock
    before='pdm run '
  elif near Pipfile.lock; then
    say install 'pipenv sync --dev' Pipfile.lock
    before='pipenv run '
  elif has requirements.txt; then
    say install 'python3 -m venv .venv && .venv/bin/pip install -r requirements.txt' requirements.txt
    before='.venv/bin/'
  else
    say install 'python3 -m venv .venv && .venv/bin/pip install -e .' "$file"
    before='.venv/bin/'
  fi
  pytest=
  for one in pytest.ini pyproject.toml setup.cfg tox.ini requirements.txt requirements-dev.txt dev-requirements.txt; do
    ! names pytest "$one" || pytest=${pytest:-$one}
  done
  if [ -n "$pytest" ]; then
    say test "${before}pytest" "$pytest"
  elif has manage.py; then
    say test "${before}python manage.py test" manage.py
  else
    say test "${before}python -m unittest discover" 'nothing names pytest'
  fi
  ! has tox.ini || say test tox tox.ini
  ! has noxfile.py || say test nox noxfile.py
  if names 'tool\.ruff' pyproject.toml || has ruff.toml || has .ruff.toml; then say lint "${before}ruff check ." ruff; fi
  ! names 'tool\.black' pyproject.toml || say format "${before}black --check ." pyproject.toml
  if names 'tool\.mypy' pyproject.toml || has mypy.ini; then say types "${before}mypy ." mypy; fi
  if names 'tool\.pyright' pyproject.toml || has pyrightconfig.json; then say types "${before}pyright" pyright; fi
  needs=$(sed -n 's/^requires-python[[:space:]]*=[[:space:]]*//p' "$dir/pyproject.toml" 2>/dev/null | head -n 1)
  [ -z "$needs" ] || say versions "python $needs" pyproject.toml
}

jvm() {
  if [ "$1" = maven ]; then
    tool=mvn
    ! near mvnw || tool=./mvnw
    say build "$tool -q -DskipTests package" "$file"
    say test "$tool test (with integration tests: verify)" "$file"
  else
    tool=gradle
    ! near gradlew || tool=./gradlew
    say build "$tool assemble" "$file"
    say test "$tool test (all checks: check)" "$file"
  fi
  [ "$tool" = ./mvnw ] || [ "$tool" = ./gradlew ] || say note 'there is no wrapper: the version is not fixed' ''
}

part() {
  case ${file##*/} in
    Cargo.toml) cargo ;;
    package.json) node ;;
    pyproject.toml) python ;;
    setup.py | requirements.txt)
      has pyproject.toml || { [ "${file##*/}" = requirements.txt ] && has setup.py; } || python
      ;;
    go.mod)
      say build 'go build ./...' "$file"
      say test 'go test ./... (races: -race)' "$file"
      say lint 'go vet ./...' "$file"
      for one in .golangci.yml .golangci.yaml .golangci.toml; do
        ! near "$one" || say lint 'golangci-lint run' "$one"
      done
      say format 'gofmt -l .' 'lists what is not formatted; exits 0'
      say versions "$(sed -n -e '/^go /p' -e '/^toolchain /p' "$dir/go.mod" | tr '\n' ' ')" "$file"
      ;;
    pom.xml) jvm maven ;;
    build.gradle | build.gradle.kts) jvm gradle ;;
    Gemfile)
      say install 'bundle install' "$file"
      if has bin/rails; then say test 'bin/rails test' bin/rails; else say test 'bundle exec rake test (or rspec)' "$file"; fi
      ! has .rspec || say test 'bundle exec rspec' .rspec
      ! has .rubocop.yml || say lint 'bundle exec rubocop' .rubocop.yml
      ;;
    composer.json)
      say install 'composer install' "$file"
      say test 'composer test, or vendor/bin/phpunit' "$file"
      ;;
    mix.exs)
      say install 'mix deps.get' "$file"
      say test 'mix test' "$file"
      say format 'mix format --check-formatted' "$file"
      ;;
    *.sln | *.slnx)
      say build 'dotnet build' "$file"
      say test 'dotnet test' "$file"
      say format 'dotnet format --verify-no-changes' "$file"
      ;;
    Package.swift) say test 'swift test' "$file" ;;
    pubspec.yaml) say test 'dart test (Flutter: flutter test)' "$file" ;;
    deno.json | deno.jsonc) say test 'deno test' "$file" ;;
    build.zig) say test 'zig build test' "$file" ;;
    build.sbt) say test 'sbt test' "$file" ;;
    CMakeLists.txt)
      [ "$dir" = . ] || return 0
      say build 'cmake -B build && cmake --build build' "$file"
      say test 'ctest --test-dir build --output-on-failure' "$file"
      ;;
  esac
}

told=0
for file do
  [ -f "./$file" ] || continue
  case $file in
    */*) dir=./${file%/*} ;;
    *) dir=. ;;
  esac
  lines=$(part)
  [ -n "$lines" ] || continue
  told=$((told + 1))
  [ "$told" -le "$MOST" ] || continue
  # A name of several lines stays one line here.
  printf '%s\n' "$(printf '%s' "${dir#./}" | tr '\n' '?') (${file##*/})"
  printf '%s\n' "$lines"
done
[ "$told" -le "$MOST" ] || printf 'and %d more parts\n' "$((told - MOST))"
exit 0

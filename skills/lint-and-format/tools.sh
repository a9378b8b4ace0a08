# shellcheck shell=sh
# What there is to run, by the files that set it up. A tool that nothing sets up is not run: its defaults are nobody's choice.

any() {
  for one do [ ! -f "$one" ] || return 0; done
  return 1
}
says() { grep -qE -e "$1" "$2" 2>/dev/null; }

if [ -f Cargo.toml ]; then
  tool rustfmt cargo 'cargo fmt --all --check' 'cargo fmt --all'
  tool clippy cargo 'cargo clippy --quiet --all-targets -- -D warnings' ''
fi
if [ -f go.mod ]; then
  # It exits 0 whatever it lists.
  tool gofmt gofmt 'not_formatted() { found=$(gofmt -l "$@") || return; [ -z "$found" ] || { printf "%s\n" "$found"; return 1; }; }; not_formatted' 'gofmt -w' '*.go'
  tool 'go vet' go 'go vet ./...' ''
  if any .golangci.yml .golangci.yaml .golangci.toml .golangci.json; then
    tool golangci-lint golangci-lint 'golangci-lint run' 'golangci-lint run --fix'
  fi
fi
if any biome.json biome.jsonc; then
  tool biome biome 'biome check --no-errors-on-unmatched' 'biome check --write --no-errors-on-unmatched' '*.js' '*.jsx' '*.ts' '*.tsx' '*.json' '*.css'
fi
if any .prettierrc .prettierrc.json .prettierrc.yml .prettierrc.yaml .prettierrc.toml .prettierrc.js .prettierrc.cjs .prettierrc.mjs .prettierrc.ts \
  prettier.config.js prettier.config.cjs prettier.config.mjs prettier.config.ts || says '^  "prettier" *:' package.json; then
  tool prettier prettier 'prettier --check --ignore-unknown' 'prettier --write --ignore-unknown' .
fi
scripts="*.js *.mjs *.cjs *.jsx *.ts *.mts *.cts *.tsx *.vue *.svelte"
if any eslint.config.js eslint.config.mjs eslint.config.cjs eslint.config.ts eslint.config.mts; then
  set -f
  # shellcheck disable=SC2086
  tool eslint eslint 'eslint --no-warn-ignored' 'eslint --fix --no-warn-ignored' $scripts
  set +f
elif any .eslintrc .eslintrc.js .eslintrc.cjs .eslintrc.json .eslintrc.yml .eslintrc.yaml; then
  set -f
  # shellcheck disable=SC2086
  tool eslint eslint eslint 'eslint --fix' $scripts
  set +f
fi
if any .oxlintrc.json oxlint.config.ts; then
  tool oxlint oxlint oxlint 'oxlint --fix'
fi
if [ -f tsconfig.json ]; then
  if says '"references"' tsconfig.json; then
    tool tsc tsc 'tsc --build --noEmit' ''
  else
    tool tsc tsc 'tsc --noEmit' ''
  fi
fi
if any .stylelintrc .stylelintrc.json .stylelintrc.yml stylelint.config.js stylelint.config.mjs; then
  tool stylelint stylelint 'stylelint --allow-empty-input' 'stylelint --fix --allow-empty-input' '*.css' '*.scss'
fi
if any ruff.toml .ruff.toml || says '^\[tool\.ruff' pyproject.toml; then
  tool ruff ruff 'ruff check --force-exclude' 'ruff check --fix --force-exclude' '*.py' '*.pyi'
  # Many have its linter and another formatter.
  if ! says '^\[tool\.black' pyproject.toml &&
    { says '^\[tool\.ruff\.format' pyproject.toml || says '^\[format' ruff.toml || grep -rqsE 'ruff[ -]format' .pre-commit-config.yaml .github Makefile justfile noxfile.py tox.ini pyproject.toml; }; then
    tool 'ruff format' ruff 'ruff format --check --force-exclude' 'ruff format --force-exclude' '*.py' '*.pyi'
  fi
fi
if says '^\[tool\.black' pyproject.toml; then
  tool black black 'black --check --quiet' 'black --quiet' '*.py' '*.pyi'
fi
if says '^\[tool\.isort' pyproject.toml || [ -f .isort.cfg ]; then
  tool isort isort 'isort --check-only' isort '*.py'
fi
if [ -f .flake8 ] || says '^\[flake8\]' setup.cfg || says '^\[flake8\]' tox.ini; then
  tool flake8 flake8 flake8 '' '*.py'
fi
if says '^\[tool\.mypy' pyproject.toml || any mypy.ini .mypy.ini; then
  tool mypy mypy 'mypy .' ''
fi
if says '^\[tool\.(based)?pyright' pyproject.toml || [ -f pyrightconfig.json ]; then
  tool pyright pyright pyright ''
fi
if [ -f pom.xml ]; then
  maven=mvn
  [ ! -f mvnw ] || maven=./mvnw
  if says spotless-maven-plugin pom.xml; then tool spotless "$maven" "$maven -q spotless:check" "$maven -q spotless:apply"; fi
  if says maven-checkstyle-plugin pom.xml; then tool checkstyle "$maven" "$maven -q checkstyle:check" ''; fi
fi
for build in build.gradle build.gradle.kts; do
  [ -f "$build" ] || continue
  gradle=gradle
  [ ! -f gradlew ] || gradle=./gradlew
  if says spotless "$build"; then tool spotless "$gradle" "$gradle -q spotlessCheck" "$gradle -q spotlessApply"; fi
  if says 'checkstyle' "$build"; then tool checkstyle "$gradle" "$gradle -q checkstyleMain checkstyleTest" ''; fi
  if says 'ktlint' "$build"; then tool ktlint "$gradle" "$gradle -q ktlintCheck" "$gradle -q ktlintFormat"; fi
  if says 'detekt' "$build"; then tool detekt "$gradle" "$gradle -q detekt" ''; fi
done
if [ -f .rubocop.yml ]; then
  tool rubocop bundle 'bundle exec rubocop --force-exclusion' 'bundle exec rubocop --autocorrect --force-exclusion' '*.rb'
fi
if [ -f .shellcheckrc ]; then
  tool shellcheck shellcheck shellcheck '' '*.sh'
fi
if any .markdownlint.json .markdownlint.yaml .markdownlint.yml .markdownlint-cli2.yaml .markdownlint-cli2.jsonc; then
  tool markdownlint markdownlint-cli2 markdownlint-cli2 'markdownlint-cli2 --fix' '*.md'
fi

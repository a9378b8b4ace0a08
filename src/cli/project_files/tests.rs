use tempfile::TempDir;

use super::*;

fn project(files: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for (file, text) in files {
        let path = root.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

/// Folder and command of each step.
fn told(steps: &[Step]) -> Vec<String> {
    let line = |step: &Step| format!("{}: {}", step.folder.display(), step.argv.join(" "));
    steps.iter().map(line).collect()
}

fn tested(files: &[(&str, &str)]) -> Vec<String> {
    told(&tests(project(files).path()))
}

#[test]
fn each_kind_of_project_is_tested_as_its_people_do() {
    let npm = r#"{ "scripts": { "test": "vitest run" } }"#;
    for (files, command) in [
        (&[("Makefile", "build:\n\ttrue\ntest: build\n\ttrue\n")][..], "make test"),
        (&[("Makefile", "all check: build\n\ttrue\n")], "make check"),
        (&[("justfile", "build:\n  true\n@test *args:\n  true\n")], "just test"),
        (&[("Taskfile.yml", "tasks:\n  test:\n    cmd: true\n")], "task test"),
        (&[("package.json", npm)], "npm run test"),
        (&[("package.json", npm), ("pnpm-lock.yaml", "")], "pnpm run test"),
        (&[("package.json", npm), ("yarn.lock", "")], "yarn run test"),
        (&[("package.json", npm), ("bun.lock", "")], "bun run test"),
        (&[("deno.json", r#"{ "tasks": { "test": "deno test" } }"#)], "deno task test"),
        (&[("Cargo.toml", "[package]\n")], "cargo test"),
        (&[("Cargo.toml", "[workspace]\n")], "cargo test --workspace"),
        (&[("go.mod", "module m\n")], "go test ./..."),
        (&[("mix.exs", "")], "mix test"),
        (&[("Gemfile", ""), ("bin/rails", ""), ("test/a.rb", "")], "bin/rails test"),
        (&[("Gemfile", ""), ("spec/a.rb", "")], "bundle exec rspec"),
        (&[("Gemfile", ""), ("Rakefile", "Rake::TestTask.new")], "bundle exec rake test"),
        (&[("composer.json", r#"{ "scripts": { "test": ["phpunit"] } }"#)], "composer test"),
        (&[("phpunit.xml.dist", "")], "vendor/bin/phpunit"),
        (&[("build.gradle.kts", ""), ("gradlew", "")], "./gradlew test"),
        (&[("build.gradle", "")], "gradle test"),
        (&[("pom.xml", ""), ("mvnw", "")], "./mvnw --batch-mode test"),
        (&[("App.sln", "")], "dotnet test"),
        (&[("Package.swift", "")], "swift test"),
        (&[("pubspec.yaml", "sdk: flutter"), ("test/a.dart", "")], "flutter test"),
        (&[("pyproject.toml", "[tool.pytest.ini_options]\n")], "python3 -m pytest"),
        (&[("pyproject.toml", "dev = [\"pytest\"]"), ("uv.lock", "")], "uv run python -m pytest"),
        (&[("setup.py", ""), ("tests/test_a.py", "")], "python3 -m unittest discover -s tests"),
        (&[("requirements.txt", "flask\npytest\n"), (".venv/bin/python", "")], ".venv/bin/python -m pytest"),
        (&[("script/test", "#!/usr/bin/env bash\n")], "bash script/test"),
        (&[("test.sh", "exit 0\n")], "sh test.sh"),
    ] {
        assert_eq!(tested(files), [format!(": {command}")], "{files:?}");
    }
}

#[test]
fn what_is_no_test_is_not_run() {
    let placeholder = r#"{ "scripts": { "test": "echo \"Error: no test specified\" && exit 1" } }"#;
    for files in [
        &[][..],
        &[("README.md", "make test\n")],
        &[("package.json", placeholder)],
        &[("package.json", "{ this is no JSON")],
        &[("Makefile", "test := yes\n.PHONY: test\nbuild:\n\ttest -d x\n")],
        &[("justfile", "test := \"yes\"\ncheck:\n  true\n")],
        &[("pyproject.toml", "[project]\n")],
        &[("Gemfile", "")],
        &[("node_modules/a/package.json", r#"{ "scripts": { "test": "x" } }"#)],
        &[("tests/fixtures/a/go.mod", "")],
        &[("a/b/c/go.mod", "")],
    ] {
        assert_eq!(tested(files), [""; 0], "{files:?}");
    }
}

#[test]
fn a_project_of_two_kinds_is_tested_in_both_and_a_target_is_believed_alone() {
    let both = [("go.mod", ""), ("package.json", r#"{ "scripts": { "test": "x" } }"#)];
    assert_eq!(tested(&both), [": npm run test", ": go test ./..."]);
    assert_eq!(tested(&[both[0], both[1], ("Makefile", "test:\n")]), [": make test"]);
}

#[test]
fn where_the_root_says_nothing_its_parts_do() {
    let parts = [
        ("server/go.mod", ""),
        ("client/package.json", r#"{ "scripts": { "test": "x" } }"#),
        ("apps/admin/Makefile", "test:\n"),
        ("server/tools/go.mod", ""),
    ];
    assert_eq!(tested(&parts), ["apps/admin: make test", "client: npm run test", "server: go test ./..."]);
}

#[test]
fn a_checkout_is_prepared_by_its_lock_files() {
    for (files, commands) in [
        (&[("package.json", "{}")][..], &[][..]),
        (&[("package-lock.json", "{}")], &[": npm ci"]),
        (&[("yarn.lock", "# yarn lockfile v1\n")], &[": yarn install --frozen-lockfile"]),
        (&[("yarn.lock", "__metadata:\n  version: 8\n")], &[": yarn install --immutable"]),
        (&[("pnpm-lock.yaml", ""), ("uv.lock", "")], &[": pnpm install --frozen-lockfile", ": uv sync --frozen"]),
        (&[("api/mix.lock", ""), ("web/package-lock.json", "")], &["api: mix deps.get", "web: npm ci"]),
    ] {
        assert_eq!(told(&setup(project(files).path())), commands, "{files:?}");
    }
}

//! What the files of a project say of how it is prepared and tested: looked at only, nothing is started.
//!
//! Of each kind of project the command that people of that kind type. A Makefile or justfile that names the tests is
//! believed alone; else all kinds that are there count, since a project in two languages is tested in both.

use std::fs;
use std::path::{Path, PathBuf};

/// A command, and what called for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// The folder it runs in, from the project's root.
    pub(super) folder: PathBuf,
    /// The file that says so.
    pub(super) because: String,
    /// Program and arguments.
    pub(super) argv: Vec<String>,
    /// An exit code that means there were no tests.
    pub(super) none: Option<i32>,
}

/// How deep below a root that says nothing its parts are looked for.
const MOST_DEEP: usize = 2;

/// Folders that hold other people's code, products or examples.
const NOT_PARTS: [&str; 16] = [
    "node_modules",
    "vendor",
    "third_party",
    "target",
    "dist",
    "build",
    "out",
    "venv",
    "env",
    "bin",
    "obj",
    "examples",
    "fixtures",
    "testdata",
    "docs",
    "tests",
];

/// What tests the project: of its root, and where that says nothing, of the folders below it.
pub(super) fn tests(root: &Path) -> Vec<Step> {
    of_root_or_parts(root, tests_of)
}

/// What a new checkout needs before it can be built or tested, by the lock files that are there.
pub(super) fn setup(root: &Path) -> Vec<Step> {
    of_root_or_parts(root, setup_of)
}

fn of_root_or_parts(root: &Path, of: fn(&Folder) -> Vec<Step>) -> Vec<Step> {
    let mut open = vec![(PathBuf::new(), 0)];
    let mut found = Vec::new();
    while let Some((part, depth)) = open.pop() {
        let steps = of(&Folder { path: root.join(&part), part: part.clone() });
        if steps.is_empty() && depth < MOST_DEEP {
            open.extend(below(&root.join(&part)).into_iter().rev().map(|name| (part.join(name), depth + 1)));
        }
        found.extend(steps);
    }
    found
}

/// The folders that may be parts of a project, by name.
fn below(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let mut names: Vec<String> = folders
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.') && !NOT_PARTS.contains(&name.as_str()))
        .collect();
    names.sort();
    names
}

/// One folder, as the questions about it are asked.
struct Folder {
    path: PathBuf,
    part: PathBuf,
}

impl Folder {
    fn has(&self, name: &str) -> bool {
        self.path.join(name).exists()
    }

    /// The first of these files that is there.
    fn first<'a>(&self, names: &[&'a str]) -> Option<&'a str> {
        names.iter().copied().find(|name| self.has(name))
    }

    /// A file whose name ends like this.
    fn ending(&self, endings: &[&str]) -> Option<String> {
        let entries = fs::read_dir(&self.path).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        names.into_iter().find(|name| endings.iter().any(|ending| name.ends_with(ending)))
    }

    fn text(&self, name: &str) -> String {
        fs::read(self.path.join(name)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    fn says(&self, names: &[&str], word: &str) -> bool {
        names.iter().any(|name| self.text(name).contains(word))
    }

    fn step(&self, because: &str, command: &str) -> Step {
        let argv = command.split_whitespace().map(str::to_owned).collect();
        Step { folder: self.part.clone(), because: because.to_owned(), argv, none: None }
    }
}

/// A value of a JSON file.
fn json(folder: &Folder, file: &str, pointer: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(&folder.text(file)).ok()?;
    let found = value.pointer(pointer)?;
    Some(found.as_str().map_or_else(|| found.to_string(), str::to_owned))
}

fn tests_of(folder: &Folder) -> Vec<Step> {
    if let Some(named) = named(folder) {
        return vec![named];
    }
    let of_kinds = [node, deno, rust, go, elixir, ruby, php, jvm, dotnet, swift, dart, python];
    let found: Vec<Step> = of_kinds.iter().filter_map(|kind| kind(folder)).collect();
    if found.is_empty() { script(folder).into_iter().collect() } else { found }
}

/// A target or recipe that is called after its tests.
fn named(folder: &Folder) -> Option<Step> {
    let makefile = folder.first(&["GNUmakefile", "makefile", "Makefile"]);
    let is_target = |target: &str, line: &str| {
        let (left, right) = line.split_once(':').unwrap_or_default();
        !line.starts_with([' ', '\t', '.', '#'])
            && !right.starts_with('=')
            && left.split_whitespace().any(|name| name == target)
    };
    // `check` is what GNU's conventions call it; in other files it is more, or less.
    let target = ["test", "check"].into_iter().find_map(|target| {
        let file = makefile?;
        folder
            .text(file)
            .lines()
            .any(|line| is_target(target, line))
            .then(|| folder.step(file, &format!("make {target}")))
    });
    let just = || {
        let file = folder.first(&["justfile", "Justfile", ".justfile"])?;
        let is_recipe = |line: &str| {
            let name = line.trim_start_matches('@').split([' ', ':']).next();
            name == Some("test") && line.contains(':') && !line.contains(":=")
        };
        folder.text(file).lines().any(is_recipe).then(|| folder.step(file, "just test"))
    };
    let task = || {
        let file = folder.first(&["Taskfile.yml", "Taskfile.yaml"])?;
        folder.text(file).lines().any(|line| line == "  test:").then(|| folder.step(file, "task test"))
    };
    target.or_else(just).or_else(task)
}

/// The package manager whose lock file is there.
fn node_manager(folder: &Folder) -> &'static str {
    match folder.first(&["pnpm-lock.yaml", "yarn.lock", "bun.lock", "bun.lockb"]) {
        Some("pnpm-lock.yaml") => "pnpm",
        Some("yarn.lock") => "yarn",
        Some(_) => "bun",
        None => "npm",
    }
}

fn node(folder: &Folder) -> Option<Step> {
    // What `npm init` writes is no test.
    json(folder, "package.json", "/scripts/test").filter(|script| !script.contains("no test specified"))?;
    Some(folder.step("package.json", &format!("{} run test", node_manager(folder))))
}

fn deno(folder: &Folder) -> Option<Step> {
    let file = folder.first(&["deno.json", "deno.jsonc"])?;
    folder.text(file).contains("\"test\"").then(|| folder.step(file, "deno task test"))
}

fn rust(folder: &Folder) -> Option<Step> {
    let all = if folder.text("Cargo.toml").contains("[workspace]") { "cargo test --workspace" } else { "cargo test" };
    folder.has("Cargo.toml").then(|| folder.step("Cargo.toml", all))
}

fn go(folder: &Folder) -> Option<Step> {
    folder.has("go.mod").then(|| folder.step("go.mod", "go test ./..."))
}

fn elixir(folder: &Folder) -> Option<Step> {
    folder.has("mix.exs").then(|| folder.step("mix.exs", "mix test"))
}

fn ruby(folder: &Folder) -> Option<Step> {
    if !folder.has("Gemfile") {
        return None;
    }
    let rspec = folder.has("spec").then_some("bundle exec rspec");
    let rails = (folder.has("bin/rails") && folder.has("test")).then_some("bin/rails test");
    let rake = (folder.says(&["Rakefile"], "test") || folder.says(&["Rakefile"], "TestTask"))
        .then_some("bundle exec rake test");
    rails.or(rspec).or(rake).map(|command| folder.step("Gemfile", command))
}

fn php(folder: &Folder) -> Option<Step> {
    if json(folder, "composer.json", "/scripts/test").is_some() {
        return Some(folder.step("composer.json", "composer test"));
    }
    let file = folder.first(&["phpunit.xml", "phpunit.xml.dist"])?;
    Some(folder.step(file, "vendor/bin/phpunit"))
}

fn jvm(folder: &Folder) -> Option<Step> {
    if let Some(file) = folder.first(&["build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts"]) {
        let gradle = if folder.has("gradlew") { "./gradlew" } else { "gradle" };
        return Some(folder.step(file, &format!("{gradle} test")));
    }
    let maven = if folder.has("mvnw") { "./mvnw" } else { "mvn" };
    folder.has("pom.xml").then(|| folder.step("pom.xml", &format!("{maven} --batch-mode test")))
}

fn dotnet(folder: &Folder) -> Option<Step> {
    let file = folder.ending(&[".sln", ".slnx"]).or_else(|| folder.ending(&[".csproj", ".fsproj"]))?;
    Some(folder.step(&file, "dotnet test"))
}

fn swift(folder: &Folder) -> Option<Step> {
    folder.has("Package.swift").then(|| folder.step("Package.swift", "swift test"))
}

fn dart(folder: &Folder) -> Option<Step> {
    let has_tests = folder.has("pubspec.yaml") && folder.has("test");
    let program = if folder.says(&["pubspec.yaml"], "sdk: flutter") { "flutter test" } else { "dart test" };
    has_tests.then(|| folder.step("pubspec.yaml", program))
}

/// Files that make a folder a project in Python.
const PYTHON: [&str; 8] =
    ["pyproject.toml", "setup.py", "setup.cfg", "pytest.ini", "tox.ini", "requirements.txt", "Pipfile", "conftest.py"];

fn python(folder: &Folder) -> Option<Step> {
    let file = folder.first(&PYTHON)?;
    let begins = match folder.first(&["uv.lock", "poetry.lock", "Pipfile.lock", ".venv/bin/python"]) {
        Some("uv.lock") => "uv run python",
        Some("poetry.lock") => "poetry run python",
        Some("Pipfile.lock") => "pipenv run python",
        Some(inside) => inside,
        None => "python3",
    };
    let has_pytest = folder.has("conftest.py")
        || folder.has("tests/conftest.py")
        || folder.says(&PYTHON, "pytest")
        || folder.says(&["requirements-dev.txt", "requirements/dev.txt", "dev-requirements.txt"], "pytest");
    let unit = ["tests", "test"].into_iter().find(|name| folder.has(name));
    let command = match (has_pytest, unit) {
        (true, _) => format!("{begins} -m pytest"),
        (false, Some(unit)) => format!("{begins} -m unittest discover -s {unit}"),
        (false, None) => return None,
    };
    Some(Step { none: Some(5), ..folder.step(file, &command) })
}

/// A script that is called after its tests, where nothing else says how.
fn script(folder: &Folder) -> Option<Step> {
    let names = ["script/test", "scripts/test", "scripts/test.sh", "bin/test", "test.sh", "run-tests.sh"];
    let file = folder.first(&names).filter(|file| folder.path.join(file).is_file())?;
    let shell = if folder.text(file).lines().next().is_some_and(|line| line.contains("bash")) { "bash" } else { "sh" };
    Some(folder.step(file, &format!("{shell} {file}")))
}

fn setup_of(folder: &Folder) -> Vec<Step> {
    let yarn = if folder.text("yarn.lock").contains("__metadata:") { "--immutable" } else { "--frozen-lockfile" };
    let node = [
        ("pnpm-lock.yaml", "pnpm install --frozen-lockfile".to_owned()),
        ("yarn.lock", format!("yarn install {yarn}")),
        ("bun.lock", "bun install --frozen-lockfile".to_owned()),
        ("bun.lockb", "bun install --frozen-lockfile".to_owned()),
        ("package-lock.json", "npm ci".to_owned()),
    ];
    let others = [
        ("uv.lock", "uv sync --frozen"),
        ("poetry.lock", "poetry install --no-interaction"),
        ("Pipfile.lock", "pipenv sync --dev"),
        ("Gemfile.lock", "bundle install"),
        ("composer.lock", "composer install --no-interaction"),
        ("mix.lock", "mix deps.get"),
    ];
    let step = |(file, command): (&str, &str)| folder.has(file).then(|| folder.step(file, command));
    let node = node.iter().find_map(|(file, command)| step((file, command)));
    node.into_iter().chain(others.into_iter().filter_map(step)).collect()
}

#[cfg(test)]
mod tests;

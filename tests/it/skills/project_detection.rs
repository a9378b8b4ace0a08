//! What a project is, by its files alone.

use super::{machine, nasty, refused, untouched};

#[test]
fn each_part_is_told_with_its_commands() {
    let world = machine();
    world.write("Cargo.toml", "[workspace]\nmembers = [\"x\"]\n");
    world.write(
        "web app/package.json",
        "{ \"packageManager\": \"pnpm@10.1.0\", \"engines\": { \"node\": \">=20\" },\n  \"scripts\": { \"test\": \"vitest\",\n\
         \"lint\": \"eslint . --fix\", \"preview\": \"vite preview\", \"say\": \"echo \\\"hi\\\"\" } }\n",
    );
    world.write("svc/go.mod", "module x\n\ngo 1.25\n");
    world.write(
        "py/pyproject.toml",
        "[project]\nrequires-python = \">=3.12\"\n[tool.pytest.ini_options]\n[tool.ruff]\n",
    );
    world.write("uv.lock", "");
    world.write("jvm/pom.xml", "<project/>");
    world.write("mvnw", "");
    world.write(&format!("{}/Cargo.toml", nasty("")), "");
    world.write("ignored/Cargo.toml", "");
    world.write(".gitignore", "ignored\n");
    world.write("Makefile", "all: build\nbuild test:\n\techo\nX := 1\n");
    let ci = "jobs:\n  a:\n    steps:\n      - uses: actions/checkout@v5\n      - run: npm ci\n      - name: x\n        run: |\n          npm test\n          npm run e2e\n        env: {}\n";
    world.write(".github/workflows/ci.yml", ci);
    let ran = untouched(&world, "project-detection", &[]).exits(0);
    let squeezed =
        ran.stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n").collect::<String>();
    for part in [
        ". (Cargo.toml)\nbuild cargo build --workspace Cargo.toml\ntest cargo test --workspace Cargo.toml\n",
        "web app (package.json)\ninstall pnpm install --frozen-lockfile web app/package.json (packageManager)\n\
         test pnpm run test = vitest (CI=1, or it does not end)\nlint pnpm run lint = eslint . --fix (changes files)\n\
         script pnpm run preview = vite preview\nscript pnpm run say = echo \"hi\"\nversions node >=20 ",
        "svc (go.mod)\nbuild go build ./... svc/go.mod\ntest go test ./... (races: -race)",
        "versions go 1.25",
        "py (pyproject.toml)\ninstall uv sync uv.lock\ntest uv run pytest pyproject.toml\nlint uv run ruff check . ruff\nversions python \">=3.12\"",
        "jvm (pom.xml)\nbuild ./mvnw -q -DskipTests package",
        "-r a'b\"c $(touch owned) *? (Cargo.toml)\n",
        "make all build (Makefile)\nci .github/workflows/ci.yml\nnpm ci\nnpm test\nnpm run e2e\n",
    ] {
        assert!(squeezed.contains(part), "{part}\n{squeezed}");
    }
    assert!(!ran.stdout.contains("ignored"), "{ran:?}");
    let ran = untouched(&world, "project-detection", &[("most", "1")]).exits(0);
    assert!(ran.stdout.contains("and 5 more parts\n"), "{ran:?}");
}

#[test]
fn nothing_is_made_up() {
    let world = machine();
    let ran = untouched(&world, "project-detection", &[]).exits(0);
    assert!(ran.stdout.starts_with("no manifest of a build tool that is known here\n"), "{ran:?}");
    refused(untouched(&world, "project-detection", &[("path", "-")]), "there is no folder ./-");
    refused(untouched(&world, "project-detection", &[("most", "x")]), "most is a number");
}

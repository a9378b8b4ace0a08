//! What lock files hold, for each that is known.

use super::{machine, nasty, refused, untouched};

#[test]
fn each_kind_of_lock_file_is_read() {
    let world = machine();
    let files = [
        (
            "rust/Cargo.lock",
            "version = 4\n\n[[package]]\nname = \"own\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"syn\"\nversion = \"1.0.1\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\n\n\
             [[package]]\nname = \"syn\"\nversion = \"2.0.2\"\nsource = \"registry+x\"\n\n[[package]]\nname = \"forked\"\nversion = \"1.0.0\"\nsource = \"git+https://host.example/x#abc\"\n",
            "rust/Cargo.lock: 3 packages by 2 names, 1 of the project itself\n  forked 1.0.0: from a repository, git+https://host.example/x#abc\n  2 versions of syn: 1.0.1, 2.0.2\n",
        ),
        (
            "web/package-lock.json",
            "{\n  \"name\": \"x\",\n  \"lockfileVersion\": 3,\n  \"packages\": {\n    \"\": {\n      \"version\": \"1.0.0\"\n    },\n    \"node_modules/@a/b\": {\n      \"version\": \"2.0.0\",\n      \"resolved\": \"https://registry.npmjs.org/@a/b.tgz\",\n      \"hasInstallScript\": true\n    },\n    \"node_modules/c/node_modules/@a/b\": {\n      \"version\": \"1.0.0\",\n      \"resolved\": \"http://mirror.example/b.tgz\"\n    }\n  }\n}\n",
            "web/package-lock.json: 2 packages by 1 names\n  run a script when they are installed: @a/b\n  @a/b 1.0.0: not encrypted, http://mirror.example/b.tgz\n  2 versions of @a/b: 2.0.0, 1.0.0\n",
        ),
        (
            "yarn/yarn.lock",
            "# yarn lockfile v1\n\n\"@a/b@^1.0.0\", \"@a/b@^1.1.0\":\n  version \"1.2.0\"\n\nc@^2:\n  version \"2.1.0\"\n",
            "yarn/yarn.lock: 2 packages by 2 names\n",
        ),
        (
            "berry/yarn.lock",
            "__metadata:\n  version: 8\n\n\"a@npm:^1.0.0\":\n  version: 1.2.0\n\n\"own@workspace:.\":\n  version: 0.0.0-use.local\n",
            "berry/yarn.lock: 1 packages by 1 names, 1 of the project itself\n",
        ),
        (
            "pnpm/pnpm-lock.yaml",
            "lockfileVersion: '9.0'\n\npackages:\n\n  '@a/b@1.2.3':\n    resolution: {}\n\n  c@2.0.0:\n    resolution: {}\n\nsnapshots:\n\n  c@9.9.9:\n    x: 1\n",
            "pnpm/pnpm-lock.yaml: 2 packages by 2 names\n",
        ),
        (
            "bun/bun.lock",
            "{\n  \"lockfileVersion\": 1,\n  \"packages\": {\n    \"@a/b\": [\"@a/b@1.2.3\", \"\", {}, \"sha512-x\"],\n    \"own\": [\"own@workspace:own\"],\n  }\n}\n",
            "bun/bun.lock: 1 packages by 1 names, 1 of the project itself\n",
        ),
        (
            "py/uv.lock",
            "[[package]]\nname = \"own\"\nversion = \"0.1.0\"\nsource = { editable = \".\" }\n\n[[package]]\nname = \"a\"\nversion = \"1.0\"\nsource = { git = \"https://host.example/a?rev=1#2\" }\n",
            "py/uv.lock: 1 packages by 1 names, 1 of the project itself\n  a 1.0: from a repository, git+https://host.example/a?rev=1#2\n",
        ),
        (
            "pip/requirements-dev.txt",
            "# c\n-r base.txt\na[x]==1.0 ; python_version > '3'\nb>=2\nc @ https://host.example/c.whl\n",
            "pip/requirements-dev.txt: 1 packages by 1 names\n  b>=2: no fixed version\n  c @ https://host.example/c.whl: from an address\n",
        ),
        (
            "go/go.mod",
            "module m\n\nrequire a.example/x v1.2.3\n\nrequire (\n\tb.example/y v0.0.0-20260101000000-abcdef012345 // indirect\n)\n\nreplace a.example/x => ../x\n",
            "go/go.mod: 2 packages by 2 names, 1 of them indirect\n  b.example/y v0.0.0-20260101000000-abcdef012345: a commit, not a release\n  replaced: a.example/x => ../x\n",
        ),
        (
            "jvm/gradle.lockfile",
            "# x\na.b:c:1.2=runtimeClasspath\nempty=\n",
            "jvm/gradle.lockfile: 1 packages by 1 names\n",
        ),
        (
            "mvn/pom.xml",
            "<project>\n<dependency>\n  <groupId>g</groupId>\n  <artifactId>a</artifactId>\n  <version>1-SNAPSHOT</version>\n</dependency>\n<dependency>\n  <groupId>g</groupId>\n  <artifactId>b</artifactId>\n</dependency>\n</project>\n",
            "mvn/pom.xml: 2 packages by 2 names, 1 with a version that is set elsewhere\n  a pom is no lock file: mvn -q dependency:list tells all that is used\n  g:a 1-SNAPSHOT: not one fixed version\n",
        ),
        (
            "rb/Gemfile.lock",
            "GEM\n  specs:\n    rake (13.0.0)\n      x (~> 1)\n",
            "rb/Gemfile.lock: 1 packages by 1 names\n",
        ),
        (
            "php/composer.lock",
            "{\n    \"packages\": [\n        {\n            \"name\": \"a/b\",\n            \"version\": \"dev-main\",\n        }\n    ]\n}\n",
            "php/composer.lock: 1 packages by 1 names\n  a/b dev-main: a branch, not a release\n",
        ),
    ];
    for (path, text, _) in &files {
        world.write(path, text);
    }
    let odd = format!("{}/Cargo.lock", nasty(""));
    world.write(&odd, "[[package]]\nname = \"own\"\nversion = \"0.1.0\"\n");
    world.write("package.json", "{}");
    let ran = untouched(&world, "dependency-audit", &[]).exits(0);
    for (path, _, said) in &files {
        assert!(ran.stdout.contains(said), "{path}\n{ran:?}");
    }
    assert!(ran.stdout.contains("c $(touch owned) *\\n/Cargo.lock: 0 packages by 0 names, 1 of"), "{ran:?}");
    assert!(ran.stdout.contains("\npackage.json stands without a lock file (package-lock.json,"), "{ran:?}");
    let ran = untouched(&world, "dependency-audit", &[("path", "jvm"), ("show", "all")]).exits(0);
    assert_eq!(ran.stdout, "gradle.lockfile: 1 packages by 1 names\n    a.b:c 1.2\n");
}

#[test]
fn bad_input_is_refused() {
    let world = machine();
    refused(untouched(&world, "dependency-audit", &[("path", "-x")]), "there is no folder ./-x");
    refused(untouched(&world, "dependency-audit", &[("show", "some")]), "findings or all, not some");
    let ran = untouched(&world, "dependency-audit", &[]).exits(0);
    assert!(ran.stdout.starts_with("no lock file that is known here"), "{ran:?}");
}

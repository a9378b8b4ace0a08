//! Repositories as people have them: a small web application, a library, a service. Their tests need `make` and `sh`.

use crate::world::World;

/// Runs every test there is, and is red where somebody left a file `BROKEN`.
const MAKEFILE: &str = "\
test:
\t@for one in $$(find . -name '*_test.sh' | sort); do sh $$one || { echo red: $$one; exit 1; }; done
\t@test -z \"$$(find . -name BROKEN)\"
";

fn with(files: &[(&str, &str)]) -> World {
    let world = World::new();
    world.write("Makefile", MAKEFILE);
    world.write(".gitignore", "/build/\n");
    for (path, text) in files {
        world.write(path, text);
    }
    world.commit("as it is");
    world
}

/// Server, client, and a page that has both.
pub(super) fn web_application() -> World {
    with(&[
        ("server/list.sh", "cat server/releases.txt\n"),
        ("server/releases.txt", "1.0\n1.1\n"),
        ("server/list_test.sh", "test \"$(sh server/list.sh | wc -l)\" -eq 2\n"),
        ("client/page.html", "<ul id=\"releases\"></ul>\n"),
        ("client/page_test.sh", "grep -q releases client/page.html\n"),
        ("docs/guide.md", "# Guide\n"),
    ])
}

/// One that strangers call.
pub(super) fn library() -> World {
    with(&[
        ("src/text/words.sh", "words() { wc -w; }\n"),
        ("src/text/lines.sh", "lines() { wc -l; }\n"),
        ("tests/words_test.sh", ". ./src/text/words.sh\ntest \"$(echo one two | words)\" -eq 2\n"),
        ("CHANGELOG.md", "# Changes\n\n## 0.1.0\n\nCounts words.\n"),
        ("VERSION", "0.1.0\n"),
    ])
}

/// One that others call, with settings and a schema.
pub(super) fn service() -> World {
    with(&[
        ("api/health.sh", "echo ok\n"),
        ("api/health_test.sh", "test \"$(sh api/health.sh)\" = ok\n"),
        ("db/001_begin.sql", "create table notes (id integer primary key);\n"),
        ("deploy/settings.env", "PORT=8080\n"),
        ("docs/api.md", "# Interface\n"),
    ])
}

//! The mission of promise 1: with everything of the language that a dying engine could leave half done.

use crate::promises::site::Site;

const ROLES: &str = "---\nname: dev\ndescription: Writes code.\nkind: code\n---\n{{task.prompt}}\n";

const SCENARIO: &str = r#"
[[sessions]]
kind = "review"
attempt = 1
round = 1
play = [{ hand_over = { status = "done", summary = "Not yet.", verdict = "rework", reasons = ["again"] } }]
[[sessions]]
task = "judge"
attempt = 1
play = [{ hand_over = { status = "done", summary = "No.", verdict = "rework", reasons = ["all of it"] } }]
[[sessions]]
task = "judge"
play = [{ hand_over = { status = "done", summary = "Yes.", verdict = "approve" } }]
[[sessions]]
task = "rework"
round = 1
play = [{ run = ["sh", "-c", "sh $HOME/work.sh rework.txt wrong"] }]
[[sessions]]
task = "rework"
play = [{ run = ["sh", "-c", "sh $HOME/work.sh rework.txt right"] }]
[[sessions]]
kind = "work"
play = [{ say = "on it" }, { run = ["sh", "-c", "sh $HOME/work.sh \"$AI_SDLC_TASK.txt\" done"] }]
"#;

/// The mission; `into` is its `[merge]` table.
pub(super) fn mission(name: &str, merge: &str) -> String {
    format!(
        r#"
[mission]
name = "{name}"
[concurrency]
max = 3
[workspace]
setup = ["true"]
pass = ["AI_SDLC_FAIL_POINT"]
[defaults]
retry = {{ max = 8, backoff = "10ms" }}
[budget]
time = "1h"
[merge]
checks = ["true"]
{merge}
[tasks.c1]
run = "sh $HOME/work.sh c1.txt done"
[tasks.c2]
run = "sh $HOME/work.sh c2.txt done"
[tasks.c3]
needs = ["c1"]
run = "sh $HOME/work.sh c3.txt done"
checks = ["test -e c3.txt"]
[tasks.s1]
role = "dev"
prompt = "Do it."
[tasks.rework]
needs = ["c1"]
role = "dev"
prompt = "Do it."
checks = ["grep -q right rework.txt"]
[tasks.flaky]
needs = ["c2"]
run = "sh $HOME/work.sh flaky.txt done; test -e $HOME/tried-$AI_SDLC_RUN || {{ touch $HOME/tried-$AI_SDLC_RUN; exit 1; }}"
[tasks.build]
for_each = {{ part = ["a", "b"] }}
needs = ["c3"]
role = "dev"
prompt = "Build {{{{part}}}}."
review = "tech-lead"
[tasks.judge]
needs = ["build"]
role = "tech-lead"
prompt = "Judge it."
rework = ["build"]
touches = []
[tasks.ask]
needs = ["judge", "s1", "rework"]
gate = "Good?"
[tasks.chain]
needs = ["ask", "flaky"]
run = "sh $HOME/work.sh chain.txt done"
[tasks.link]
needs = ["chain"]
run = "sh $HOME/work.sh link.txt done"
workspace = {{ with = "chain" }}
[tasks.tidy]
join = "always"
run = "true"
touches = []
"#
    )
}

/// What the mission makes.
pub(super) const MADE: [&str; 8] =
    ["c1.txt", "c2.txt", "c3.txt", "s1.txt", "rework.txt", "flaky.txt", "chain.txt", "link.txt"];
/// Its tasks.
pub(super) const TASKS: [&str; 13] =
    ["c1", "c2", "c3", "s1", "rework", "flaky", "build[a]", "build[b]", "judge", "ask", "chain", "link", "tidy"];

/// Its table `[merge]` where work is delivered as it comes.
pub(super) const INTO: &str = "into = \"main\"\ndeliver = \"each\"";

/// What begins it.
pub(super) fn begin(file: &str) -> [&str; 10] {
    ["mission", "run", file, "--agent", "rehearsal", "--scenario", "scenario.toml", "--yes", "--ui", "json"]
}

/// Files of the mission, in a checkout.
pub(super) fn prepare(site: &Site<'_>, missions: &[(&str, String)]) {
    let write = |path: &str, text: &str| {
        let path = site.dir.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("scenario.toml", SCENARIO);
    write("roles/dev.md", ROLES);
    for (file, text) in missions {
        write(file, text);
    }
    site.git(&["add", "-A"]);
    site.git(&["commit", "-q", "-m", "missions"]);
    write("mine.txt", "stashed\n");
    site.git(&["stash", "push", "-q", "--include-untracked"]);
    site.git(&["branch", "mine"]);
}

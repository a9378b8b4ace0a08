//! Workspaces, merging and inputs as a mission says them, in real runs.

use std::fmt::Write as _;
use std::fs;

use crate::world::{Ran, World};

fn run(world: &World, mission: &str) -> Ran {
    world.mission(&format!("[mission]\nname = \"m\"\n{mission}"));
    world.run(["mission", "run", "mission.toml", "--yes"])
}

#[test]
fn a_worktree_gets_its_copies_links_setup_and_environment() {
    let world = World::new();
    world.write(".gitignore", ".env\nnode_modules\n");
    world.write(".env", "SECRET=1\n");
    world.write("node_modules/dep/index.js", "x\n");
    let mut command = world.program();
    world.mission(
        r#"
[mission]
name = "m"
[workspace]
copy = [".env"]
link = ["node_modules"]
setup = ["echo setup >> $HOME/setups; cp .env set-up.txt; rm set-up.txt"]
pass = ["MY_*"]
root = "../trees"
branch = "work/{{run.id}}/{{task.id}}"
keep = "always"
[merge]
into = "main"
[tasks.a]
env = { OWN = "mine" }
run = "cat .env node_modules/dep/index.js > seen.txt; echo $MY_KEY $OTHER $OWN >> seen.txt; pwd > $HOME/where; git branch --list 'work/*' > /dev/null"
"#,
    );
    let ran = command
        .args(["mission", "run", "mission.toml", "--yes"])
        .env("MY_KEY", "k")
        .env("OTHER", "o")
        .output()
        .unwrap();
    Ran::of(&ran).exits(0);
    assert_eq!(world.read("seen.txt"), "SECRET=1\nx\nk mine\n");
    assert_eq!(fs::read_to_string(world.home().join("setups")).unwrap(), "setup\n");
    let place = fs::read_to_string(world.home().join("where")).unwrap();
    assert!(place.contains("/trees/"), "{place}");
    assert!(std::path::Path::new(place.trim()).exists(), "it was to be kept");
    assert!(world.git(["branch", "--list", "work/*"]).contains("/a"), "{}", world.git(["branch", "-a"]));
    let files = world.git(["ls-tree", "-r", "--name-only", "main"]);
    assert!(!files.contains(".env") && !files.contains("node_modules"), "{files}");
}

#[test]
fn a_setup_that_fails_fails_the_task_and_says_so() {
    let world = World::new();
    let ran =
        run(&world, "[workspace]\nsetup = [\"echo no registry >&2; exit 4\"]\n[tasks.a]\nrun = \"true\"\n").exits(1);
    assert!(ran.stdout.contains("setup") && ran.stdout.contains("exited with 4"), "{ran:?}");
    assert!(ran.stdout.contains("no registry"), "{ran:?}");
}

#[test]
fn a_base_and_a_merge_strategy() {
    let world = World::new();
    world.git(["branch", "old"]);
    world.write("new.txt", "new\n");
    world.commit("second");
    run(
        &world,
        r#"
[inputs.from]
type = "string"
default = "old"
[workspace]
base = "{{inputs.from}}"
[merge]
strategy = "merge"
[tasks.a]
run = "test ! -e new.txt && echo a > a.txt"
"#,
    )
    .exits(0);
    let branch = world.git(["for-each-ref", "--format=%(refname)", "refs/heads/ai-sdlc"]);
    let integration = branch.lines().find(|line| line.ends_with("/integration")).unwrap();
    assert_eq!(world.git(["rev-list", "--merges", "--count", integration]), "1");
    assert_eq!(world.git(["show", &format!("{integration}:a.txt")]), "a");
}

#[test]
fn each_merge_is_delivered_also_when_others_move_the_branch() {
    let world = World::new();
    let push = "cd $PROJECT && until git log --format=%s main | grep -qx a; do sleep 0.01; done && echo theirs > theirs.txt && git add theirs.txt && git commit -qm theirs";
    let mission = format!(
        "[workspace]\npass = [\"PROJECT\"]\nsandbox = \"off\"\n[merge]\ninto = \"main\"\ndeliver = \"each\"\n[tasks.a]\nrun = \"echo a > a.txt\"\n\
         [tasks.others]\nneeds = [\"a\"]\nrun = \"{push}\"\n[tasks.b]\nneeds = [\"others\"]\nrun = \"echo b > b.txt\"\n"
    );
    world.mission(&format!("[mission]\nname = \"m\"\n{mission}"));
    let mut command = world.program();
    let command = command.env("PROJECT", world.project()).args(["mission", "run", "mission.toml", "--yes"]);
    Ran::of(&command.output().unwrap()).exits(0);
    for file in ["a.txt", "b.txt", "theirs.txt"] {
        world.read(file);
    }
}

#[test]
fn a_batch_with_a_failing_member_is_halved_until_the_others_are_in() {
    let world = World::new();
    let mut mission =
        "[concurrency]\nmax = 6\n[merge]\ncommit = \"batch\"\nchecks = [\"test ! -e bad.txt\"]\n".to_owned();
    for name in ["one", "two", "bad", "four", "five"] {
        writeln!(mission, "[tasks.{name}]\nrun = \"echo x > {name}.txt\"").unwrap();
    }
    let ran = run(&world, &mission).exits(1);
    assert!(ran.stdout.contains("merge check"), "{ran:?}");
    for (name, end) in
        [("one", "succeeded"), ("two", "succeeded"), ("bad", "failed"), ("four", "succeeded"), ("five", "succeeded")]
    {
        assert_eq!(world.end_of(name), end, "{name}");
    }
}

#[test]
fn in_a_directory_one_writes_at_a_time_and_lookers_go_beside_it() {
    let world = World::bare();
    world.write(
        "mission.toml",
        r#"
[mission]
name = "m"
[concurrency]
max = 4
[workspace]
mode = "directory"
[tasks.a]
run = "mkdir held && touch $HOME/a && until test -e $HOME/looked; do sleep 0.01; done && rmdir held"
[tasks.b]
run = "mkdir held && rmdir held"
[tasks.looks]
touches = []
run = "until test -e $HOME/a; do sleep 0.01; done; test -d held && touch $HOME/looked"
"#,
    );
    world.run(["mission", "run", "mission.toml", "--yes"]).exits(0);
}

#[test]
fn a_handoff_in_a_directory_lies_outside_of_it() {
    let world = World::bare();
    world.write("roles/dev.md", "---\nname: dev\ndescription: Works.\nkind: code\n---\n{{task.prompt}}\n");
    world.write(
        "mission.toml",
        r#"
[mission]
name = "m"
[workspace]
mode = "directory"
[agents.mine]
backend = "command"
command = ["sh", "-c", "cat > $HOME/prompt; printf -- '---\nstatus: done\nsummary: Looked.\noutputs:\n  word: hello\n---\n' > $AI_SDLC_HANDOFF_OUT"]
[tasks.a]
role = "dev"
agent = "mine"
prompt = "x"
outputs.word = "string"
[tasks.b]
needs = ["a"]
run = ["sh", "-c", "echo $1 > word.txt; cp $AI_SDLC_HANDOFF_IN $HOME/handed", "_", "{{tasks.a.outputs.word}}"]
"#,
    );
    world.run(["mission", "run", "mission.toml", "--yes"]).exits(0);
    assert_eq!(world.read("word.txt"), "hello\n");
    assert!(fs::read_to_string(world.home().join("handed")).unwrap().contains("Looked."));
    let left: Vec<_> = fs::read_dir(world.project()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("handoff")), "{left:?}");
}

#[test]
fn inputs_are_checked_before_anything_starts() {
    let world = World::new();
    world.mission(
        r#"
[mission]
name = "m"
[inputs.n]
type = "integer"
minimum = 1
[inputs.level]
type = "string"
enum = ["low", "high"]
default = "low"
[inputs.word]
type = "string"
pattern = "^[a-z]+$"
default = "abc"
[inputs.list]
type = "array"
default = ["a"]
[tasks.a]
run = "echo $AI_SDLC_INPUT_N $AI_SDLC_INPUT_LEVEL $AI_SDLC_INPUT_WORD $AI_SDLC_INPUT_LIST > $HOME/inputs"
"#,
    );
    let go = |inputs: &[&str]| {
        let mut command = world.program();
        command.args(["mission", "run", "mission.toml", "--yes"]);
        for input in inputs {
            command.args(["--input", input]);
        }
        Ran::of(&command.output().unwrap())
    };
    for (inputs, word) in [
        (&[][..], "n"),
        (&["n=x"], "n"),
        (&["n=0"], "n"),
        (&["n=1", "level=mid"], "level"),
        (&["n=1", "word=A1"], "word"),
        (&["n=1", "nobody=1"], "nobody"),
        (&["n=1", "list=x"], "list"),
    ] {
        let ran = go(inputs).exits(2);
        assert!(ran.stderr.contains(word), "{inputs:?}: {ran:?}");
    }
    assert!(world.run(["run", "list"]).stdout.trim().lines().count() <= 1);
    go(&["n=3", "level=high", "list=[\"x\",\"y\"]"]).exits(0);
    assert_eq!(fs::read_to_string(world.home().join("inputs")).unwrap(), "3 high abc [\"x\",\"y\"]\n");
}

#[test]
fn shell_strings_are_never_templates() {
    let world = World::new();
    let ran = run(
        &world,
        "[inputs.x]\ntype = \"string\"\ndefault = \"y\"\n[tasks.a]\nrun = [\"sh\", \"-c\", \"echo {{inputs.x}}\"]\n",
    )
    .exits(2);
    assert!(ran.stderr.contains("shell"), "{ran:?}");
}

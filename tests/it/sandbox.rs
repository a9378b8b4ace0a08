//! What tasks may write, on the real system: their workspace, temporary and cache folders, and nothing else.
//!
//! Where the kernel has no Landlock, these tests say so and try nothing.

use std::fs;
use std::path::PathBuf;

use ai_sdlc::session::sandbox::probe;

use crate::world::World;

/// Whether there is anything to try here.
fn can() -> bool {
    probe().inspect_err(|why| println!("not tried: {why}")).is_ok()
}

/// Each line tries one thing and tells in `tried` whether it was done.
const ATTEMPTS: &str = r#"
try() { name=$1; shift; if ( "$@" ) 2> /dev/null; then echo "$name done"; else echo "$name refused"; fi >> tried; }
write() { echo spoilt > "$1"; }
into() { cd "$1" && echo spoilt > "$2"; }
try absolute write "$HOME/new"
try existing write "$HOME/theirs"
try append sh -c 'echo spoilt >> "$HOME/theirs"'
try truncate perl -e 'truncate("$ENV{HOME}/theirs", 0) or die'
try delete rm "$HOME/theirs"
try rename mv "$HOME/theirs" here
try folder mkdir "$HOME/folder"
try dots write "../../../../../../../../../../../../../../..$HOME/new"
ln -s "$HOME" link && try symlink write link/new
try hardlink ln "$HOME/theirs" hard
echo x > mine && try move-out mv mine "$HOME/mine"
try proc-cwd write "/proc/self/cwd/link/new"
try proc-root write "/proc/self/root$HOME/new"
try hook write "$COMMON/hooks/post-checkout"
try config write "$COMMON/config"
try reference write "$COMMON/refs/heads/mine"
try object mkdir "$COMMON/objects/zz"
try journal write "$COMMON/ai-sdlc/new"
try checkout write "$CHECKOUT/README.md"
try checkout-new write "$CHECKOUT/new"
try other-worktree into "$(dirname "$AI_SDLC_WORKSPACE")" new
try commit git -c user.name=x -c user.email=x@x commit -q --allow-empty -m x
try kill kill -0 "$ENGINE"
try environ sh -c 'cat "/proc/$ENGINE/environ" > /dev/null'
try workspace write new
try nested sh -c 'mkdir -p a/b && mv new a/b/new && ln a/b/new a/hard'
try tmp write "$TMPDIR/new"
try shm perl -e '$f = "/dev/shm/aisdlc-$$"; open(F, ">", $f) or die; unlink $f or die'
try cache write "$HOME/.cache/new"
try null sh -c 'echo x > /dev/null && echo x > /dev/stderr'
try status sh -c "git status --short > /dev/null"
try background sh -c 'sleep 60 & kill $!'
"#;

/// Those that are to be done; all others are to be refused.
const DONE: [&str; 8] = ["workspace", "nested", "tmp", "shm", "cache", "null", "status", "background"];

fn told(tried: &str) {
    let lines: Vec<(&str, &str)> = tried.lines().filter_map(|line| line.split_once(' ')).collect();
    assert!(lines.len() > 30, "{tried}");
    // Root may look at the memory of every process, whatever else holds.
    let may_look = rustix::process::geteuid().is_root();
    for (name, how) in lines.into_iter().filter(|(name, _)| !(may_look && *name == "environ")) {
        let wanted = if DONE.contains(&name) { "done" } else { "refused" };
        assert_eq!(how, wanted, "{name}:\n{tried}");
    }
}

fn mission(world: &World, text: &str) {
    world.mission(&format!("[mission]\nname = \"m\"\n{text}"));
}

/// A confined machine with something to spoil.
fn world() -> World {
    let world = World::new().confined();
    fs::create_dir_all(world.home().join(".cache")).unwrap();
    fs::write(world.home().join("theirs"), "theirs\n").unwrap();
    world.write("attempts.sh", ATTEMPTS);
    world
}

fn variables(world: &World) -> String {
    format!(
        "env = {{ COMMON = \"{0}/.git\", CHECKOUT = \"{0}\", ENGINE = \"{1}\" }}\n",
        world.project().display(),
        std::process::id()
    )
}

fn unspoilt(world: &World) {
    assert_eq!(fs::read_to_string(world.home().join("theirs")).unwrap(), "theirs\n");
    let mut there: Vec<PathBuf> =
        fs::read_dir(world.home()).unwrap().map(|entry| entry.unwrap().file_name().into()).collect();
    there.sort();
    assert_eq!(there, [".cache", ".local", "theirs"].map(PathBuf::from), "in the home folder");
    assert_eq!(world.read("README.md"), "hello\n");
    assert!(!world.project().join(".git/hooks/post-checkout").exists());
}

#[test]
fn a_command_writes_to_its_worktree_and_nowhere_else() {
    if !can() {
        return;
    }
    let world = world();
    let variables = variables(&world);
    mission(
        &world,
        &format!(
            "[merge]\ninto = \"main\"\n[workspace]\nsetup = [[\"sh\", \"-c\", \"! echo x > $HOME/setup\"]]\n\
         [tasks.a]\n{variables}run = \"sh attempts.sh; rm -f link\"\nchecks = [[\"sh\", \"-c\", \"! echo x > $HOME/check\"]]\n"
        ),
    );
    world.run(["mission", "run", "mission.toml", "-y"]).exits(0);
    told(&world.read("tried"));
    unspoilt(&world);
    let report = world.report();
    assert_eq!(report["sandbox"]["state"], "landlock", "{report:#}");
    let event = world.events().into_iter().find(|event| event["type"] == "sandboxed").unwrap();
    assert!(event["sandbox"]["abi"].as_u64().is_some_and(|abi| abi > 0), "{event}");
}

#[test]
fn so_does_a_session() {
    if !can() {
        return;
    }
    let world = world();
    let variables = variables(&world);
    world.write(
        "s.toml",
        "[[sessions]]\nplay = [{ run = [\"sh\", \"attempts.sh\"] }, { delete = \"link\" }, { write = \"made\", text = \"x\" }]\n",
    );
    mission(
        &world,
        &format!(
            "[merge]\ninto = \"main\"\n[agents.player]\nbackend = \"rehearsal\"\nscenario = \"s.toml\"\n\
         [tasks.a]\nrole = \"full-stack-dev\"\nagent = \"player\"\n{variables}prompt = \"x\"\n"
        ),
    );
    world.run(["mission", "run", "mission.toml", "-y"]).exits(0);
    told(&world.read("tried"));
    assert_eq!(world.read("made"), "x");
    unspoilt(&world);
}

#[test]
fn what_was_refused_says_how_to_let_it() {
    if !can() {
        return;
    }
    let world = world();
    mission(&world, "[tasks.a]\nrun = \"echo x > $HOME/new\"\n");
    let ran = world.run(["mission", "run", "mission.toml", "-y"]).exits(1);
    assert!(ran.stdout.contains("writable = [\"~/folder\"]"), "{ran:?}");
    fs::create_dir(world.home().join("let")).unwrap();
    mission(&world, "[workspace]\nwritable = [\"~/let\", \"~/none\"]\n[tasks.a]\nrun = \"echo x > $HOME/let/new\"\n");
    let ran = world.run(["mission", "run", "mission.toml", "-y"]).exits(0);
    assert!(world.home().join("let/new").exists());
    assert!(ran.stderr.contains("`~/none` is not there"), "{ran:?}");
    let plan = world.run(["mission", "plan", "mission.toml"]).exits(0);
    assert!(plan.stdout.contains("cache folders, and ~/let, ~/none"), "{plan:?}");
}

#[test]
fn outputs_artifacts_and_handoffs_are_left_where_they_are_asked_for() {
    if !can() {
        return;
    }
    for mode in ["worktree", "directory"] {
        let world = world();
        world.write(
            "s.toml",
            "[[sessions]]\nplay = [{ run = [\"sh\", \"-c\", \"echo kept > $AI_SDLC_ARTIFACTS/kept\"] }, \
             { hand_over = { status = \"done\", summary = \"Made.\", outputs = { n = 3 } } }]\n",
        );
        mission(
            &world,
            &format!(
                "[workspace]\nmode = \"{mode}\"\n[agents.player]\nbackend = \"rehearsal\"\nscenario = \"s.toml\"\n\
             [tasks.a]\nrun = \"echo '{{\\\"n\\\": 2}}' > $AI_SDLC_OUTPUTS; echo x > $AI_SDLC_ARTIFACTS/made; ! echo x > $AI_SDLC_OUTPUTS/../../result.json\"\n\
             outputs.n = \"integer\"\n\
             [tasks.b]\nneeds = [\"a\"]\nrole = \"full-stack-dev\"\nagent = \"player\"\nprompt = \"x\"\noutputs.n = \"integer\"\n\
             [tasks.c]\nneeds = [\"b\"]\nrun = \"test $AI_SDLC_OUT_A_N$AI_SDLC_OUT_B_N = 23\"\n"
            ),
        );
        world.run(["mission", "run", "mission.toml", "-y"]).exits(0);
        let kept = world.task("b")["artifacts"].to_string();
        assert!(kept.contains("kept"), "{kept}");
    }
}

#[test]
fn a_directory_with_a_git_folder_in_it_is_told_of() {
    if !can() {
        return;
    }
    let world = world();
    mission(&world, "[workspace]\nmode = \"directory\"\n[tasks.a]\nrun = \"echo x > new; ! echo x > $HOME/new\"\n");
    let ran = world.run(["mission", "run", "mission.toml", "-y"]).exits(0);
    assert!(ran.stderr.contains("tasks can write to `") && ran.stderr.contains(".git`"), "{ran:?}");
    mission(&world, "[workspace]\nmode = \"directory\"\nsandbox = \"required\"\n[tasks.a]\nrun = [\"true\"]\n");
    let ran = world.run(["mission", "run", "mission.toml", "-y"]).exits(5);
    assert!(ran.stderr.contains("lies in the directory that tasks work in"), "{ran:?}");
}

#[test]
fn off_is_off_and_said() {
    let world = world();
    mission(&world, "[workspace]\nsandbox = \"off\"\n[tasks.a]\nrun = \"echo x > $HOME/new\"\n");
    let ran = world.run(["mission", "run", "mission.toml", "-y"]).exits(0);
    assert!(ran.stderr.contains("tasks may write wherever you may"), "{ran:?}");
    assert!(world.home().join("new").exists());
    assert_eq!(world.report()["sandbox"]["state"], "off");
}

#[test]
fn no_mission_takes_back_what_the_person_asks_for() {
    if !can() {
        return;
    }
    let world = world();
    fs::create_dir_all(world.home().join("let")).unwrap();
    let mine = world.home().join(".config/ai-sdlc/config.toml");
    fs::create_dir_all(mine.parent().unwrap()).unwrap();
    let off = "[workspace]\nsandbox = \"off\"\n[tasks.a]\nrun = \"! echo x > $HOME/new\"\n";
    for asked in ["auto", "required"] {
        fs::write(&mine, format!("[workspace]\nsandbox = \"{asked}\"\n")).unwrap();
        world.write(".ai-sdlc/config.toml", "[workspace]\nsandbox = \"off\"\n");
        mission(&world, &format!("# {asked}\n{off}"));
        world.run(["mission", "run", "mission.toml", "-y"]).exits(0);
        assert_eq!(world.report()["sandbox"]["state"], "landlock");
    }
    // A plan out of a file is the mission's word, too.
    world.run(["mission", "plan", "mission.toml", "--out", "plan.json"]).exits(0);
    world.run(["mission", "run", "--plan", "plan.json", "-y"]).exits(0);
    // Nor does it name folders, or call its agent trustworthy.
    mission(&world, "[workspace]\nwritable = [\"~/let\"]\n[tasks.a]\nrun = [\"true\"]\n");
    let ran = world.run(["mission", "run", "mission.toml", "-y"]).exits(5);
    assert!(ran.stderr.contains("`~/let`") && ran.stderr.contains("your own configuration"), "{ran:?}");
    let own = "[agents.mine]\nbackend = \"command\"\ncommand = [\"sh\", \"-c\", \"! echo x > $HOME/new\"]\nsandbox = \"own\"\n";
    mission(&world, &format!("{own}[tasks.a]\nrole = \"full-stack-dev\"\nagent = \"mine\"\nprompt = \"x\"\n"));
    world.run(["mission", "run", "mission.toml", "-y"]).exits(0);
    assert!(!world.home().join("new").exists());
    fs::write(&mine, format!("[workspace]\nsandbox = \"required\"\nwritable = [\"~/let\"]\n{own}")).unwrap();
    mission(
        &world,
        "[workspace]\nwritable = [\"~/let\"]\n[tasks.a]\nrole = \"full-stack-dev\"\nagent = \"mine\"\nprompt = \"x\"\n",
    );
    world.run(["mission", "run", "mission.toml", "-y"]).exits(1);
    assert!(world.home().join("new").exists(), "its own sandbox, which the person vouches for, is none");
}

#[test]
fn a_git_folder_cannot_be_named() {
    if !can() {
        return;
    }
    let world = world();
    let git = world.project().join(".git");
    let naming = |named: PathBuf| format!("[workspace]\nwritable = [\"{}\"]\n", named.display());
    mission(&world, &format!("{}[tasks.a]\nrun = [\"true\"]\n", naming(git.join("hooks"))));
    let ran = world.run(["mission", "run", "mission.toml", "-y"]).exits(5);
    assert!(ran.stderr.contains("lies in the git folder"), "{ran:?}");
    // What lies around it is let, and it is not.
    let (project, config) = (world.project(), git.join("config"));
    for (named, file) in
        [(project.clone(), project.join("README.md")), (project.join(".."), world.home().join("theirs"))]
    {
        let named = naming(fs::canonicalize(named).unwrap());
        let run = format!("echo x > {} && ! echo x > {}", file.display(), config.display());
        mission(&world, &format!("{named}[tasks.a]\nrun = \"{run}\"\n"));
        let ran = world.run(["mission", "run", "mission.toml", "-y"]).exits(0);
        assert!(ran.stderr.contains("nothing new can be made beside it"), "{ran:?}");
        assert!(fs::read_to_string(&config).unwrap().contains("[core]"));
    }
    mission(&world, "[workspace]\nwritable = [\"../elsewhere\"]\n[tasks.a]\nrun = [\"true\"]\n");
    world.run(["mission", "validate", "mission.toml"]).exits(2);
}

#[test]
fn without_a_temporary_folder_that_can_be_let_a_run_has_its_own() {
    if !can() {
        return;
    }
    let world = world();
    // The home folder lies in it, so that it cannot be opened.
    let above = world.home().parent().unwrap().to_owned();
    mission(&world, "[tasks.a]\nrun = \"echo x > $TMPDIR/x; ! echo x > $HOME/../new; echo $TMPDIR\"\n");
    let ran = world.program().args(["mission", "run", "mission.toml", "-y"]).env("TMPDIR", &above).output().unwrap();
    crate::world::Ran::of(&ran).exits(0);
    let log = world.run(["run", "logs", "a"]).stdout;
    let own = log.split_whitespace().find(|word| word.contains("/runs/") && word.ends_with("/tmp"));
    let own = PathBuf::from(own.unwrap_or_else(|| panic!("no folder of its own: {log}")));
    assert!(!own.exists(), "it goes with the run");
}

#[test]
fn a_notification_pushes_unless_a_sandbox_is_required() {
    if !can() {
        return;
    }
    for (mode, told) in [("auto", true), ("required", false)] {
        let world = world();
        mission(
            &world,
            &format!(
                "[workspace]\nsandbox = \"{mode}\"\n[[notify]]\non = [\"finished\"]\n\
             command = [\"sh\", \"-c\", \"echo x > $HOME/told\"]\n[tasks.a]\nrun = [\"true\"]\n"
            ),
        );
        world.run(["mission", "run", "mission.toml", "-y"]).exits(0);
        assert_eq!(world.home().join("told").exists(), told, "{mode}");
    }
}

#[test]
fn no_mission_is_read_from_outside_of_the_project() {
    let world = World::new();
    let outside = world.home().join("other.toml");
    fs::write(&outside, "[mission]\nname = \"other\"\n[tasks.a]\nrun = [\"true\"]\n").unwrap();
    std::os::unix::fs::symlink(&outside, world.project().join("link.toml")).unwrap();
    for named in [outside.to_str().unwrap(), "../home/other.toml", "link.toml"] {
        world.write("mission.toml", &format!("[mission]\nname = \"m\"\n[tasks.a]\nmission = \"{named}\"\n"));
        let ran = world.run(["mission", "validate", "mission.toml"]).exits(2);
        let told = ran.stdout.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
        assert!(told.contains("lies outside of this project"), "{named}: {ran:?}");
    }
}

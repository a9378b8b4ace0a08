//! Secrets reach the tasks that list them, and nothing else: no file of the run, nothing that is shown.

use std::path::Path;

use walkdir::WalkDir;

use crate::world::{Ran, World};

/// The secret, and what others make of it.
const TOKEN: &str = "tok/en+S3cret&value";
const FORMS: [&str; 4] = [TOKEN, "tok%2Fen%2BS3cret%26value", "dG9rL2VuK1MzY3JldCZ2YWx1", "va2VuL1MzY3JldA"];

const LEAKS: &str = r#"
secrets = ["TOKEN"]
[mission]
name = "leaks"
[[notify]]
on = ["failed", "finished"]
command = ["sh", "-c", "echo \"$AI_SDLC_MESSAGE ${TOKEN:-none}\" >> \"$HOME/told\""]
[tasks.leak]
secrets = ["TOKEN"]
run = "echo $TOKEN; printf 'to'; printf '%s' ${TOKEN#to}; sleep 0.1; perl -MMIME::Base64 -e 'print encode_base64(qq(x) x $_ . $ENV{TOKEN}) for 0..2'; perl -e '$_=$ENV{TOKEN}; s/([^A-Za-z0-9])/sprintf(q(%%%02X),ord($1))/ge; print STDERR'; echo \"{\\\"said\\\": \\\"$TOKEN\\\"}\" > $AI_SDLC_OUTPUTS"
outputs.said = "string"
checks = [["sh", "-c", "echo checking with $TOKEN; test -n \"$TOKEN\""]]
[tasks.after]
needs = ["leak"]
run = ["sh", "-c", "echo \"$1 $AI_SDLC_OUT_LEAK_SAID\"; test -z \"$TOKEN\"", "sh", "{{tasks.leak.outputs.said}}"]
[tasks.ask]
role = "full-stack-dev"
secrets = ["TOKEN"]
needs = ["leak"]
prompt = "You were told {{tasks.leak.outputs.said}}."
[tasks.wraps]
secrets = ["TOKEN"]
run = "perl -MMIME::Base64 -e 'print encode_base64(qq(x) x (50 + $_) . $ENV{TOKEN}) for 0..12'; touch \"file-$(perl -e '$_=$ENV{TOKEN}; s/([^A-Za-z0-9])/sprintf(q(%%%02X),ord($1))/ge; print')\""
[tasks.fails]
secrets = ["TOKEN"]
run = "echo failing with $TOKEN >&2; exit 3"
"#;

const SCENARIO: &str = r#"
[[sessions]]
play = [
  { run = ["sh", "-c", "echo $TOKEN >&2"] },
  { say = "the token is tok/en+S3cret&value" },
  { progress = "using tok/en+S3cret&value" },
  { hand_over = { status = "done", summary = "Used tok/en+S3cret&value." } },
]
"#;

fn with_token(world: &World, args: &[&str]) -> Ran {
    Ran::of(&world.program().args(args).env("TOKEN", TOKEN).output().unwrap())
}

fn clean(what: &str, bytes: &[u8]) {
    // Lines may have been wrapped anywhere, also within JSON.
    let joined = String::from_utf8_lossy(bytes).replace("\\n", "").replace(['\n', '\r'], "");
    for form in FORMS {
        let found = bytes.windows(form.len()).any(|window| window == form.as_bytes());
        assert!(!found && !joined.contains(form), "{form} is in {what}");
    }
}

fn clean_folder(folder: &Path) {
    for entry in WalkDir::new(folder).into_iter().flatten().filter(|entry| entry.file_type().is_file()) {
        clean(&entry.path().display().to_string(), &std::fs::read(entry.path()).unwrap_or_default());
    }
}

#[test]
fn no_form_of_a_secret_is_kept_or_shown() {
    let world = World::new();
    world.mission(LEAKS);
    world.write("s.toml", SCENARIO);
    let ran = with_token(&world, &["mission", "run", "mission.toml", "-y", "--agent", "rehearsal", "--ui", "json"]);
    // The scenario itself holds the value, so it cannot be given: the plan would be written to disk with it.
    assert_eq!(ran.code, Some(1), "{ran:?}");
    clean("stdout", ran.stdout.as_bytes());
    clean("stderr", ran.stderr.as_bytes());
    for args in [["run", "logs"], ["run", "show"], ["run", "events"], ["run", "report"], ["run", "why"]] {
        let told = world.run(args);
        clean(&format!("{args:?}"), format!("{}{}", told.stdout, told.stderr).as_bytes());
    }
    clean_folder(&world.project().join(".git/ai-sdlc"));
    clean_folder(&world.home());
    let told = std::fs::read_to_string(world.home().join("told")).unwrap();
    assert!(told.contains(" none"), "a notification is given no secret: {told}");
    assert_eq!(world.end_of("after"), "succeeded", "{ran:?}");
    assert!(world.run(["run", "logs", "leak"]).stdout.contains("***"));
    assert!(world.run(["run", "logs", "after"]).stdout.contains("*** ***"));
    let refused = with_token(&world, &["mission", "rehearse", "mission.toml", "--scenario", "s.toml"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    clean("the refusal", format!("{}{}", refused.stdout, refused.stderr).as_bytes());
}

#[test]
fn an_agent_that_says_it_is_not_heard() {
    let world = World::new();
    world.mission(
        r#"
secrets = ["TOKEN"]
[mission]
name = "says"
[agents.talker]
backend = "command"
command = ["sh", "-c", "cat > /dev/null; echo working with $TOKEN; echo $TOKEN >&2; echo \"{\\\"status\\\": \\\"done\\\", \\\"summary\\\": \\\"Used $TOKEN.\\\"}\" > $AI_SDLC_HANDOFF_OUT"]
[workspace]
keep = "always"
[tasks.talk]
role = "full-stack-dev"
agent = "talker"
secrets = ["TOKEN"]
prompt = "Talk."
"#,
    );
    let ran = with_token(&world, &["mission", "run", "mission.toml", "-y"]).exits(0);
    clean("what was shown", format!("{}{}", ran.stdout, ran.stderr).as_bytes());
    clean_folder(&world.project().join(".git/ai-sdlc"));
    clean_folder(&world.home());
    assert!(world.run(["run", "events"]).stdout.contains("Used ***."));
}

#[test]
fn a_secret_that_is_not_set_is_told_before_anything_begins() {
    let world = World::new();
    world.mission(LEAKS);
    let ran = world.run(["mission", "run", "mission.toml", "-y", "--agent", "rehearsal"]).exits(5);
    assert!(ran.stderr.contains("`TOKEN` of task `leak` is not set"), "{ran:?}");
    assert!(!world.project().join(".git/ai-sdlc/runs").exists() || world.run(["run", "list"]).stdout.is_empty());
}

//! Promise 13: a secret stays with the tasks that list it.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::Stdio;

use aho_corasick::AhoCorasick;
use fastrand::Rng;
use walkdir::WalkDir;

use super::{AtOnce, Promise, Trial, slice};
use crate::world::{Ran, World, wait_for};

pub(super) const CANARY: Promise = Promise {
    id: "13",
    what: "a secret is in no journal, log, argv, handoff or prompt",
    faults: "a canary told by commands, checks, agents, handoffs, outputs, errors and file names; as it is, cut in two, \
             percent-encoded, in base64 at each offset",
    whole: 50,
    at_once: AtOnce::Several,
    trial: play,
};

/// How a task lets its secret out: a line of shell with the secret in `$TOKEN`.
const LEAKS: [(&str, &str); 10] = [
    ("plainly", "echo $TOKEN"),
    ("on standard error", "echo failing with $TOKEN >&2"),
    ("cut in two", "printf %s \"${TOKEN%????}\"; sleep 0.05; printf '%s\\n' \"${TOKEN#\"${TOKEN%????}\"}\""),
    ("letter by letter", "perl -e '$|=1; print for split //, $ENV{TOKEN}'"),
    ("in base64", "perl -MMIME::Base64 -e 'print encode_base64(q(x) x $_ . $ENV{TOKEN}, q()), qq(\\n) for 0..2'"),
    (
        "percent-encoded",
        "perl -e '$_=$ENV{TOKEN}; s/([^A-Za-z0-9])/sprintf(q(%%%02X),ord($1))/ge; print qq(a=$_&b\\n)'",
    ),
    ("in a wall of text", "perl -e 'print q(y) x 9000, $ENV{TOKEN}, q(z) x 9000'"),
    ("in JSON", "printf '{\"key\": \"%s\"}\\n' \"$TOKEN\""),
    ("many times", "for n in 1 2 3 4 5 6 7 8 9; do printf '%s%s' \"$TOKEN\" \"$TOKEN\"; done"),
    ("among bytes that are no text", "printf '\\377\\376%s\\377' \"$TOKEN\""),
];

/// A word that nothing else says, of the letters that tokens are made of.
fn canary(draws: &mut Rng) -> String {
    let letters = b"ABCDEFGHKLMNPQRSTUVWXYZabcdefghkmnpqrstuvwxyz23456789+/=_-.&:@";
    let length = draws.usize(12..60);
    let word: String = (0..length).map(|_| char::from(letters[draws.usize(..letters.len())])).collect();
    format!("k{word}q")
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64(bytes: &[u8], plus: [u8; 2]) -> String {
    let letter = |six: u32| match six {
        62 => char::from(plus[0]),
        63 => char::from(plus[1]),
        other => char::from(BASE64[usize::try_from(other).unwrap()]),
    };
    let three = |chunk: &[u8]| chunk.iter().fold(0_u32, |sum, byte| (sum << 8) | u32::from(*byte));
    // Only whole groups: their letters depend on nothing that comes after.
    bytes
        .chunks_exact(3)
        .flat_map(|chunk| (0..4).rev().map(move |n| (three(chunk) >> (6 * n)) & 63))
        .map(letter)
        .collect()
}

/// What must not be found anywhere: the word, a part of it that is long enough, and its other forms.
fn forms(canary: &str) -> Vec<Vec<u8>> {
    let encoded: String = canary
        .bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect();
    let shifted = (0..3).map(|skip| &canary.as_bytes()[skip..]);
    let base64s = shifted.flat_map(|rest| [base64(rest, *b"+/"), base64(rest, *b"-_")]);
    let mut forms: Vec<String> = [canary.to_owned(), encoded].into_iter().chain(base64s).collect();
    forms.retain(|form| form.len() >= 8);
    forms.into_iter().map(String::into_bytes).collect()
}

struct Search {
    finder: AhoCorasick,
}

impl Search {
    fn is_clean(&self, what: &str, bytes: &[u8]) {
        let found = self.finder.find(bytes).map(|found| String::from_utf8_lossy(&bytes[found.range()]));
        assert_eq!(found, None, "in {what}");
    }

    fn is_clean_folder(&self, folder: &Path) {
        for entry in WalkDir::new(folder).into_iter().flatten() {
            self.is_clean("the name of a file", entry.file_name().as_encoded_bytes());
            if entry.file_type().is_file() {
                self.is_clean(&entry.path().display().to_string(), &fs::read(entry.path()).unwrap_or_default());
            }
        }
    }

    /// Every object of the repository, unpacked.
    fn are_clean_objects(&self, world: &World) {
        let mut git = world.command(world.root().join("bin/git"));
        git.args(["cat-file", "--batch", "--batch-all-objects", "--unordered"]);
        self.is_clean("an object of the repository", &git.output().unwrap().stdout);
    }

    /// What others on the machine see of processes while they run.
    fn are_clean_arguments(&self, world: &World, seen: &mut BTreeSet<i32>) {
        for (pid, command) in world.processes() {
            seen.insert(pid);
            self.is_clean("the arguments of a process", command.as_bytes());
        }
    }
}

fn mission(leaks: &[&str]) -> String {
    let shell = |line: &str| serde_json::to_string(line).unwrap();
    let [run, check, agent, fail] = [leaks[0], leaks[1], leaks[2], leaks[3]];
    format!(
        r#"
secrets = ["TOKEN"]
[mission]
name = "canary"
[workspace]
keep = "always"
[[notify]]
on = ["failed", "finished"]
command = ["sh", "-c", "echo \"$AI_SDLC_MESSAGE\"; env | grep -v '^TOKEN=' >> \"$HOME/told\"; cat >> \"$HOME/told\""]
[agents.talker]
backend = "command"
command = ["sh", "-c", {agent}]
[agents.reader]
backend = "command"
command = ["sh", "-c", "tee $HOME/prompt; echo '{{\"status\": \"done\", \"summary\": \"Read it.\"}}' > $AI_SDLC_HANDOFF_OUT"]
[tasks.leak]
secrets = ["TOKEN"]
run = {run}
outputs.said = "string"
artifacts = ["left.txt"]
checks = [["sh", "-c", {check}]]
[tasks.after]
needs = ["leak"]
run = ["sh", "-c", "echo \"$1\"; test -z \"$TOKEN\"", "sh", "{{{{tasks.leak.outputs.said}}}}"]
[tasks.talk]
role = "full-stack-dev"
agent = "talker"
secrets = ["TOKEN"]
needs = ["leak"]
prompt = "You were told {{{{tasks.leak.outputs.said}}}}."
[tasks.ask]
role = "full-stack-dev"
agent = "reader"
needs = ["talk"]
prompt = "Go on."
[tasks.fails]
secrets = ["TOKEN"]
run = {fail}
retry = {{ max = 1, backoff = "10ms" }}
"#,
        run = shell(&format!(
            "{run}; echo $TOKEN > left.txt; printf '{{\"said\": \"%s\"}}' \"$TOKEN\" > $AI_SDLC_OUTPUTS; rm left.txt; echo x > left.txt"
        )),
        check = shell(check),
        agent = shell(&format!(
            "cat > /dev/null; {agent}; {agent} >&2; printf '{{\"status\": \"done\", \"summary\": \"Used %s.\", \"notes\": {{\"ask\": \"take %s\"}}}}' \"$TOKEN\" \"$TOKEN\" > $AI_SDLC_HANDOFF_OUT"
        )),
        fail = shell(&format!("{fail}; exit 3")),
    )
}

fn play(trial: &mut Trial) {
    let canary = canary(&mut trial.draws);
    let world = World::new();
    let mut leaks = Vec::new();
    for _ in 0..4 {
        let (name, leak) = LEAKS[trial.draws.usize(..LEAKS.len())];
        trial.fault(name);
        leaks.push(leak);
    }
    world.mission(&mission(&leaks));
    println!("canary {canary}: {leaks:?}");
    let search = Search { finder: AhoCorasick::new(forms(&canary)).unwrap() };
    let mut command = world.program();
    command.args(["mission", "run", "mission.toml", "-y", "--ui", "plain"]).env("TOKEN", &canary);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    let shown = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        out.read_to_end(&mut bytes).unwrap();
        bytes
    });
    let mut seen = BTreeSet::new();
    wait_for("the run to end", || {
        search.are_clean_arguments(&world, &mut seen);
        child.try_wait().unwrap().is_some()
    });
    let ran = Ran::of(&child.wait_with_output().unwrap());
    assert!(matches!(ran.code, Some(1)), "{ran:?}");
    search.is_clean("what was shown", &shown.join().unwrap());
    search.is_clean("what was told on stderr", ran.stderr.as_bytes());
    for args in [["run", "logs"], ["run", "show"], ["run", "events"], ["run", "report"], ["run", "why"]] {
        let told = world.run(args);
        search.is_clean(&format!("{args:?}"), format!("{}{}", told.stdout, told.stderr).as_bytes());
    }
    for folder in [world.project(), world.home(), world.root().join("tmp")] {
        search.is_clean_folder(&folder);
    }
    search.are_clean_objects(&world);
    assert!(seen.len() > 3, "processes were looked at: {seen:?}");
    assert!(world.run(["run", "logs", "leak"]).stdout.contains("***"), "nothing was told: nothing is shown");
}

#[test]
fn a_slice() {
    slice(&CANARY);
}

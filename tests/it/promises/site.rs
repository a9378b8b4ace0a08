//! A repository of a world with one run in it: its engine is started and killed, and what came of its work is read.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use ai_sdlc::journal::Journal;
use rustix::process::Signal;
use serde_json::Value;

use crate::world::{LIMIT, World, send, wait_within};

/// What every piece of work does: a file whose name nothing else has, an entry in the ledger, some time, and its product.
/// The ledger tells every start with its file, and every end.
pub(crate) const WORK: &str = r#"
key="$AI_SDLC_TASK $AI_SDLC_ATTEMPT $AI_SDLC_ROUND"
file=bytes-$(echo "$AI_SDLC_TASK" | tr -c 'a-z0-9\n' _)-$$-$(date +%N)
echo "$key" > "$file"
echo "began $key $file" >> "$HOME/ledger-$AI_SDLC_RUN"
sleep 0.0$(($$ % 6))
[ -z "$1" ] || echo "$2" > "$1"
echo "ended $key -" >> "$HOME/ledger-$AI_SDLC_RUN"
"#;

/// One repository and one run of it.
pub(crate) struct Site<'a> {
    pub(crate) world: &'a World,
    /// The checkout.
    pub(crate) dir: PathBuf,
    /// Begins the run.
    pub(crate) begin: Vec<String>,
    /// Its id, once it has begun.
    pub(crate) run: Option<String>,
    starts: u64,
}

/// Work as the ledger and the journal name it: `task attempt round`.
pub(crate) type Key = String;

/// How often each piece of work began and ended.
pub(crate) type Ledger = BTreeMap<Key, (usize, usize)>;

/// An engine that was started.
pub(crate) struct Engine {
    pub(crate) child: Child,
    pub(crate) out: PathBuf,
    err: PathBuf,
    began: Instant,
}

impl Engine {
    /// How many events it has printed.
    pub(crate) fn events(&self) -> usize {
        fs::read(&self.out).unwrap_or_default().split(|byte| *byte == b'\n').skip(1).count()
    }

    /// The run it drives, once it says so.
    pub(crate) fn run(&self) -> Option<String> {
        let text = fs::read_to_string(&self.out).unwrap_or_default();
        let first: Value = serde_json::from_str(text.split_once('\n')?.0).ok()?;
        first["run"].as_str().map(str::to_owned)
    }

    /// Its guard.
    pub(crate) fn guard(&self) -> Option<u32> {
        children(self.child.id()).into_iter().find(|pid| command_of(*pid).ends_with("\0guard\0"))
    }

    /// The hosts of its sessions.
    pub(crate) fn hosts(&self) -> Vec<u32> {
        let below = self.guard().map(children).unwrap_or_default();
        below.into_iter().filter(|pid| command_of(*pid).ends_with("\0session\0")).collect()
    }

    pub(crate) fn age(&self) -> Duration {
        self.began.elapsed()
    }

    /// Its exit code; `None` once a signal has ended it.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        let mut ended = None;
        let what = format!("the engine's end; {}", self.said());
        wait_within(LIMIT, &what, &mut || {
            ended = self.child.try_wait().unwrap();
            ended.is_some()
        });
        ended.and_then(|status| status.code())
    }

    pub(crate) fn is_over(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// What it printed for people.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.err).unwrap_or_default()
    }
}

impl<'a> Site<'a> {
    /// The world's own repository.
    pub(crate) fn of(world: &'a World, begin: &[&str]) -> Self {
        Self::at(world, world.project(), begin)
    }

    /// A repository of its own in this world.
    pub(crate) fn at(world: &'a World, dir: PathBuf, begin: &[&str]) -> Self {
        fs::write(world.home().join("work.sh"), WORK).unwrap();
        Self { world, dir, begin: begin.iter().map(|arg| (*arg).to_owned()).collect(), run: None, starts: 0 }
    }

    /// Starts its engine: the run begins, or goes on. `fail_point` is a variable of every process of the run.
    pub(crate) fn start(&mut self, fail_point: Option<&str>) -> Engine {
        let mut command = self.world.program();
        command.current_dir(&self.dir);
        if let Some(point) = fail_point {
            command.env("AI_SDLC_FAIL_POINT", point);
        }
        match &self.run {
            None => command.args(&self.begin),
            Some(run) => command.args(["run", "resume", run, "--ui", "json"]),
        };
        self.starts += 1;
        let beside = self.dir.file_name().unwrap().to_string_lossy().into_owned();
        let mission = self.begin.get(2).map_or("", String::as_str);
        let file = |what: &str| self.world.home().join(format!("{what}-{beside}-{mission}-{}", self.starts));
        let (out, err) = (file("out"), file("err"));
        command.stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap());
        Engine { child: command.spawn().unwrap(), out, err, began: Instant::now() }
    }

    /// Learns the run's id from its engine, or from what one left that died before it could say so.
    pub(crate) fn learn(&mut self, engine: &Engine) {
        self.run = self.run.take().or_else(|| engine.run()).or_else(|| self.left_behind());
    }

    fn left_behind(&self) -> Option<String> {
        let runs = fs::read_dir(self.dir.join(".git/ai-sdlc/runs")).ok()?.flatten();
        let mut ours = runs.filter(|run| {
            let note: Value =
                serde_json::from_slice(&fs::read(run.path().join("run.json")).unwrap_or_default()).unwrap_or_default();
            let file = note["file"].as_str().unwrap_or_default();
            self.begin.iter().any(|arg| !file.is_empty() && file.ends_with(arg.as_str()))
                && Journal::read(&run.path()).is_ok_and(|records| !records.is_empty())
        });
        ours.next().map(|run| run.file_name().to_string_lossy().into_owned())
    }

    /// Runs a command of the program in this repository and asserts its exit code.
    pub(crate) fn tell(&self, args: &[&str], code: i32) -> crate::world::Ran {
        let output = self.world.program().args(args).current_dir(&self.dir).output().unwrap();
        crate::world::Ran::of(&output).exits(code)
    }

    pub(crate) fn git(&self, args: &[&str]) -> String {
        let output = self.world.command("git").args(args).current_dir(&self.dir).output().unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// The run's folder.
    pub(crate) fn run_dir(&self) -> PathBuf {
        self.dir.join(".git/ai-sdlc/runs").join(self.run.as_deref().expect("the run has begun"))
    }

    /// The run's events, straight from its journal; none where it did not come so far.
    pub(crate) fn events(&self) -> Vec<Value> {
        let Some(_begun) = &self.run else { return Vec::new() };
        let records = Journal::read(&self.run_dir()).expect("the journal is whole");
        records.iter().map(|record| serde_json::to_value(&record.event).unwrap()).collect()
    }

    /// Processes of this run: of its engine, its guard, and what they started.
    pub(crate) fn processes(&self) -> Vec<(i32, String)> {
        // Before a run has a name its engine has started nothing.
        let Some(run) = &self.run else { return Vec::new() };
        let stamp = format!("AI_SDLC_RUN={run}");
        let mut found = self.world.processes();
        found.retain(|(pid, _)| {
            let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environ.split(|byte| *byte == 0).any(|variable| variable == stamp.as_bytes())
        });
        found
    }

    /// Waits until nothing of this run is there any more: promise 3 measures how long that takes.
    pub(crate) fn is_swept(&self) {
        let what = format!("no process of {:?} left", self.run);
        wait_within(LIMIT, &what, &mut || {
            // To look at all processes is dear.
            std::thread::sleep(Duration::from_millis(10));
            self.processes().is_empty()
        });
    }

    /// What the work says of itself.
    pub(crate) fn ledger(&self) -> Ledger {
        let mut ledger = Ledger::new();
        for line in self.ledger_lines() {
            let Some((what, rest)) = line.split_once(' ') else { continue };
            let Some((key, _)) = rest.rsplit_once(' ') else { continue };
            let entry = ledger.entry(key.to_owned()).or_default();
            if what == "began" { entry.0 += 1 } else { entry.1 += 1 }
        }
        ledger
    }

    fn ledger_lines(&self) -> Vec<String> {
        let Some(run) = &self.run else { return Vec::new() };
        let text = fs::read_to_string(self.world.home().join(format!("ledger-{run}"))).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Work whose result is durable: the journal holds its end, or its host or the guard has written it.
    pub(crate) fn finished(&self) -> Vec<Key> {
        let Some(_begun) = &self.run else { return Vec::new() };
        let events = self.events();
        let text = |event: &Value, field: &str| event[field].as_str().unwrap_or_default().to_owned();
        let key = |event: &Value| format!("{} {} {}", text(event, "task"), event["attempt"], event["round"]);
        let mut found: Vec<Key> = events
            .iter()
            .filter(|event| event["type"] == "session-ended" && is_good(&event["end"]["how"]))
            .map(key)
            .collect();
        let started = events.iter().filter(|event| event["type"] == "session-started" && event["kind"].is_null());
        for event in started {
            let folder = text(event, "task").replace('[', "+").replace(']', "");
            let folder = format!("{folder}/{}/{}-work/result.json", event["attempt"], event["session"]);
            let result = fs::read(self.run_dir().join(folder)).unwrap_or_default();
            let result: Value = serde_json::from_slice(&result).unwrap_or_default();
            if is_good(&result["how"]) {
                found.push(key(event));
            }
        }
        let unrecorded = fs::read(self.run_dir().join("unrecorded-ends.json")).unwrap_or_default();
        let unrecorded: Vec<Value> = serde_json::from_slice(&unrecorded).unwrap_or_default();
        for end in unrecorded.iter().filter(|end| is_good(&end["end"])) {
            // Commands, all of which have one round here.
            let label = text(end, "label");
            if let [task, attempt, _] = label.split('/').collect::<Vec<_>>()[..] {
                let task = task.split_once('+').map_or(task.to_owned(), |(whole, part)| format!("{whole}[{part}]"));
                found.push(format!("{task} {attempt} 1"));
            }
        }
        found
    }

    /// Every file that work has made and the ledger tells of is in a branch, in what was salvaged, or in a worktree.
    pub(crate) fn keeps_every_byte(&self) {
        let mut kept = std::collections::BTreeSet::new();
        for reference in self.git(&["for-each-ref", "--format=%(refname)"]).lines() {
            let files = self.git(&["ls-tree", "-r", "--name-only", reference]);
            kept.extend(files.lines().map(str::to_owned));
        }
        kept.extend(names_below(&self.world.home().join(".local")));
        let lost: Vec<String> = self
            .ledger_lines()
            .into_iter()
            .filter(|line| line.starts_with("began "))
            .filter(|line| !line.rsplit_once(' ').is_some_and(|(_, file)| kept.contains(file)))
            .collect();
        assert_eq!(lost, Vec::<String>::new(), "files of work are nowhere");
    }
}

/// Ended by itself and as it should: what agents, commands and the guard call it.
fn is_good(how: &Value) -> bool {
    let text = how.to_string();
    text.contains("completed") || how["exited"] == 0 || (text.contains("exited") && how["code"] == 0)
}

fn command_of(pid: u32) -> String {
    String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default()).into_owned()
}

fn children(of: u32) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let parent = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)?.parse::<u32>().ok());
        if parent == Some(of) {
            found.push(pid);
        }
    }
    found
}

fn names_below(folder: &Path) -> Vec<String> {
    let files = walkdir::WalkDir::new(folder).into_iter().flatten().filter(|entry| entry.file_type().is_file());
    files.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Kills what may be gone already.
pub(crate) fn kill(pid: u32) {
    if Path::new(&format!("/proc/{pid}")).exists() {
        let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        let _gone_already = rustix::process::kill_process(pid, Signal::KILL);
    }
}

/// Kills an engine and takes its end.
pub(crate) fn kill_engine(engine: &mut Engine) {
    send(engine.child.id(), Signal::KILL);
    let _killed = engine.child.wait();
}

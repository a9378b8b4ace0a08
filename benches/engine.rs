//! What the engine adds to a task: thousands of `true`, flat, in layers and in a row, beside the bare spawning of the same
//! children, `make` and `ninja`, all interleaved in the same minutes.
//!
//! `cargo bench --bench engine -- [--tasks 1000] [--rounds 5] [--jobs 2]` prints a Markdown table.

#![expect(clippy::disallowed_methods, reason = "this program starts processes and reads the clock: it measures")]
#![expect(clippy::print_stdout, reason = "the table is its result")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What is measured, from the command line.
struct Wanted {
    tasks: usize,
    rounds: usize,
    jobs: usize,
}

/// How tasks need one another.
#[derive(Clone, Copy)]
enum Graph {
    Flat,
    /// So many layers; each task needs three of the layer before.
    Layers(usize),
    /// One after the other.
    Chain,
}

/// One graph: for each task, those it needs.
struct Tasks {
    needs: Vec<Vec<usize>>,
}

/// Who runs it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Runner {
    Floor,
    Engine,
    Make,
    Ninja,
}

/// One measurement.
#[derive(Clone, Copy)]
struct Took {
    wall: Duration,
    cpu: Option<Duration>,
}

fn main() -> ExitCode {
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            println!("engine bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<(), Failure> {
    let wanted = Wanted::read(std::env::args().skip(1))?;
    let truth = on_path("true").ok_or("there is no `true` on the PATH")?;
    let runners: Vec<Runner> =
        [Runner::Floor, Runner::Engine, Runner::Make, Runner::Ninja].into_iter().filter(|one| one.is_here()).collect();
    println!("{} × `true`, {} at once, medians of {} interleaved rounds\n", wanted.tasks, wanted.jobs, wanted.rounds);
    println!("| graph | runner | wall | a task | × floor | CPU |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for graph in [Graph::Flat, Graph::Layers(20), Graph::Chain] {
        let tasks = graph.tasks(wanted.tasks);
        let mut took: Vec<Vec<Took>> = runners.iter().map(|_| Vec::new()).collect();
        for _ in 0..wanted.rounds {
            for (runner, times) in runners.iter().zip(&mut took) {
                times.push(runner.run(&tasks, &truth, wanted.jobs)?);
            }
        }
        let floor = took.first().cloned().unwrap_or_default();
        for (runner, times) in runners.iter().zip(&took) {
            println!("{}", row(graph, *runner, times, &floor, wanted.tasks));
        }
    }
    Ok(())
}

impl Wanted {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut wanted = Self { tasks: 1_000, rounds: 5, jobs: 2 };
        while let Some(argument) = arguments.next() {
            let field = match argument.as_str() {
                "--tasks" => &mut wanted.tasks,
                "--rounds" => &mut wanted.rounds,
                "--jobs" => &mut wanted.jobs,
                // Said by cargo itself.
                "--bench" => continue,
                other => return Err(format!("`{other}` is not known; there are --tasks, --rounds, --jobs").into()),
            };
            let value = arguments.next().ok_or_else(|| format!("{argument} needs a number"))?;
            *field = value.parse::<usize>().map_err(|why| format!("{argument} {value}: {why}"))?.max(1);
        }
        Ok(wanted)
    }
}

impl Graph {
    fn name(self) -> String {
        match self {
            Self::Flat => "flat".to_owned(),
            Self::Layers(count) => format!("{count} layers"),
            Self::Chain => "a chain".to_owned(),
        }
    }

    fn tasks(self, count: usize) -> Tasks {
        let width = match self {
            Self::Flat => count,
            Self::Layers(layers) => count.div_ceil(layers),
            Self::Chain => 1,
        };
        let needs_of = |task: usize| {
            let Some(first) = (task / width).checked_sub(1).map(|layer| layer * width) else { return Vec::new() };
            let mut needs: Vec<usize> = [0, 1, 7].iter().map(|step| first + (task % width + step) % width).collect();
            needs.sort_unstable();
            needs.dedup();
            needs
        };
        Tasks { needs: (0..count).map(needs_of).collect() }
    }
}

impl Tasks {
    /// One text a task, put together.
    fn text(&self, mut one: impl FnMut(usize, &[usize]) -> String) -> String {
        self.needs.iter().enumerate().map(|(task, needs)| one(task, needs)).collect()
    }

    fn mission(&self, truth: &Path, jobs: usize) -> String {
        let head = format!(
            "version = 1\n[mission]\nname = \"bench\"\n[concurrency]\nmax = {jobs}\n[workspace]\nmode = \"directory\"\n"
        );
        head + &self.text(|task, needs| {
            let needs: Vec<String> = needs.iter().map(|need| format!("\"t{need}\"")).collect();
            format!("[tasks.t{task}]\nrun = [\"{}\"]\ntouches = []\nneeds = [{}]\n", truth.display(), needs.join(", "))
        })
    }

    fn makefile(&self, truth: &Path) -> String {
        let mut all = String::from(".PHONY: all");
        let rules = self.text(|task, needs| {
            let _ = write!(all, " t{task}");
            let needs: Vec<String> = needs.iter().map(|need| format!("t{need}")).collect();
            format!("t{task}: {}\n\t@{}\n", needs.join(" "), truth.display())
        });
        let names = all.trim_start_matches(".PHONY: all").to_owned();
        format!("all:{names}\n{all}\n{rules}")
    }

    fn ninja(&self, truth: &Path) -> String {
        let head = format!("rule true\n  command = {}\n", truth.display());
        head + &self.text(|task, needs| {
            let needs: Vec<String> = needs.iter().map(|need| format!("t{need}")).collect();
            format!("build t{task}: true {}\n", needs.join(" "))
        })
    }
}

impl Runner {
    fn name(self) -> &'static str {
        match self {
            Self::Floor => "bare spawning (the floor)",
            Self::Engine => "ai-sdlc",
            Self::Make => "make",
            Self::Ninja => "ninja",
        }
    }

    fn is_here(self) -> bool {
        match self {
            Self::Floor | Self::Engine => true,
            Self::Make => on_path("make").is_some(),
            Self::Ninja => on_path("ninja").is_some(),
        }
    }

    /// Runs all tasks once, in a new folder, which is made and removed outside the time taken.
    fn run(self, tasks: &Tasks, truth: &Path, jobs: usize) -> Result<Took, Failure> {
        let folder = tempfile::tempdir()?;
        let at = |name: &str| folder.path().join(name);
        let count = jobs.to_string();
        let mut command = match self {
            Self::Floor => return spawn_bare(tasks.needs.len(), truth, jobs),
            Self::Engine => {
                std::fs::write(at("bench.toml"), tasks.mission(truth, jobs))?;
                let mut engine = Command::new(env!("CARGO_BIN_EXE_ai-sdlc"));
                engine.args(["mission", "run", "bench.toml", "--yes", "--ui", "none"]);
                engine.env("HOME", folder.path()).env("XDG_STATE_HOME", at("state")).env_remove("CI");
                engine
            }
            Self::Make => {
                std::fs::write(at("Makefile"), tasks.makefile(truth))?;
                let mut make = Command::new("make");
                make.args(["-s", "-j", &count]).env_remove("MAKEFLAGS");
                make
            }
            Self::Ninja => {
                std::fs::write(at("build.ninja"), tasks.ninja(truth))?;
                let mut ninja = Command::new("ninja");
                ninja.args(["-j", &count]);
                ninja
            }
        };
        command.current_dir(folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let (before, began) = (cpu_of_children(), Instant::now());
        let output = command.output()?;
        let took = Took { wall: began.elapsed(), cpu: difference(before, cpu_of_children()) };
        if output.status.success() {
            Ok(took)
        } else {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(format!("{} ended with {}: {}", self.name(), output.status, said.trim()).into())
        }
    }
}

/// So many children, with so many threads that each spawn one and wait for it.
fn spawn_bare(count: usize, truth: &Path, jobs: usize) -> Result<Took, Failure> {
    let next = AtomicUsize::new(0);
    let worker = || -> Result<(), Failure> {
        while next.fetch_add(1, Ordering::Relaxed) < count {
            let status = Command::new(truth).stdin(Stdio::null()).stdout(Stdio::null()).status()?;
            if !status.success() {
                return Err(format!("{} ended with {status}", truth.display()).into());
            }
        }
        Ok(())
    };
    let (before, began) = (cpu_of_children(), Instant::now());
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| "a thread of the floor panicked")?)
    })?;
    Ok(Took { wall: began.elapsed(), cpu: difference(before, cpu_of_children()) })
}

fn row(graph: Graph, runner: Runner, times: &[Took], floor: &[Took], tasks: usize) -> String {
    let wall = median(times.iter().map(|took| took.wall.as_secs_f64()));
    let ratio = median(times.iter().zip(floor).map(|(own, floor)| own.wall.as_secs_f64() / floor.wall.as_secs_f64()));
    let cpu = times.iter().map(|took| took.cpu.map(|cpu| cpu.as_secs_f64())).collect::<Option<Vec<f64>>>();
    let cpu = cpu.map_or_else(|| "–".to_owned(), |all| format!("{:.2} s", median(all.into_iter())));
    let each = wall * 1e6 / f64::from(u32::try_from(tasks).unwrap_or(u32::MAX));
    format!("| {} | {} | {wall:.3} s | {each:.0} µs | {ratio:.2} | {cpu} |", graph.name(), runner.name())
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// CPU time of all children that were waited for; Linux only. The kernel counts it in hundredths of a second.
fn cpu_of_children() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(13);
    let ticks = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 10))
}

fn difference(before: Option<Duration>, after: Option<Duration>) -> Option<Duration> {
    after?.checked_sub(before?)
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

//! What checking a mission costs: `mission validate` beside `check-jsonschema` and `taplo lint --schema`, which only hold
//! the same file against its schema, interleaved in the same minutes.
//!
//! `cargo bench --bench validate -- [--tasks 10000] [--rounds 3]` prints a Markdown table. The two others are installed
//! once, below `target`, by pip and npm; one that cannot be is left out, and said so.

#![expect(clippy::disallowed_methods, reason = "this program starts processes and reads the clock: it measures")]
#![expect(clippy::print_stdout, reason = "the table is its result")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

type Failure = Box<dyn std::error::Error>;

const TAPLO: &str = "@taplo/cli@0.7.0";
const CHECK_JSONSCHEMA: &str = "check-jsonschema==0.39.0";

/// Who checks.
struct Checker {
    name: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
}

/// One measurement.
#[derive(Clone, Copy)]
struct Took {
    wall: Duration,
    /// User and system time; Linux only. The kernel counts it in hundredths of a second.
    cpu: Option<Duration>,
    /// Most memory it had, in KiB; Linux only.
    peak: Option<u32>,
}

fn main() -> ExitCode {
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            println!("validate bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<(), Failure> {
    let (tasks, rounds) = wanted(std::env::args().skip(1))?;
    let folder = tempfile::tempdir()?;
    std::fs::create_dir(folder.path().join(".ai-sdlc"))?;
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/mission.schema.json");
    let checkers = checkers(&schema);
    println!("medians of {rounds} interleaved rounds\n");
    println!("| tasks | checker | wall | × ai-sdlc | CPU | × ai-sdlc | most memory |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    let tasks = tasks.next_multiple_of(SECTION);
    let files = [
        ("200".to_owned(), mission(200)),
        (tasks.to_string(), mission(tasks)),
        (format!("{tasks} plain"), plain(tasks)),
    ];
    for (label, text) in files {
        std::fs::write(folder.path().join("big.toml"), text)?;
        let mut took: Vec<Vec<Took>> = checkers.iter().map(|_| Vec::new()).collect();
        for _ in 0..rounds {
            for (checker, times) in checkers.iter().zip(&mut took) {
                times.push(checker.run(folder.path())?);
            }
        }
        let own = took.first().cloned().unwrap_or_default();
        for (checker, times) in checkers.iter().zip(&took) {
            println!("{}", row(&label, checker.name, times, &own));
        }
    }
    Ok(())
}

fn wanted(mut arguments: impl Iterator<Item = String>) -> Result<(usize, usize), Failure> {
    let (mut tasks, mut rounds) = (10_000, 3);
    while let Some(argument) = arguments.next() {
        let field = match argument.as_str() {
            "--tasks" => &mut tasks,
            "--rounds" => &mut rounds,
            // Said by cargo itself.
            "--bench" => continue,
            other => return Err(format!("`{other}` is not known; there are --tasks, --rounds").into()),
        };
        let value = arguments.next().ok_or_else(|| format!("{argument} needs a number"))?;
        *field = value.parse::<usize>().map_err(|why| format!("{argument} {value}: {why}"))?.max(1);
    }
    Ok((tasks, rounds))
}

/// So many tasks in a row share their outputs; the last of them is a group.
const SECTION: usize = 20;

/// A mission without a finding, with all that costs something to check: templates, outputs, expressions, groups, globs.
fn mission(tasks: usize) -> String {
    let head = "version = 1\n[mission]\nname = \"big\"\n[inputs.what]\ndefault = \"x\"\n[budget]\ntime = \"9h\"\n";
    (0..tasks).fold(head.to_owned(), |text, at| text + &task(at))
}

/// A mission whose tasks say what most say, and leave nothing to be computed.
fn plain(tasks: usize) -> String {
    let head = "version = 1\n[mission]\nname = \"big\"\n[budget]\ntime = \"9h\"\n";
    (0..tasks).fold(head.to_owned(), |text, at| {
        let needs = if at % 10 == 0 { String::new() } else { format!("needs = [\"t{}\"]\n", at - 1) };
        text + &format!(
            "[tasks.t{at}]\ntitle = \"Part {at} of the whole\"\nrole = \"full-stack-dev\"\n{needs}\
             prompt = \"Build part {at} as the plan describes it, with tests, and nothing else; keep to its folder.\"\n\
             touches = [\"src/t{at}/**\"]\nchecks = [[\"cargo\", \"test\"]]\ntimeout = \"20m\"\n"
        )
    })
}

fn task(at: usize) -> String {
    let (place, before) = (at % SECTION, at.saturating_sub(1));
    let needs = if at == 0 { String::new() } else { format!("needs = [\"t{before}\"]\njoin = \"none-failed\"\n") };
    if place == SECTION - 1 {
        return format!(
            "[tasks.t{at}]\n{needs}for_each = {{ side = [\"north\", \"south\"] }}\n\
             run = [\"echo\", \"{{{{side}}}} {at}\"]\ntouches = \"['src/' + side]\"\n"
        );
    }
    let (mut refers, mut when) = (String::new(), String::new());
    if place > 0 {
        refers = format!("{{{{tasks.t{before}.outputs.x}}}} ");
        if place % 4 == 1 {
            when = format!("when = \"tasks.t{before}.outputs.x != '' && inputs.what in ['x', 'y']\"\n");
        }
    }
    let outputs = if place == SECTION - 2 { "" } else { "outputs.x = \"string\"\n" };
    format!(
        "[tasks.t{at}]\nrole = \"full-stack-dev\"\n{needs}{when}\
         prompt = \"Go on with {refers}{{{{inputs.what}}}} in part {at}.\"\n{outputs}\
         timeout = \"20m\"\nchecks = [[\"cargo\", \"test\"]]\ntouches = [\"src/t{at}/**\"]\n"
    )
}

/// Ours first, then those that could be installed.
fn checkers(schema: &Path) -> Vec<Checker> {
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let schema = schema.display().to_string();
    let mut all = vec![Checker {
        name: "ai-sdlc",
        program: PathBuf::from(env!("CARGO_BIN_EXE_ai-sdlc")),
        arguments: words(&["mission", "validate", "big.toml"]),
    }];
    match python_tool(&tools.join("check-jsonschema")) {
        Ok(program) => {
            let arguments = words(&["--schemafile", &schema, "big.toml"]);
            all.push(Checker { name: "check-jsonschema", program, arguments });
        }
        Err(why) => println!("check-jsonschema is left out: {why}\n"),
    }
    match node_tool(&tools.join("taplo")) {
        Ok(program) => {
            let arguments = words(&["lint", "--schema", &format!("file://{schema}"), "big.toml"]);
            all.push(Checker { name: "taplo lint --schema", program, arguments });
        }
        Err(why) => println!("taplo is left out: {why}\n"),
    }
    all
}

fn python_tool(folder: &Path) -> Result<PathBuf, Failure> {
    let program = folder.join("bin/check-jsonschema");
    if !program.exists() {
        done(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
        done(Command::new(folder.join("bin/pip")).args(["install", "--quiet", CHECK_JSONSCHEMA]))?;
    }
    Ok(program)
}

fn node_tool(folder: &Path) -> Result<PathBuf, Failure> {
    let program = folder.join("node_modules/.bin/taplo");
    if !program.exists() {
        std::fs::create_dir_all(folder)?;
        let flags = ["install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"];
        done(Command::new("npm").args(flags).arg(folder).arg(TAPLO))?;
    }
    Ok(program)
}

fn done(command: &mut Command) -> Result<(), Failure> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).trim().into()) }
}

impl Checker {
    fn run(&self, folder: &Path) -> Result<Took, Failure> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).current_dir(folder);
        let (before, began) = (cpu_of_children(), Instant::now());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let mut peak = None;
        let status = loop {
            peak = peak_of(&child).or(peak);
            if let Some(status) = child.try_wait()? {
                break status;
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        let wall = began.elapsed();
        let cpu = cpu_of_children().zip(before).and_then(|(after, before)| after.checked_sub(before));
        if status.success() {
            Ok(Took { wall, cpu, peak })
        } else {
            Err(format!("{} ended with {status}", self.name).into())
        }
    }
}

/// Most memory that a process has had so far; Linux only.
fn peak_of(child: &Child) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// CPU time of all children that were waited for; Linux only.
fn cpu_of_children() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(13);
    let ticks = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 10))
}

fn row(tasks: &str, name: &str, times: &[Took], own: &[Took]) -> String {
    let (wall, more_wall) = compared(times, own, |took| Some(took.wall));
    let (cpu, more_cpu) = compared(times, own, |took| took.cpu);
    let peak = times.iter().filter_map(|took| took.peak).max();
    let peak = peak.map_or_else(|| "–".to_owned(), |peak| format!("{:.0} MB", f64::from(peak) / 1024.0));
    format!("| {tasks} | {name} | {wall} | {more_wall} | {cpu} | {more_cpu} | {peak} |")
}

/// The median of a figure, and of how many times ours it is; a dash where it is not known.
fn compared(times: &[Took], own: &[Took], figure: impl Fn(&Took) -> Option<Duration>) -> (String, String) {
    let seconds = |took: &Took| figure(took).map(|time| time.as_secs_f64());
    let shown = |value: f64, text: String| if value.is_finite() { text } else { "–".to_owned() };
    let middle = median(times.iter().filter_map(seconds)) * 1e3;
    let pairs = times.iter().zip(own).filter_map(|(other, own)| Some(seconds(other)? / seconds(own)?));
    let ratio = median(pairs);
    (shown(middle, format!("{middle:.0} ms")), shown(ratio, format!("{ratio:.1}")))
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

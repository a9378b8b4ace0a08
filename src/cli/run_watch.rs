//! `ai-sdlc run watch [R]`: shows a live run from any terminal until it ends. Leaving ends the watching and nothing else.

use std::time::Duration;

use tokio::time::Instant;

use crate::cli::Context;
use crate::cli::args::{RunWatch, Ui};
use crate::cli::carry_out::shown_as;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::live::{Ending, Live, Seat};
use crate::cli::run_choice::{Told, told, unreadable};
use crate::cli::run_list::standing;
use crate::cli::waiting::{self, Leaving};
use crate::driver::audience::{Heard, Line, Shown};
use crate::driver::clock::wall_now;
use crate::driver::drive::Ask;
use crate::journal::Reader;
use crate::journal::inbox;
use crate::journal::lock::driver_of;
use crate::journal::runs::{RunEntry, Standing};
use crate::kernel::fact::GateAnswer;
use crate::report::{Report, Typed, end, event_json};

/// How often the journal is looked at, and how often whether anybody still writes it.
const EVERY: Duration = Duration::from_millis(100);
const ALIVE: Duration = Duration::from_millis(500);

/// Watches.
pub(super) fn run(args: &RunWatch, context: &mut Context) -> Result<Exit, Failure> {
    let told = told(context, &args.run)?;
    let how = shown_as(&context.globals, args.ui);
    if !matches!(told.run.standing, Standing::Running(_)) {
        return over(args, context, &told);
    }
    let run = told.run.clone();
    preface(context, &told, how);
    let mut seat = Watcher::new(context, told, how)?;
    let left = waiting::run(seat.watch())?;
    let report = match left {
        Left::Person => {
            seat.live.leave();
            context.terminal.err(&format!(
                "Left run {id}; it goes on. `ai-sdlc run watch {id}` shows it again, `ai-sdlc run abort {id}` stops it.",
                id = run.id
            ));
            return Ok(if args.exit_status { Exit::Interrupted } else { Exit::Success });
        }
        Left::End => seat.live.finish(Ending::Driven),
    };
    if report.outcome.is_none() && report.stopping.is_none() {
        context.terminal.err(&format!(
            "The engine of run {id} is gone: it was killed, or died. `ai-sdlc run resume {id}` goes on with it.",
            id = run.id
        ));
    }
    Ok(status(args, &report))
}

/// How a run that nobody drives stands, and its report.
fn over(args: &RunWatch, context: &mut Context, told: &Told) -> Result<Exit, Failure> {
    let id = &told.run.id;
    if args.ui == Ui::Json {
        for record in crate::journal::Journal::read(&told.run.dir).map_err(|error| unreadable(&told.run, &error))? {
            context.terminal.out(&event_json(record.seq, record.at, id, &record.event).to_string());
        }
    } else {
        context.terminal.err(&format!("Run {id} is not live: {}.", standing(&told.run.standing)));
        context.terminal.out(&end::text(&told.report, context.terminal.out_look));
    }
    Ok(status(args, &told.report))
}

fn status(args: &RunWatch, report: &Report) -> Exit {
    if args.exit_status { report.outcome.map_or(Exit::Interrupted, Exit::from) } else { Exit::Success }
}

/// What is watched, and what it asks already.
fn preface(context: &mut Context, told: &Told, how: Ui) {
    if matches!(how, Ui::Json | Ui::None) {
        return;
    }
    let id = &told.run.id;
    let counts = told.report.counts();
    context.terminal.err(&format!(
        "Watching run {id} of {}: {} of {} tasks done. Ctrl-C leaves the watching; the run goes on.",
        crate::report::safe(&told.report.mission),
        counts.done,
        counts.total
    ));
    for (gate, _, asked) in told.report.open_gates() {
        context.terminal.err(&format!(
            "{gate} waits for an answer: {}\n  ai-sdlc run approve {id} {gate}\n  ai-sdlc run reject {id} {gate} -m WHY",
            crate::report::safe(&asked.question),
            gate = gate.quoted()
        ));
    }
}

/// Why the watching ended.
enum Left {
    /// The person left.
    Person,
    /// The run has ended, or lost its engine.
    End,
}

struct Watcher<'a> {
    live: Live<'a>,
    run: RunEntry,
    reader: Reader,
    heard: Heard,
}

impl<'a> Watcher<'a> {
    fn new(context: &'a mut Context, told: Told, how: Ui) -> Result<Self, Failure> {
        let (voice, line) = Line::new();
        let who = context.environment.person();
        let (run, report, reader) = told.into_parts();
        // A program that reads events wants all of them.
        let (earlier, reader) = if how == Ui::Json {
            let typed = Typed { run_folder: Some(run.dir.clone()), ..context.typed(&[]) };
            let reader = Reader::open(&run.dir).map_err(|error| unreadable(&run, &error))?;
            ((Report::typed_as(typed), 0), reader)
        } else {
            let seq = reader.seq();
            ((report, seq), reader)
        };
        let live = Live::new(&mut context.terminal, how, earlier, Seat { voice, who });
        Ok(Self { live, run, reader, heard: line.heard() })
    }

    async fn watch(&mut self) -> Result<Left, Failure> {
        let mut leaving = Leaving::new()?;
        let mut every = tokio::time::interval(EVERY);
        let mut looked = Instant::now();
        self.live.show(Shown::Events(Vec::new()));
        loop {
            tokio::select! {
                biased;
                () = leaving.comes() => return Ok(Left::Person),
                Some(bytes) = self.heard.typed.recv() => self.live.show(Shown::Typed(bytes)),
                Some(ask) = self.heard.asks.recv() => self.hand_on(ask)?,
                _ = every.tick() => {
                    // Whether it lives is asked first: what was recorded before it ended is then surely read.
                    let looks = looked.elapsed() >= ALIVE;
                    let lives = !looks || driver_of(&self.run.dir).is_some();
                    self.read()?;
                    if self.live.report().outcome.is_some() || !lives {
                        return Ok(Left::End);
                    }
                    if looks {
                        looked = Instant::now();
                        self.live.show(Shown::Tick(wall_now()));
                    }
                }
            }
        }
    }

    fn read(&mut self) -> Result<(), Failure> {
        let records = self.reader.read_new().map_err(|error| unreadable(&self.run, &error))?;
        if !records.is_empty() {
            self.live.show(Shown::Events(records.into_iter().map(|record| (record.at, record.event)).collect()));
        }
        Ok(())
    }

    /// An answer to a gate goes to the engine; that this person leaves a gate to others concerns nobody else.
    fn hand_on(&self, ask: Ask) -> Result<(), Failure> {
        let Ask::Answer(GateAnswer { task, answer, message, by, binding }) = ask else { return Ok(()) };
        inbox::post(&self.run.dir, &inbox::Ask::Answer { task, answer, message, by, binding }).map_err(|error| {
            Failure::new(Exit::Environment, "cli::cannot-ask", format!("run {} cannot be told", self.run.id))
                .because(&error)
                .help(error.help())
        })
    }
}

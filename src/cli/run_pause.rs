//! `ai-sdlc run pause [R]`: nothing new begins, what is under way goes to its end, then the run stands still.

use std::time::Duration;

use crate::cli::Context;
use crate::cli::args::WhichRun;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::run_choice::told;
use crate::cli::run_list::standing;
use crate::cli::waiting::{Waited, wait_until};
use crate::cli::wishing::{ask, refuse_inside};
use crate::journal::inbox::Ask;
use crate::journal::runs::Standing;

/// How long a live engine is waited for to take the wish.
const PATIENCE: Duration = Duration::from_secs(10);

/// Leaves the wish in the run's inbox, and says what becomes of it.
pub(super) fn run(args: &WhichRun, context: &mut Context) -> Result<Exit, Failure> {
    let mut told = told(context, &args.run)?;
    let id = told.run.id.clone();
    refuse_inside(context, &id, "a run cannot be paused")?;
    let Standing::Running(engine) = &told.run.standing else {
        let how = standing(&told.run.standing);
        context.terminal.err(&format!("Run {id} is not live ({how}); there is nothing to pause."));
        return Ok(Exit::Success);
    };
    if told.report.pausing.is_none() {
        ask(&told.run, engine, &Ask::Pause { by: context.environment.person() })?;
    }
    let waited = wait_until(PATIENCE, || {
        let live = told.is_live();
        told.read(|_, _| {})?;
        Ok(told.report.pausing.is_some() || !live)
    })?;
    let running = told.report.counts().running;
    context.terminal.err(&match (waited, told.report.outcome) {
        (_, Some(outcome)) => format!("Run {id} has come to its end: {}.", crate::report::outcome_words(outcome)),
        (Waited::Done, None) => {
            let under_way = match running {
                0 => "nothing is under way".to_owned(),
                1 => "the task under way goes to its end and is merged".to_owned(),
                running => format!("the {running} tasks under way go to their end and are merged"),
            };
            format!(
                "Run {id} pauses: nothing new begins, {under_way}; then its engine ends.\n\
                 `ai-sdlc run watch {id}` shows it, `ai-sdlc run resume {id}` goes on with it after that."
            )
        }
        (Waited::Late | Waited::Left, None) => format!(
            "Run {id} has been asked to pause and has not answered yet; the wish stays. `ai-sdlc run show {id}` says how it stands."
        ),
    });
    Ok(if waited == Waited::Left { Exit::Interrupted } else { Exit::Success })
}

//! Secrets before a run begins or goes on: all there, none of them written anywhere.

use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::driver::secrets::Secrets;
use crate::kernel::event::PlaceKind;
use crate::mask::SHORT;
use crate::plan::Plan;

/// Looks whether the secrets of a plan can be given to its tasks; tells what a person should know of them.
pub(super) fn looked_at(context: &Context, plan: &Plan, place: PlaceKind) -> Result<Vec<String>, Failure> {
    let secrets = Secrets::of(plan, &context.environment.pairs());
    let mut notes = Vec::new();
    let missing = secrets.missing(plan);
    match (missing.first(), place) {
        (None, _) => {}
        (Some((name, task)), PlaceKind::Repository) => {
            let what = format!("the secret `{name}` of task `{task}` is not set in the environment");
            let mut failure = Failure::new(Exit::Environment, "cli::no-secret", what)
                .help(format!("set it, for example: export {name}=…; or take it out of `secrets`"));
            let others = missing.iter().skip(1).map(|(name, task)| format!("also: `{name}` of task `{task}`"));
            failure.causes = others.collect();
            return Err(failure);
        }
        (Some(_), PlaceKind::ScratchWithChecks | PlaceKind::ScratchWithoutChecks) => {
            let names: Vec<&str> = missing.iter().map(|(name, _)| name.as_str()).collect();
            notes.push(format!("secrets that are not set are not given in this rehearsal: {}", names.join(", ")));
        }
    }
    for name in secrets.short() {
        notes.push(format!(
            "the secret `{name}` has fewer than {SHORT} bytes: it is hidden as it is, not in its encodings"
        ));
    }
    let text = serde_json::to_string(plan).unwrap_or_default();
    if let Some(name) = secrets.found_in(&text) {
        let what = format!("the value of the secret `{name}` is in the plan itself, which is written to disk");
        return Err(Failure::new(Exit::Usage, "cli::secret-in-plan", what).help(
            "take it out of inputs, prompts, commands and `env`: tasks get it as a variable when they list it in `secrets`",
        ));
    }
    Ok(notes)
}

//! The files a task may change, as far as they are known before a run.

use super::{Home, Making, Place, PlanError};
use crate::catalog::template::Template;
use crate::mission::model::Touches;
use crate::name::TaskId;
use crate::plan::instantiate;
use crate::plan::touches::TouchSet;
use crate::plan::{Plan, Task};

impl Making<'_> {
    /// Renders the globs of a task; those that need what only a run knows are left for it.
    pub(super) fn files(
        &self,
        home: &Home<'_>,
        id: &TaskId,
        touches: Option<&Touches>,
    ) -> Result<(Option<Vec<String>>, Option<Touches>), PlanError> {
        match touches {
            None => Ok((None, None)),
            Some(Touches::Globs(globs)) if globs.iter().all(|glob| is_known(home, glob)) => {
                let what = format!("`touches` of task `{id}`");
                let globs: Result<Vec<String>, PlanError> = globs.iter().map(|glob| self.render(&what, glob)).collect();
                let globs = globs?;
                TouchSet::compile(&globs).map_err(|error| PlanError::new(format!("task `{id}`: {error}")))?;
                Ok((Some(globs), None))
            }
            Some(late @ (Touches::Globs(_) | Touches::Cel(_))) => Ok((None, Some(late.clone()))),
        }
    }

    /// A role's fence: what its tasks may change at most.
    pub(super) fn fence(
        &self,
        home: &Home<'_>,
        id: &TaskId,
        globs: Option<&[String]>,
    ) -> Result<Option<Vec<String>>, PlanError> {
        let Some(globs) = globs else { return Ok(None) };
        let what = format!("the role of task `{id}`");
        let fence = match home.place {
            Place::Run => globs.iter().map(|glob| self.render(&what, glob)).collect::<Result<_, _>>()?,
            Place::Task => globs.to_vec(),
        };
        TouchSet::compile(&fence).map_err(|error| PlanError::new(format!("{what}: {error}")))?;
        Ok(Some(fence))
    }
}

/// Whether a glob can be rendered before the run. One that is no template at all is told when it is.
fn is_known(home: &Home<'_>, glob: &str) -> bool {
    let roots: &[&str] = match home.place {
        Place::Run => &["inputs", "mission"],
        Place::Task => &[],
    };
    Template::parse(glob).map_or(true, |template| {
        template.uses().iter().all(|one| one.path.first().is_some_and(|root| roots.contains(&root.as_str())))
    })
}

/// Works out the files that CEL gives of inputs alone.
pub(super) fn settle(plan: &mut Plan, errors: &mut Vec<PlanError>) {
    let late: Vec<(TaskId, Task)> = plan
        .tasks
        .iter()
        .filter(|(_, task)| task.late_touches.is_some())
        .map(|(id, task)| (id.clone(), task.clone()))
        .collect();
    for (id, mut task) in late {
        match instantiate::settle(plan, &id, &mut task) {
            Ok(()) => {
                plan.tasks.insert(id, task);
            }
            Err(failure) => errors.push(PlanError::new(failure.message)),
        }
    }
}

//! Everything that is CEL: whether it parses, names what there is, and comes to what is wanted of it.

use crate::catalog::template::{Position, VariableUse};
use crate::diagnostic::codes;
use crate::expression::{Expression, Problem, Type};
use crate::mission::check::Scene;
use crate::mission::check::templates::Walk;
use crate::mission::check::types::{Types, described, fits, of_elements};
use crate::mission::check::variables::{Sight, check_use};
use crate::mission::field::glob;
use crate::mission::field::late::TouchesText;
use crate::mission::file::TaskFile;
use crate::mission::library::Outputs;
use crate::mission::model::{ListSource, Touches};
use crate::name::{LocalTaskId, VarId};

/// What an expression must come to.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    Condition,
    List,
    Key,
    Globs,
    Value,
}

impl Wanted {
    fn takes(self, of: &Type) -> bool {
        match self {
            Self::Condition => fits(of, &Type::Bool),
            Self::List => fits(of, &Type::list(Type::Any)),
            Self::Key => fits(of, &Type::text()) || fits(of, &Type::Int),
            Self::Globs => fits(of, &Type::list(Type::text())),
            Self::Value => true,
        }
    }

    /// What to write instead of what is no CEL.
    fn example(self, given: &str) -> String {
        match self {
            Self::Globs if glob::check(given).is_ok() => format!("write a list of globs: `[\"{given}\"]`"),
            Self::Globs | Self::List => {
                "write a list, or CEL for one, such as `\"tasks.plan.outputs.parts\"`".to_owned()
            }
            Self::Key => "write CEL, such as `part.name`".to_owned(),
            Self::Condition | Self::Value => "write CEL, such as `inputs.level == \"high\"`".to_owned(),
        }
    }

    fn described(self) -> (&'static str, &'static str) {
        match self {
            Self::Condition => ("a condition is true or false", "compare it with something, such as `… == \"high\"`"),
            Self::List => ("`for_each` takes a list", "name a list, such as `\"tasks.plan.outputs.parts\"`"),
            Self::Key => ("`key` is a text or a whole number", "name a field of it, such as `part.name`"),
            Self::Globs => {
                ("`touches` is a list of globs", "make one, such as `[part.path + \"/**\"]`, or write a list of globs")
            }
            Self::Value => ("a value", "name one"),
        }
    }
}

/// Where an expression stands.
#[derive(Debug, Clone, Copy)]
struct Site<'a> {
    pointer: &'a str,
    task: Option<&'a LocalTaskId>,
    wanted: Wanted,
}

impl<'s> Walk<'s, '_, '_> {
    /// Finds out what the variables of instances are: all else may look at them.
    pub fn lists(&mut self) {
        let scene = self.scene;
        for (id, task) in &scene.file.tasks {
            let Some(lists) = &task.for_each else { continue };
            let mut variables: std::collections::BTreeMap<VarId, Type> = std::collections::BTreeMap::new();
            for (variable, list) in lists {
                let of = match &list.0 {
                    ListSource::Values(values) => of_elements(values),
                    ListSource::Cel(text) => {
                        let pointer = format!("/tasks/{id}/for_each/{variable}");
                        let site = Site { pointer: &pointer, task: Some(id), wanted: Wanted::List };
                        match self.expression(site, text).as_ref().map(Type::present) {
                            Some(Type::List(of)) => (**of).clone(),
                            Some(_) | None => Type::Any,
                        }
                    }
                };
                variables.insert(variable.clone(), of);
            }
            self.types.variables.insert(id, variables);
        }
    }

    /// The conditions and values of a task.
    pub fn conditions(&mut self, id: &'s LocalTaskId, task: &TaskFile) {
        let place = format!("/tasks/{id}");
        // Without `for_each` it names nothing, which is told already.
        let key = task.key.as_ref().filter(|_| task.for_each.is_some());
        let texts = [("when", task.when.as_ref(), Wanted::Condition), ("key", key, Wanted::Key)];
        for (key, text, wanted) in texts {
            if let Some(text) = text {
                self.expression(Site { pointer: &format!("{place}/{key}"), task: Some(id), wanted }, text);
            }
        }
        if let Some(TouchesText(Touches::Cel(text))) = &task.touches {
            let pointer = format!("{place}/touches");
            self.expression(Site { pointer: &pointer, task: Some(id), wanted: Wanted::Globs }, text);
        }
    }

    /// The type of a value that is computed for a task; `None` where something is wrong with it.
    pub fn value(&mut self, pointer: &str, id: &LocalTaskId, text: &str) -> Option<Type> {
        self.expression(Site { pointer, task: Some(id), wanted: Wanted::Value }, text)
    }

    /// What the mission hands over.
    pub fn outputs(&mut self) -> Outputs {
        let mut outputs = Outputs::new();
        for (id, text) in &self.scene.file.outputs {
            let pointer = format!("/outputs/{id}");
            let of = self.expression(Site { pointer: &pointer, task: None, wanted: Wanted::Value }, text);
            outputs.insert(id.clone(), of.unwrap_or(Type::Any));
        }
        outputs
    }

    fn expression(&mut self, site: Site<'_>, text: &str) -> Option<Type> {
        let expression = match Expression::parse(text) {
            Ok(expression) => expression,
            Err(error) => {
                self.used.scan(text);
                self.any_variable(site.task);
                let length = text.get(error.offset..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
                let span = self.marker.inside(site.pointer, error.offset, length);
                let help = error.help.unwrap_or_else(|| site.wanted.example(text));
                self.marker.error(codes::BAD_EXPRESSION, span, error.message).help(help);
                return None;
            }
        };
        let mut seen = true;
        for found in expression.uses() {
            let found = VariableUse { path: found.path, offset: found.offset, position: Position::Passed };
            seen &= check_use(self, site.pointer, &found, Sight::Cel(site.task));
        }
        if !seen {
            return None;
        }
        let scope = self.scope(&expression, site.task, Types::task);
        match expression.check(&scope) {
            Ok(of) if site.wanted.takes(&of) => {
                self.never(site, &expression);
                Some(of)
            }
            Ok(of) => {
                let span = self.marker.inside(site.pointer, 0, text.len());
                let (is, help) = site.wanted.described();
                let message = format!("{is}, and this is {}", described(&of));
                self.marker.error(codes::EXPRESSION_TYPE, span, message).help(help);
                None
            }
            Err(problems) => {
                for problem in problems {
                    self.problem(site.pointer, problem);
                }
                None
            }
        }
    }

    /// A condition on what cannot be any more when it is looked at: its task has waited for the success of others.
    fn never(&mut self, site: Site<'_>, expression: &Expression) {
        let (Wanted::Condition, Some(id)) = (site.wanted, site.task) else { return };
        let scope = self.scope(expression, Some(id), |types, scene, task, _| types.succeeded(scene, task, id));
        let Err(problems) = expression.check(&scope) else { return };
        for Problem { offset, end, .. } in problems {
            let span = self.marker.inside(site.pointer, offset, end.saturating_sub(offset));
            let message = format!("task `{id}` starts only when all that it needs has succeeded: this is never so");
            self.marker.warning(codes::NEVER, span, message).help("set `join = \"all-done\"`");
        }
    }

    fn problem(&mut self, pointer: &str, problem: Problem) {
        let Problem { message, help, offset, end } = problem;
        let span = self.marker.inside(pointer, offset, end.saturating_sub(offset));
        let help = help.unwrap_or_else(|| "compare values of one type".to_owned());
        self.marker.error(codes::EXPRESSION_TYPE, span, message).help(help);
    }

    /// The names that an expression may use, as far as it does.
    fn scope(
        &self,
        expression: &Expression,
        by: Option<&LocalTaskId>,
        task: impl Fn(&Types<'s>, &Scene<'_>, &LocalTaskId, Option<&LocalTaskId>) -> Type,
    ) -> Type {
        let scene: &Scene<'_> = self.scene;
        let uses = expression.uses();
        let inputs = if scene.left_out.iter().any(|out| out.starts_with("/inputs")) {
            Type::Any
        } else {
            Type::object(self.types.inputs.iter().map(|(id, of)| (*id, of.clone())))
        };
        let of_tasks = || uses.iter().filter(|found| found.path.first().is_some_and(|root| root == "tasks"));
        let tasks = if of_tasks().any(|found| found.path.len() < 2) {
            Type::Any
        } else {
            let named = of_tasks().filter_map(|found| scene.file.tasks.get_key_value(found.path.get(1)?.as_str()));
            Type::object(named.map(|(id, _)| (id.as_str(), task(&self.types, scene, id, by))))
        };
        let variables = by.and_then(|by| self.types.variables.get(by)).into_iter().flatten();
        let variables = variables.map(|(id, of)| (id.as_str(), of.clone()));
        Type::object([("inputs", inputs), ("tasks", tasks)].into_iter().chain(variables))
    }
}

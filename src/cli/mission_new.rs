//! `ai-sdlc mission new NAME`: a mission to begin with. Nothing is overwritten.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser as _};

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::fresh::{self, Made};
use crate::cli::project::Project;
use crate::cli::table::table;
use crate::cli::templates::{self, Template};
use crate::cli::{Context, run_list::pretty};
use crate::name::MissionName;

/// Arguments.
#[derive(Debug, Args)]
pub(super) struct MissionNew {
    /// Its name: the file is `missions/<NAME>.toml`.
    #[arg(value_name = "NAME", required_unless_present = "list")]
    name: Option<String>,
    /// What it begins with.
    #[arg(short, long, value_name = "TEMPLATE", default_value = templates::USUAL, value_parser = parser())]
    template: Template,
    /// List the templates, one line each.
    #[arg(long)]
    list: bool,
    /// Print the list as JSON.
    #[arg(long, requires = "list")]
    json: bool,
}

fn parser() -> impl clap::builder::TypedValueParser<Value = Template> {
    let values = templates::missions().into_iter().map(|of| PossibleValue::new(of.name).help(of.about));
    PossibleValuesParser::new(values).try_map(|name| {
        let mut all = templates::missions().into_iter();
        all.find(|template| template.name == name).ok_or("there is no such template")
    })
}

/// Writes it, and says what to do next.
pub(super) fn run(args: &MissionNew, context: &mut Context) -> Result<Exit, Failure> {
    let Some(given) = args.name.as_deref().filter(|_| !args.list) else {
        list(args, context);
        return Ok(Exit::Success);
    };
    let name = fresh::name(given, MissionName::parse)?;
    let project = Project::find(context)?;
    let folder = folder(&project);
    let path = folder.join(format!("{name}.toml"));
    let shown = project.shown(&path);
    if path.exists() {
        return Err(fresh::already_there("mission", name.as_str(), shown));
    }
    let hidden = project.missions().into_iter().find(|named| named.name == name.as_str());
    let template = args.template;
    let used = templates::used_by(template);
    if used.iter().any(|used| used.name == name.as_str()) {
        let what = format!("the template `{}` uses a mission `{name}` as a task", template.name);
        return Err(Failure::new(Exit::Usage, "cli::bad-name", what).help("take another name"));
    }
    let schema = fresh::schema_of("mission", &folder, &project.root, &project.root.join(".ai-sdlc"))?;
    if fresh::make(&path, &templates::mission(template, name.as_str(), &schema))? == Made::Before {
        return Err(fresh::already_there("mission", name.as_str(), shown));
    }
    context.terminal.out(&format!("made {shown} out of the template `{}`: {}", template.name, template.about));
    for used in used {
        let path = folder.join(format!("{}.toml", used.name));
        let made = fresh::make(&path, &templates::mission(used, used.name, &schema))?;
        let shown = project.shown(&path);
        context.terminal.out(&match made {
            Made::Now => format!("made {shown}, which it uses as a task"),
            Made::Before => format!("it uses {shown} as a task, which was there and is left as it is"),
        });
    }
    if let Some(hidden) = hidden {
        context.terminal.out(&format!("It hides {}.", project.shown(&hidden.path)));
    }
    if let Some(lacking) = project.lacking() {
        context.terminal.out(lacking);
    }
    let commands = ["validate", "rehearse", "run"].map(|command| format!("mission {command} {name}"));
    context.terminal.out(&format!("\n{}", fresh::next(context, &commands)));
    Ok(Exit::Success)
}

/// The nearest `missions/` there is, else that of the project's root.
fn folder(project: &Project) -> PathBuf {
    let above = project.directory.ancestors().take_while(|above| above.starts_with(&project.root));
    let mut folders = above.map(|above| above.join("missions"));
    folders.find(|folder| folder.is_dir()).unwrap_or_else(|| project.root.join("missions"))
}

fn list(args: &MissionNew, context: &mut Context) {
    let all = templates::missions();
    if args.json {
        let rows: Vec<_> =
            all.iter().map(|of| serde_json::json!({ "name": of.name, "description": of.about })).collect();
        context.terminal.out(&pretty(&serde_json::json!({ "schema": "ai-sdlc/templates/1", "templates": rows })));
    } else {
        let rows: Vec<Vec<String>> = all.iter().map(|of| vec![of.name.to_owned(), of.about.to_owned()]).collect();
        context.terminal.out(&table(&rows, context.terminal.table_columns(), context.terminal.out_look));
    }
}

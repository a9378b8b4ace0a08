//! What new missions, roles and skills are made of: files under `templates/` and the missions that ship, each valid as
//! it stands. To add a template of a mission is to add a file there; its first comment is the line that lists show.

use std::collections::BTreeSet;

use include_dir::{Dir, include_dir};

static TEMPLATES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates");
static MISSIONS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/missions");

/// The template that is taken where none is named.
pub(super) const USUAL: &str = "minimal";

/// A project's configuration.
pub(super) const CONFIG: &str = include_str!("../../templates/config.toml");
/// A role's file.
pub(super) const ROLE: &str = include_str!("../../templates/role.md");
/// A skill's text.
pub(super) const SKILL: &str = include_str!("../../templates/skill/SKILL.md");
/// What stands beside it.
pub(super) const SKILL_MANIFEST: &str = include_str!("../../templates/skill/skill.toml");

/// A story.
pub(super) const STORY: &str = include_str!("../../templates/story.md");

/// A mission to begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Template {
    /// The file's name without its ending.
    pub(super) name: &'static str,
    /// One line.
    pub(super) about: &'static str,
    /// The whole file.
    pub(super) text: &'static str,
    kept: Kept,
}

/// Where a template lies, and with it what it uses as tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    Templates,
    Missions,
}

impl Kept {
    fn folder(self) -> Option<&'static Dir<'static>> {
        match self {
            Self::Templates => TEMPLATES.get_dir("missions"),
            Self::Missions => Some(&MISSIONS),
        }
    }

    /// One that plays a scenario shows what the program does, and is nothing to begin with.
    fn templates(self) -> impl Iterator<Item = Template> {
        let folder = self.folder();
        let plays = move |name: &str| folder.is_some_and(|dir| dir.get_file(format!("{name}.scenario.toml")).is_some());
        let read = move |file| Template::of(file, self);
        folder.into_iter().flat_map(Dir::files).filter_map(read).filter(move |template| !plays(template.name))
    }
}

/// All of them, by name, the usual one first. Where a mission that ships is called as a template is, the template is
/// offered; the other comes with the mission that uses it.
pub(super) fn missions() -> Vec<Template> {
    let mut all: Vec<Template> = Kept::Templates.templates().collect();
    for shipped in Kept::Missions.templates() {
        if all.iter().all(|template| template.name != shipped.name) {
            all.push(shipped);
        }
    }
    all.sort_by_key(|template| (template.name != USUAL, template.name));
    all
}

/// The text of a mission that ships.
pub(super) fn shipped(name: &str) -> Option<&'static str> {
    MISSIONS.get_file(format!("{name}.toml"))?.contents_utf8()
}

impl Template {
    fn of(file: &'static include_dir::File<'static>, kept: Kept) -> Option<Self> {
        let name = file.path().file_name()?.to_str()?.strip_suffix(".toml")?;
        let text = file.contents_utf8()?;
        let about = text.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or_default();
        (!name.ends_with(".scenario")).then_some(Self { name, about, text, kept })
    }
}

/// A mission's text under another name, which its comments call it by too, with the line that tells editors where its
/// schema lies.
pub(super) fn mission(template: Template, name: &str, schema: &str) -> String {
    let old_name = format!("name = \"{}\"", template.name);
    let old_file = format!("missions/{}.toml", template.name);
    with_schema(template.text, schema)
        .replacen(&old_name, &format!("name = \"{name}\""), 1)
        .replace(&old_file, &format!("missions/{name}.toml"))
}

/// The templates that another one uses as tasks, by the names of their files.
pub(super) fn used_by(template: Template) -> Vec<Template> {
    let table: toml::Table = template.text.parse().unwrap_or_default();
    let tasks = table.get("tasks").and_then(toml::Value::as_table);
    let names = |task: &toml::Value| Some(task.get("mission")?.as_str()?.strip_suffix(".toml")?.to_owned());
    let named: BTreeSet<String> = tasks.into_iter().flat_map(toml::Table::values).filter_map(names).collect();
    template.kept.templates().filter(|template| named.contains(template.name)).collect()
}

/// The usual one under another name.
pub(super) fn usual(name: &str, schema: &str) -> String {
    missions().first().map(|template| mission(*template, name, schema)).unwrap_or_default()
}

/// A TOML file with another path of its schema.
pub(super) fn with_schema(text: &str, schema: &str) -> String {
    let body = match text.split_once('\n') {
        Some((first, rest)) if first.starts_with("#:schema") => rest,
        Some(_) | None => text,
    };
    format!("#:schema {schema}\n{body}")
}

/// Markdown with front matter under another name, and another description where one is given.
pub(super) fn front_matter(text: &str, name: &str, description: Option<&str>) -> String {
    let mut fences = 0_u8;
    let mut lines = Vec::new();
    let mut replaced = false;
    for line in text.lines() {
        if replaced && line.starts_with([' ', '\t']) {
            continue;
        }
        replaced = false;
        fences = fences.saturating_add(u8::from(line.trim_end() == "---"));
        let key = |key: &str| fences == 1 && line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':'));
        if key("name") {
            lines.push(format!("name: {name}"));
        } else if let (true, Some(description)) = (key("description"), description) {
            // A JSON string is one of YAML too, whatever it holds.
            lines.push(format!("description: {}", serde_json::Value::from(description)));
            replaced = true;
        } else {
            lines.push(line.to_owned());
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_says_what_it_is_and_is_named_as_its_file() {
        let all = missions();
        assert_eq!(all[0].name, USUAL);
        for template in all {
            let Template { name, about, text, .. } = template;
            assert!(text.starts_with("#:schema "), "{name}");
            assert!(about.ends_with(['.', '?']) && about.len() < 120, "{name}: `{about}`");
            assert_eq!(text.matches(&format!("name = \"{name}\"")).count(), 1, "{name}");
            let made = mission(template, "mine", "s.json");
            assert!(made.starts_with("#:schema s.json\n# ") && made.contains("\nname = \"mine\"\n"), "{made}");
            let is_called = |file: &str| made.contains(&format!("mission run missions/{file}.toml"));
            assert!(!is_called(name) && is_called("mine") == text.contains("mission run missions/"), "{name}: {made}");
        }
    }

    #[test]
    fn only_the_front_matter_is_rewritten() {
        let text = "---\nname: a\ndescription: b\n---\nname: kept\n";
        assert_eq!(
            front_matter(text, "n", Some("it: \"is\"")),
            "---\nname: n\ndescription: \"it: \\\"is\\\"\"\n---\nname: kept\n"
        );
        let folded = "---\ndescription: >-\n  two\n  lines\nkind: code\n---\n";
        assert_eq!(front_matter(folded, "n", Some("one")), "---\ndescription: \"one\"\nkind: code\n---\n");
        assert_eq!(front_matter(text, "n", None), "---\nname: n\ndescription: b\n---\nname: kept\n");
    }
}

//! Holds together what ships as text: roles, skills and the book name only what is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ai_sdlc::catalog::skill::SkillManifest;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).expect("what ships is readable text")
}

/// Files right in a folder that end in `extension`.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(root().join(folder))
        .expect("the folder is there")
        .map(|entry| entry.expect("it can be read").path())
        .filter(|path| path.extension().is_some_and(|own| own == extension))
        .collect();
    found.sort();
    found
}

fn stem(path: &Path) -> String {
    path.file_stem().expect("a file has a name").to_string_lossy().into_owned()
}

fn skills() -> BTreeSet<String> {
    fs::read_dir(root().join("skills"))
        .expect("the folder is there")
        .map(|entry| entry.expect("it can be read").file_name().to_string_lossy().into_owned())
        .collect()
}

/// What stands between the brackets of the line `key: [a, b]`.
fn listed(text: &str, key: &str) -> BTreeSet<String> {
    let line = text.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
    let inside = line.trim_start_matches([':', ' ', '=', '[']).trim_end_matches(']');
    inside.split(", ").map(|item| item.trim_matches('"').to_owned()).filter(|item| !item.is_empty()).collect()
}

fn missing(needed: &BTreeSet<String>, there: &BTreeSet<String>) -> Vec<String> {
    needed.difference(there).cloned().collect()
}

#[test]
fn every_role_says_what_it_is_good_at_and_names_skills_that_ship() {
    let skills = skills();
    for path in files("roles", "md") {
        let role = text(&path);
        assert!(role.contains(&format!("\nname: {}\n", stem(&path))), "{} has another name", path.display());
        let own = listed(&role, "skills");
        assert_eq!(missing(&own, &skills), Vec::<String>::new(), "{}", path.display());
        assert!((3..=8).contains(&own.len()), "{} names {} skills", path.display(), own.len());
        let front = role.split("---\n").nth(1).expect("it has front matter");
        let examples = front.lines().filter(|line| line.starts_with("  - ")).count();
        assert!((5..=10).contains(&examples), "{} has {examples} examples", path.display());
        for partial in ["common-rules", "task-format", "handoff-format"] {
            assert!(role.contains(&format!("{{{{> {partial}}}}}")), "{} lacks {partial}", path.display());
        }
    }
}

#[test]
fn every_skill_names_skills_that_ship_and_when_it_serves() {
    let skills = skills();
    for name in &skills {
        let folder = root().join("skills").join(name);
        assert!(text(&folder.join("SKILL.md")).contains(&format!("\nname: {name}\n")), "{name} has another name");
        let manifest = text(&folder.join("skill.toml"));
        let manifest: SkillManifest = toml::from_str(&manifest).expect("it is valid");
        for (key, named) in
            [("requires", manifest.requires), ("conflicts", manifest.conflicts), ("enhanced_by", manifest.enhanced_by)]
        {
            let named: BTreeSet<String> = named.iter().map(ToString::to_string).collect();
            assert_eq!(missing(&named, &skills), Vec::<String>::new(), "{key} of {name}");
        }
        assert!((5..=10).contains(&manifest.triggers.len()), "{name} has {} triggers", manifest.triggers.len());
    }
}

#[test]
fn the_book_links_to_what_is_there() {
    let mut pages = files(".", "md");
    pages.extend(files("docs", "md"));
    pages.extend(files("docs/adr", "md"));
    for page in pages {
        let folder = page.parent().expect("a file lies in a folder");
        for target in text(&page).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            let outside = file.is_empty() || file.contains("://");
            assert!(outside || folder.join(file).exists(), "{} links to {target}", page.display());
        }
    }
}

#[test]
fn every_dependency_has_its_reason() {
    let manifest = text(&root().join("Cargo.toml"));
    let reasons = text(&root().join("docs/dependencies.md"));
    let mut wanted = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            wanted = line.ends_with("dependencies]");
        } else if let Some((name, _)) = line.split_once(" = ").filter(|_| wanted) {
            let told = reasons
                .lines()
                .filter(|line| line.starts_with('|'))
                .any(|line| line.split('|').nth(1).is_some_and(|names| names.split(',').any(|one| one.trim() == name)));
            assert!(told, "docs/dependencies.md does not say why there is `{name}`");
        }
    }
}

#[test]
fn every_page_of_the_book_is_reached_from_the_readme() {
    let readme = text(&root().join("README.md"));
    for page in files("docs", "md") {
        let name = format!("docs/{}.md", stem(&page));
        assert!(readme.contains(&name), "README.md does not name {name}");
    }
}

#[test]
fn the_book_lists_the_variables_that_children_get() {
    let page = text(&root().join("docs/running.md"));
    let list = page.split("only these pass").nth(1).and_then(|rest| rest.split("More by").next()).expect("the list");
    let upper: BTreeSet<String> = list.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    let lower = upper.iter().filter(|name| name.ends_with("_PROXY")).map(|name| name.to_lowercase());
    let told: BTreeSet<String> = upper.iter().cloned().chain(lower).collect();
    assert_eq!(told, ai_sdlc::driver::environment::ALLOWED.map(str::to_owned).into());
}

use super::*;
use crate::plan::build::tests::{agent, command, mission, plan};

fn told(before: &Plan, after: &Plan) -> Vec<String> {
    let word = |change: &Change| {
        let what = match &change.what {
            What::Added => "added".to_owned(),
            What::Removed => "removed".to_owned(),
            What::Changed { key, before, after } => format!("{key}: {before} -> {after}"),
        };
        format!("{:?} {} {what}", change.part, change.name)
    };
    changes(before, after).iter().map(word).collect()
}

#[test]
fn what_means_the_same_is_the_same() {
    let one = plan(&mission([("a", agent(&[], "Do.")), ("b", command(&["a"]))]));
    let mut two = one.clone();
    two.sources.clear();
    two.file = "elsewhere.toml".to_owned();
    two.roles.values_mut().next().unwrap().origin = "elsewhere".to_owned();
    assert_eq!(told(&one, &two), Vec::<String>::new());
}

#[test]
fn each_difference_is_named_where_it_is() {
    let one = plan(&mission([("a", agent(&[], "Do.")), ("b", command(&["a"]))]));
    let mut next = mission([("a", agent(&[], "Do it.")), ("c", command(&["a"]))]);
    next.max = std::num::NonZeroU32::new(9).unwrap();
    next.tasks[0].rounds = std::num::NonZeroU32::new(5).unwrap();
    let mut two = plan(&next);
    let mut one = one;
    one.skills.values_mut().next().unwrap().files[0].text = "Other.".to_owned();
    two.skills.values_mut().next().unwrap().files[0].text = "Else.".to_owned();
    assert_eq!(
        told(&one, &two),
        [
            "Mission  max: 3 -> 9",
            "Task a rounds: 3 -> 5",
            "Task a work.prompt: \"Do.\" -> \"Do it.\"",
            "Task b removed",
            "Task c added",
            "Skill testing files.SKILL.md.text: \"Other.\" -> \"Else.\"",
        ]
    );
}

#[test]
fn files_are_compared_by_their_content() {
    let file = |path: &str, sha256: &str| SourceFile { path: path.to_owned(), sha256: sha256.to_owned() };
    let before = [file("m.toml", "1"), file("roles/dev.md", "2"), file("roles/old.md", "3")];
    let now = [file("m.toml", "1"), file("roles/dev.md", "9"), file("roles/new.md", "3")];
    let told: Vec<(String, FileState)> =
        files(&before, &now).into_iter().map(|change| (change.path, change.state)).collect();
    assert_eq!(told, [("roles/dev.md".to_owned(), FileState::Changed), ("roles/old.md".to_owned(), FileState::Gone)]);
}

use std::fs;
use std::path::Path;

use super::choose::{Chooser, Refusal};
use super::role::{Body, Permissions};
use super::*;
use crate::diagnostic::Severity;

mod mistakes;

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn load(root: &Path) -> Catalog {
    Catalog::load(&Places { mission_dir: Some(root.join("missions")), root: Some(root.to_path_buf()), user: None })
}

/// Findings about files of the test's own, as `file:offset code message`.
fn told(catalog: &Catalog) -> Vec<String> {
    let own = catalog.findings.iter().filter(|finding| !finding.file.starts_with("built-in:"));
    own.map(|one| format!("{}:{} {:?} {}", one.file, one.span.start, one.severity, one.message)).collect()
}

fn skill(root: &Path, name: &str, toml: &str) {
    write(
        root,
        &format!("skills/{name}/SKILL.md"),
        &format!("---\nname: {name}\ndescription: About {name}.\n---\nText.\n"),
    );
    write(root, &format!("skills/{name}/skill.toml"), toml);
}

fn names(names: &[&str]) -> Vec<SkillName> {
    names.iter().map(|name| SkillName::parse(name).unwrap()).collect()
}

#[test]
fn what_ships_has_no_findings() {
    let catalog = Catalog::load(&Places::default());
    assert_eq!(catalog.findings, []);
}

#[test]
fn the_nearest_wins_and_hides_the_others() {
    let root = tempfile::tempdir().unwrap();
    let role = |what: &str| format!("---\ndescription: {what}\n---\nYou.\n");
    write(root.path(), "missions/roles/dev.md", &role("beside the mission"));
    write(root.path(), "roles/dev.md", &role("above"));
    write(root.path(), ".ai-sdlc/roles/dev.md", &role("the project's"));
    let catalog = load(root.path());
    let dev = &catalog.roles["dev"];
    assert_eq!((dev.value.description.as_str(), dev.origin), ("beside the mission", Origin::Mission));
    assert_eq!(dev.path, "missions/roles/dev.md");
    assert_eq!(dev.hides, ["roles/dev.md", ".ai-sdlc/roles/dev.md"]);
    assert_eq!(dev.sha256, sha256(role("beside the mission").as_bytes()));
}

#[test]
fn a_role_file_is_read_whole() {
    let root = tempfile::tempdir().unwrap();
    skill(root.path(), "testing", "");
    let text = "---\nname: dev\ndescription: Builds.\nagent: claude\nmodel: strong\npermissions: read\ncapabilities: [writes-code]\n\
        skills: [testing]\ntouches: [\"src/**\"]\nkind: coordination\n---\nYou do {{task.prompt}}\n";
    write(root.path(), "roles/dev.md", text);
    let catalog = load(root.path());
    assert_eq!(told(&catalog), Vec::<String>::new());
    let dev = &catalog.roles["dev"].value;
    assert_eq!(dev.permissions, Some(Permissions::Read));
    assert_eq!(dev.skills, names(&["testing"]));
    assert_eq!(dev.touches.as_deref(), Some(&["src/**".to_owned()][..]));
    assert_eq!(dev.body, Body::Template("You do {{task.prompt}}\n".to_owned()));
}

#[test]
fn a_file_of_another_tool_is_text_and_gets_at_most_edit() {
    let root = tempfile::tempdir().unwrap();
    let text = "---\nname: helper\ndescription: Helps.\ntools: Read, Bash\nmodel: opus\npermissionMode: bypassPermissions\n---\nUse ${{ x }}.\n";
    write(root.path(), ".claude/agents/helper.md", text);
    write(root.path(), ".claude/agents/broken.md", "no front matter");
    let catalog = load(root.path());
    let role = &catalog.roles["helper"].value;
    assert_eq!(role.permissions, Some(Permissions::Edit));
    assert_eq!(role.model.as_deref(), Some("strong"));
    assert_eq!(role.body, Body::Text("Use ${{ x }}.\n".to_owned()));
    assert!(catalog.findings.iter().all(|finding| finding.severity == Severity::Warning));
}

#[test]
fn a_description_that_other_tools_take_is_taken_with_a_warning() {
    let root = tempfile::tempdir().unwrap();
    let text = "---\nname: helper\ndescription: Use this when: it hurts\n  badly\ntools: Read, Bash\n---\nHelp.\n";
    write(root.path(), ".claude/agents/helper.md", text);
    write(root.path(), "roles/other.md", &text.replace("helper", "other"));
    // A file of ours is held to what it says it is.
    write(root.path(), "roles/own.md", &text.replace("tools: Read, Bash", "permissions: read"));
    write(
        root.path(),
        "skills/borrowed/SKILL.md",
        &text.replace("helper", "borrowed").replace("tools:", "allowed-tools:"),
    );
    fs::write(root.path().join("skills/borrowed/stamp.bin"), [0xff, 0x00]).unwrap();
    let catalog = load(root.path());
    for name in ["helper", "other"] {
        assert_eq!(catalog.roles[name].value.description, "Use this when: it hurts badly");
        assert_eq!(catalog.roles[name].value.body, Body::Text("Help.\n".to_owned()));
    }
    assert!(!catalog.roles.contains_key("own"));
    let borrowed = &catalog.skills["borrowed"].value;
    assert_eq!(borrowed.description, "Use this when: it hurts badly");
    assert_eq!(borrowed.files.iter().find(|file| file.path == "stamp.bin").unwrap().bytes(), [0xff, 0x00]);
    let severities: Vec<(bool, Severity)> =
        catalog.findings.iter().map(|finding| (finding.file == "roles/own.md", finding.severity)).collect();
    assert!(severities.iter().all(|(own, severity)| *own == (*severity == Severity::Error)), "{:#?}", catalog.findings);
    assert_eq!(severities.len(), 4, "{:#?}", catalog.findings);
}

#[test]
fn broken_files_are_findings_at_their_places() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "roles/a.md", "no front matter");
    write(root.path(), "roles/b.md", "---\ndescription: [1\n---\n");
    write(root.path(), "roles/c.md", "---\nmodle: x\npermissions: all\n---\n{{workspce}} {{mission.nmae}}\n{{> none}}");
    write(root.path(), "roles/d.md", "---\ndescription: d\nmodle: x\nskills: [nope]\n---\n{{> none}}");
    write(root.path(), "roles/Bad Name.md", "");
    fs::write(root.path().join("roles/bytes.md"), [0xff, 0xfe]).unwrap();
    skill(root.path(), "s", "requires = [\"gone\"]\n");
    skill(root.path(), "t", "version = \"1\"\nreqiures = []\n");
    skill(root.path(), "u", "conflicts = [\"gone\"]\nenhanced_by = [\"lost\"]\n");
    let catalog = load(root.path());
    let found = told(&catalog);
    let expect = [
        "roles/Bad Name.md:0 Warning",
        "roles/a.md:0 Error there is no front matter",
        "roles/b.md:4 Error the front matter is no valid YAML: unclosed bracket",
        "roles/bytes.md:0 Error it is not UTF-8",
        "roles/c.md:4 Warning `modle` has no meaning here",
        "roles/c.md:13 Error `permissions`: `all` is none of",
        "roles/c.md:36 Error `workspce`: a role template sees no `workspce`",
        "roles/c.md:49 Error `mission.nmae`: `mission` has name, description",
        "roles/d.md:19 Warning `modle`",
        "roles/d.md:37 Error there is no skill `nope`",
        "roles/d.md:51 Error there is no partial `none`",
        "skills/s/skill.toml:13 Error it requires the skill `gone`",
        "skills/u/skill.toml:14 Warning `conflicts` names the skill `gone`",
        "skills/u/skill.toml:37 Warning `enhanced_by` names the skill `lost`",
        "skills/t/skill.toml:14 Error unknown key `reqiures`",
        "Error `description` is missing",
    ];
    for part in expect {
        assert!(found.iter().any(|line| line.contains(part)), "{part}\n{found:#?}");
    }
    assert!(!catalog.roles.contains_key("c"));
}

#[test]
fn a_broken_file_hides_what_lies_further_off() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "missions/roles/dev.md", "broken");
    write(root.path(), "roles/dev.md", "---\ndescription: fine\n---\nYou.\n");
    assert!(!load(root.path()).roles.contains_key("dev"));
}

#[test]
fn skills_come_with_what_they_require_and_what_the_text_calls_for() {
    let root = tempfile::tempdir().unwrap();
    skill(root.path(), "aa", "requires = [\"bb\"]\n");
    skill(root.path(), "bb", "requires = [\"cc\", \"aa\"]\n");
    skill(root.path(), "cc", "");
    skill(root.path(), "dd", "conflicts = [\"aa\"]\ntriggers = [\"frobnicate widgets\"]\n");
    skill(root.path(), "ee", "triggers = [\"frobnicate the widget\"]\n");
    let catalog = load(root.path());
    let chooser = Chooser::new(&catalog);
    assert_eq!(chooser.choose(&names(&["aa"]), "").unwrap(), names(&["aa", "bb", "cc"]));
    assert_eq!(
        chooser.choose(&names(&["aa"]), "Please frobnicate all widgets.").unwrap(),
        names(&["aa", "bb", "cc", "ee"])
    );
    let [aa, dd, zz] = ["aa", "dd", "zz"].map(|name| SkillName::parse(name).unwrap());
    assert_eq!(chooser.choose(&[aa.clone(), dd.clone()], ""), Err(Refusal::Conflict(dd, aa)));
    assert_eq!(chooser.choose(std::slice::from_ref(&zz), ""), Err(Refusal::Missing(zz)));
}

#[test]
fn schemas_are_draft_07() {
    for text in [skill_schema(), role_schema()] {
        assert!(text.contains("\"$schema\": \"http://json-schema.org/draft-07/schema#\""), "{text}");
        assert!(text.ends_with("}\n"));
    }
}

/// Reasons for each skill chosen, as a person reads them.
fn reasons(selection: &choose::Selection) -> Vec<String> {
    let told = |chosen: &choose::Chosen| {
        let why: Vec<String> = chosen.why.iter().map(ToString::to_string).collect();
        format!("{}: {}", chosen.skill, why.join("; "))
    };
    selection.chosen.iter().map(told).collect()
}

#[test]
fn every_choice_has_its_reasons() {
    let root = tempfile::tempdir().unwrap();
    skill(root.path(), "aa", "requires = [\"bb\"]\n");
    skill(root.path(), "bb", "");
    skill(root.path(), "dd", "conflicts = [\"aa\"]\ntriggers = [\"frobnicate widgets\"]\n");
    skill(root.path(), "ee", "triggers = [\"frobnicate the widget\"]\ntags = [\"grommet\"]\n");
    skill(root.path(), "ff", "tags = [\"grommet\", \"widget\"]\nrequires = [\"gone\"]\n");
    skill(root.path(), "gg", "tags = [\"grommet\"]\n");
    let catalog = load(root.path());
    let chooser = Chooser::new(&catalog);
    let [aa] = ["aa"].map(|name| SkillName::parse(name).unwrap());
    let text = "Frobnicate all widgets of the grommet.";
    let selection = chooser.select(&[(choose::By::Role, &aa)], text, None).unwrap();
    let chosen = reasons(&selection);
    assert_eq!(chosen[..2], ["aa: its role has it", "bb: `aa` requires it"]);
    assert!(
        chosen[2]
            .starts_with("ee: the text says its trigger \"frobnicate the widget\"; the text says grommet; text rank 1")
    );
    assert_eq!(chosen.len(), 3);
    let left: Vec<String> = selection.passed_over.iter().map(|left| format!("{}: {}", left.skill, left.why)).collect();
    assert_eq!(
        left,
        [
            "dd: it conflicts with `aa`",
            "ff: it requires `gone`, which does not exist",
            "gg: too little speaks for it beside the best",
        ]
    );
    assert_eq!(selection, chooser.select(&[(choose::By::Role, &aa)], text, None).unwrap());
}

#[test]
fn never_more_than_eight_and_the_best_of_them() {
    let root = tempfile::tempdir().unwrap();
    for at in 0..12 {
        skill(root.path(), &format!("s{at:02}"), "triggers = [\"frobnicate widgets\"]\n");
    }
    skill(root.path(), "zz-best", "triggers = [\"frobnicate widgets\", \"oil the widgets\"]\n");
    let catalog = load(root.path());
    let chooser = Chooser::new(&catalog);
    let text = "Frobnicate and oil the widgets.";
    let selection = chooser.select(&[], text, None).unwrap();
    assert_eq!(selection.names(), names(&["zz-best", "s00", "s01", "s02", "s03", "s04", "s05", "s06"]));
    assert!(selection.passed_over.iter().all(|left| left.why == choose::WhyNot::Full), "{selection:#?}");
    assert_eq!(selection.to_be_ranked().map(<[SkillName]>::len), Some(13));
    let ranking = choose::Ranking(names(&["s11", "nobody", "s03"]));
    let ranked = chooser.select(&[], text, Some(&ranking)).unwrap();
    assert_eq!(ranked.names(), names(&["s11", "s03"]));
    assert_eq!(ranked.chosen[0].why[0], choose::Why::Ranked { place: 1 });
    assert!(ranked.passed_over.iter().all(|left| left.why == choose::WhyNot::Unranked));
}

#[test]
fn too_few_are_filled_up_with_the_nearest() {
    let root = tempfile::tempdir().unwrap();
    skill(root.path(), "aa", "triggers = [\"frobnicate widgets\"]\n");
    for name in ["bb", "cc", "dd"] {
        skill(root.path(), name, "tags = [\"frobnicate\"]\n");
    }
    let catalog = load(root.path());
    let chooser = Chooser::new(&catalog);
    let filled = chooser.select(&[], "Frobnicate the widgets.", None).unwrap();
    assert_eq!(filled.names(), names(&["aa", "bb", "cc"]));
    assert_eq!(filled.chosen[1].why[0], choose::Why::Fills);
    assert_eq!(chooser.choose(&[], "Xyzzy, and plugh.").unwrap(), []);
}

#[test]
fn a_text_that_says_little_is_given_few() {
    let catalog = Catalog::load(&Places::default());
    let chooser = Chooser::new(&catalog);
    for text in ["Build p and q.", "Do it.", "Nothing of the kind.", "Write it down.", "Make it work again", "x"] {
        let selection = chooser.select(&[], text, None).unwrap();
        assert!(selection.chosen.len() <= choose::FEWEST, "{text}: {:#?}", reasons(&selection));
    }
}

#[test]
fn what_goes_well_with_a_chosen_one_comes_where_the_text_speaks_of_it() {
    let root = tempfile::tempdir().unwrap();
    skill(root.path(), "aa", "requires = [\"bb\", \"cc\"]\nenhanced_by = [\"ee\", \"ff\"]\n");
    for name in ["bb", "cc"] {
        skill(root.path(), name, "");
    }
    for name in ["dd", "ee"] {
        skill(root.path(), name, "tags = [\"frobnicate\"]\n");
    }
    skill(root.path(), "ff", "");
    skill(root.path(), "gg", "triggers = [\"grommet widget\"]\n");
    let catalog = load(root.path());
    let [aa] = ["aa"].map(|name| SkillName::parse(name).unwrap());
    let text = "Frobnicate the widget of the grommet.";
    let selection = Chooser::new(&catalog).select(&[(choose::By::Task, &aa)], text, None).unwrap();
    assert_eq!(selection.names(), names(&["aa", "bb", "cc", "gg", "ee"]));
    assert_eq!(selection.chosen[4].why[0], choose::Why::GoesWith { with: aa });
}

//! Missions that use missions: each file read once and told by its own name, and no end of them survived.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use ai_sdlc::catalog::{Catalog, Places};
use ai_sdlc::mission::check::Against;
use ai_sdlc::mission::model::{MissionWork, TaskKind, With};
use ai_sdlc::mission::{self, Loaded};
use serde_json::json;
use tempfile::TempDir;

/// Files of a project, and the mission `missions/main.toml` among them.
fn load(files: &[(&str, &str)]) -> (Loaded, TempDir) {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join(".ai-sdlc")).unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    (read(root.path()), root)
}

fn read(root: &Path) -> Loaded {
    let dir = root.join("missions");
    let catalog = Catalog::load(&Places { mission_dir: Some(dir.clone()), root: Some(root.to_owned()), user: None });
    let text = fs::read_to_string(dir.join("main.toml")).unwrap();
    let against = Against { catalog: &catalog, agents: &BTreeMap::new(), dir: &dir };
    mission::load("missions/main.toml", &text, &against)
}

fn told(loaded: &Loaded) -> Vec<String> {
    loaded.findings.iter().map(|finding| format!("{} {} {}", finding.file, finding.code, finding.message)).collect()
}

fn work<'m>(mission: &'m mission::model::Mission, task: &str) -> &'m MissionWork {
    let TaskKind::Mission(work) = &mission.tasks[task].kind else { panic!("{task} is no mission") };
    work
}

#[test]
fn a_mission_is_found_beside_the_one_that_names_it_and_read_once() {
    let main = "[mission]\nname = \"main\"\n[inputs.n]\ntype = \"integer\"\n\
        [tasks.a]\nmission = \"parts/greet.toml\"\nwith = { who = \"{{inputs.n}}\" }\n\
        [tasks.b]\nneeds = [\"a\"]\nmission = \"./parts/../parts/greet.toml\"\nwith.who = { cel = \"string(tasks.a.outputs.length)\" }\n\
        [tasks.end]\nneeds = [\"b\"]\nrun = [\"echo\", \"{{tasks.b.outputs.length}}\"]\n";
    let greet = "[mission]\nname = \"greet\"\n[inputs.who]\n[tasks.all]\nmission = \"../../shared/say.toml\"\nwith = { what = \"Hello {{inputs.who}}\" }\n\
        [outputs]\nlength = \"tasks.all.outputs.length + 1\"\n";
    let say = "[mission]\nname = \"say\"\n[inputs.what]\n[tasks.say]\nrun = [\"say\", \"{{inputs.what}}\"]\noutputs.length = \"integer\"\n\
        [outputs]\nlength = \"tasks.say.outputs.length\"\n";
    let (loaded, _root) =
        load(&[("missions/main.toml", main), ("missions/parts/greet.toml", greet), ("shared/say.toml", say)]);
    assert_eq!(told(&loaded), [""; 0]);
    let names: Vec<&str> = loaded.sources.keys().map(String::as_str).collect();
    assert_eq!(names, ["missions/parts/greet.toml", "shared/say.toml"]);
    let mission = loaded.mission.unwrap();
    let (a, b) = (work(&mission, "a"), work(&mission, "b"));
    assert_eq!(a.with.values().collect::<Vec<_>>(), [&With::Value(json!("{{inputs.n}}"))]);
    assert_eq!(b.with.values().collect::<Vec<_>>(), [&With::Cel("string(tasks.a.outputs.length)".to_owned())]);
    assert_eq!((&a.mission, &a.file, &a.sha256), (&b.mission, &b.file, &b.sha256));
    assert_eq!(work(&a.mission, "all").file, "shared/say.toml");
}

#[test]
fn what_is_wrong_in_it_is_told_in_its_own_file_and_nowhere_else() {
    let main = "[mission]\nname = \"main\"\n[tasks.a]\nmission = \"part.toml\"\nwith = { no = 1 }\n[tasks.b]\nmission = \"part.toml\"\n\
        [tasks.c]\nneeds = [\"a\"]\nrun = [\"echo\", \"{{tasks.a.outputs.x}}\"]\n";
    let part = "[mission]\nname = \"part\"\n[tasks.x\nrun = 1\n";
    let (loaded, _root) = load(&[("missions/main.toml", main), ("missions/part.toml", part)]);
    assert!(told(&loaded).iter().all(|line| line.starts_with("missions/part.toml mission::syntax")), "{loaded:#?}");
    assert_eq!((loaded.findings.len(), loaded.mission), (1, None));
}

#[test]
fn the_same_circle_is_the_same_finding_from_wherever_it_is_entered() {
    let use_of =
        |name: &str, other: &str| format!("[mission]\nname = \"{name}\"\n[tasks.next]\nmission = \"{other}.toml\"\n");
    let circle = [
        ("missions/a.toml", use_of("a", "b")),
        ("missions/b.toml", use_of("b", "c")),
        ("missions/c.toml", use_of("c", "a")),
    ];
    let mut all = Vec::new();
    for enter in ["a", "b", "c"] {
        let main = use_of("main", enter);
        let mut files: Vec<(&str, &str)> = circle.iter().map(|(path, text)| (*path, text.as_str())).collect();
        files.push(("missions/main.toml", &main));
        all.push(load(&files).0.findings);
    }
    assert_eq!(all[0].len(), 1, "{all:#?}");
    assert!(
        all[0][0].message.contains("`missions/a.toml` → `missions/b.toml` → `missions/c.toml` → `missions/a.toml`")
    );
    assert!(all.iter().all(|findings| *findings == all[0]), "{all:#?}");
}

#[test]
fn neither_depth_nor_breadth_is_without_end() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("missions")).unwrap();
    let write = |name: &str, text: &str| fs::write(root.path().join("missions").join(name), text).unwrap();
    let chain = |uses: usize, levels: usize| {
        for level in 0..=levels {
            let name = if level == 0 { "main.toml".to_owned() } else { format!("m{level}.toml") };
            let tasks: String = (0..uses)
                .map(|at| {
                    if level < levels {
                        format!("[tasks.t{at}]\nmission = \"m{}.toml\"\n", level + 1)
                    } else {
                        format!("[tasks.t{at}]\nrun = [\"true\"]\n")
                    }
                })
                .collect();
            write(&name, &format!("[mission]\nname = \"m{level}\"\n{tasks}"));
        }
        read(root.path())
    };
    assert!(chain(1, 16).mission.is_some());
    let deep = chain(1, 20);
    assert_eq!(told(&deep), ["missions/m16.toml mission::mission-file missions use missions more than 16 deep"]);
    assert!(chain(10, 3).mission.is_some());
    let broad = chain(10, 12);
    assert!(broad.findings.iter().all(|finding| finding.code.0 == "mission::mission-file"), "{:?}", told(&broad));
    assert_eq!(broad.mission, None);
}

#[test]
fn a_device_is_no_mission() {
    for named in ["/dev/zero", ".", "/dev/null/x"] {
        let main = format!("[mission]\nname = \"main\"\n[tasks.a]\nmission = \"{named}\"\n");
        let (loaded, _root) = load(&[("missions/main.toml", &main)]);
        assert_eq!(loaded.findings.len(), 1, "{loaded:#?}");
        assert_eq!(loaded.findings[0].code.0, "mission::mission-file");
    }
}

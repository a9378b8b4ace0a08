//! The mission language over whole files: what is found, where, and how it is shown.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ai_sdlc::catalog::{Catalog, Origin, Places};
use ai_sdlc::diagnostic::{self, Finding, Look, Severity, Sources};
use ai_sdlc::mission::check::Against;
use ai_sdlc::mission::model::{Assignee, CommandLine, RetryFrom, TaskKind, TaskWorkspace};
use ai_sdlc::mission::{self, Loaded};
use ai_sdlc::name::RoleName;
use serde_json::json;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/mission")
}

/// The roles and skills of the fixtures, and none of those that ship.
fn catalog() -> Catalog {
    let root = fixtures();
    let mut catalog = Catalog::load(&Places { mission_dir: Some(root.join("ok")), root: Some(root), user: None });
    catalog.roles.retain(|_, found| found.origin != Origin::BuiltIn);
    catalog.skills.retain(|_, found| found.origin != Origin::BuiltIn);
    catalog.partials.retain(|_, found| found.origin != Origin::BuiltIn);
    assert_eq!(catalog.roles.len(), 4, "{:?}", catalog.findings);
    catalog
}

fn load(text: &str) -> Loaded {
    let (catalog, agents, dir) = (catalog(), BTreeMap::new(), fixtures());
    mission::load("m.toml", text, &Against { catalog: &catalog, agents: &agents, dir: &dir })
}

fn files(folder: &str) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = std::fs::read_dir(fixtures().join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(&path).unwrap()))
        .collect();
    files.sort();
    files
}

fn shown(findings: &[Finding], text: &str) -> String {
    let sources = Sources::from([("m.toml".to_owned(), text.to_owned())]);
    let look = Look { color: false, width: 100, ascii: false };
    diagnostic::human(findings, &sources, look) + "\n" + &diagnostic::short(findings, &sources)
}

#[test]
fn good_files_have_no_findings() {
    for (name, text) in files("ok") {
        let loaded = load(&text);
        assert_eq!(loaded.findings, [], "{name}:\n{}", shown(&loaded.findings, &text));
        assert!(loaded.mission.is_some());
    }
}

#[test]
fn bad_files_are_explained() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots/mission");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let _guard = settings.bind_to_scope();
    for (name, text) in files("bad") {
        let loaded = load(&text);
        let errors = loaded.findings.iter().any(|finding| finding.severity == Severity::Error);
        assert_eq!(loaded.mission.is_none(), errors);
        insta::assert_snapshot!(name, shown(&loaded.findings, &text));
    }
}

/// A code that no file of the fixtures has is one that nobody has seen work.
#[test]
fn every_code_is_found_in_some_file_and_is_in_the_index_once() {
    let mut seen: BTreeSet<&str> = BTreeSet::from(["mission::not-text"]);
    for (_, text) in files("bad") {
        seen.extend(load(&text).findings.iter().map(|finding| finding.code.0));
    }
    seen.extend(crate::faulty::codes());
    let prices = std::fs::read_to_string(fixtures().join("../prices/bad.toml")).unwrap();
    seen.extend(mission::prices::load("prices.toml", &prices).findings.iter().map(|finding| finding.code.0));
    seen.extend(crate::stories::faults::codes());
    let index: BTreeSet<&str> = diagnostic::codes::all().map(|entry| entry.code.0).collect();
    assert_eq!(index.len(), diagnostic::codes::all().count());
    assert_eq!(index.difference(&seen).collect::<Vec<_>>(), Vec::<&&str>::new(), "never found");
    assert_eq!(seen.difference(&index).collect::<Vec<_>>(), Vec::<&&str>::new(), "not in the index");
}

#[test]
fn six_mistakes_are_six_findings_each_at_its_place() {
    let text = std::fs::read_to_string(fixtures().join("bad/six.toml")).unwrap();
    let loaded = load(&text);
    let sources = Sources::from([("m.toml".to_owned(), text)]);
    insta::assert_snapshot!(diagnostic::short(&loaded.findings, &sources), @r"
    m.toml:3:1: error[mission::unknown-key]: unknown key `descripton` in `[mission]`
    m.toml:5:9: warning[mission::unused-input]: the input `feature` is never used
    m.toml:9:8: error[mission::unknown-role]: unknown role `devv`
    m.toml:11:11: error[mission::wrong-type]: `timeout` must be a string, not an integer
    m.toml:15:18: error[mission::cycle]: tasks need each other in a circle: `build` → `test` → `build`
    m.toml:16:19: error[mission::unknown-input]: there is no input `fature_name`
    ");
    assert_eq!(loaded.mission, None);
}

#[test]
fn a_finding_as_json_has_all_its_keys() {
    let text = "[mission]\nname = \"x\"\n[tasks.a]\nrun = \"true\"\ncolour = 1\n";
    let loaded = load(text);
    let sources = Sources::from([("m.toml".to_owned(), text.to_owned())]);
    let json = diagnostic::json(&loaded.findings, &sources);
    let finding = &json["findings"][0];
    assert_eq!(json["schema"], "ai-sdlc/findings/1");
    assert_eq!(
        (&finding["code"], &finding["severity"], &finding["file"]),
        (&json!("mission::unknown-key"), &json!("error"), &json!("m.toml"))
    );
    assert_eq!(
        [&finding["line"], &finding["column"], &finding["end_line"], &finding["end_column"]],
        [&json!(5), &json!(1), &json!(5), &json!(7)]
    );
    assert!(finding["help"].is_string() && finding["related"].is_array());
}

#[test]
fn a_whole_mission_is_read_as_written() {
    let text = std::fs::read_to_string(fixtures().join("ok/whole.toml")).unwrap();
    let mission = load(&text).mission.unwrap();
    let ids: Vec<&str> = mission.tasks.keys().map(ai_sdlc::name::TaskId::as_str).collect();
    assert_eq!(ids, ["plan", "build", "polish", "look"], "file order");
    let build = &mission.tasks["build"];
    assert_eq!(build.timeout.0, 5_400_000);
    assert_eq!((build.retry.max, build.retry.from), (2, RetryFrom::Base));
    assert_eq!(build.budget.unwrap().usd.unwrap().0, 2_500_000);
    assert_eq!(build.env, BTreeMap::from([("CI".into(), "1".into()), ("LANG".into(), "C".into())]));
    let TaskKind::Agent(work) = &build.kind else { panic!("{:?}", build.kind) };
    assert_eq!(work.assignee, Assignee::Role(RoleName::parse("builder").unwrap()));
    assert_eq!(
        work.skills.iter().map(ai_sdlc::name::SkillName::as_str).collect::<Vec<_>>(),
        ["careful", "test-runner"]
    );
    assert_eq!(mission.tasks["plan"].checks, [], "it may change nothing");
    assert_eq!(mission.tasks["polish"].checks, [CommandLine::Argv(vec!["true".into()])]);
    assert_eq!(mission.tasks["polish"].workspace, TaskWorkspace::With(build_id()));
    assert_eq!(mission.tasks["plan"].outputs["parts"].describe(), "list of { name: string, risk?: integer }");
    assert_eq!(mission.budget.warn_percent, 90);
    assert_eq!(mission.inputs["count"].schema["minimum"], 1.0);
    let stored = serde_json::to_value(&mission).unwrap();
    assert_eq!(serde_json::from_value::<mission::model::Mission>(stored).unwrap(), mission);
}

fn build_id() -> ai_sdlc::name::TaskId {
    ai_sdlc::name::TaskId::parse("build").unwrap()
}

#[test]
fn bytes_that_are_no_text_are_a_finding() {
    let finding = mission::read("m.toml", vec![0x7f, b'E', b'L', b'F', 0xff, 0x00]).unwrap_err();
    assert_eq!(finding.code.0, "mission::not-text");
    assert_eq!(mission::read("m.toml", b"\xef\xbb\xbfx = 1".to_vec()).unwrap(), "x = 1");
}

#[test]
fn configuration_is_read_and_layered() {
    let read = |text| mission::config::load("config.toml", text);
    let user = read("agent = \"a\"\n[agents.a]\nbackend = \"command\"\ncommand = [\"x\"]\nmodels = { fast = \"f\" }\n");
    let project = read("[agents.a]\nmax = 2\nmodels = { strong = \"s\" }\n");
    let both = project.config.unwrap().over(user.config.unwrap());
    let table = both.agents.values().next().unwrap();
    assert_eq!(both.agent.unwrap().as_str(), "a");
    assert_eq!((table.command.as_deref(), table.max.map(u32::from)), (Some(&["x".to_owned()][..]), Some(2)));
    assert_eq!(table.models.len(), 2);
    let bad = read("agnet = \"a\"\n[agents.a]\nbackend = \"rehearsel\"\nversion = 3\n");
    let codes: Vec<&str> = bad.findings.iter().map(|finding| finding.code.0).collect();
    assert_eq!(codes, ["mission::unknown-key", "mission::wrong-value", "mission::unknown-key"]);
    assert_eq!(bad.config, None);
}

#[test]
fn ten_thousand_tasks_are_no_trouble() {
    let head = "[mission]\nname = \"big\"\n[inputs.what]\ndefault = \"x\"\n".to_owned();
    let task = |task: u32| {
        let (needs, prompt) = match task.checked_sub(1) {
            None => (String::new(), "Begin.".to_owned()),
            Some(before) => {
                let refers = format!("{{{{tasks.t{}.outputs.x}}}}", task / 2);
                (format!("needs = [\"t{before}\"]\n"), format!("Go on with {refers} {{{{inputs.what}}}}"))
            }
        };
        format!(
            "[tasks.t{task}]\nrole = \"dev\"\n{needs}prompt = \"{prompt}\"\noutputs.x = \"string\"\n\
             timeout = \"20m\"\nchecks = [[\"cargo\", \"test\"]]\ntouches = [\"src/t{task}/**\"]\n"
        )
    };
    let text: String = std::iter::once(head).chain((0..10_000).map(task)).collect();
    let loaded = load(&text);
    let errors: Vec<_> = loaded.findings.iter().filter(|finding| finding.severity == Severity::Error).take(3).collect();
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(loaded.mission.unwrap().tasks.len(), 10_000);
}

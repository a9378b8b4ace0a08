//! Each mission to its end: in a repository that holds one empty commit, with what the rehearsal makes up, and in one of a
//! real layout, where lists have more than one element and the project's own tests are run.

use serde_json::{Value, json};

use super::layout::{library, service, web_application};
use super::{Finished, hands_over, in_order, run};
use crate::world::World;

/// Makes the mission in a repository that holds one empty commit, as somebody who has only the program does, and runs it.
fn from_nothing(name: &str) -> Finished {
    let world = World::bare();
    world.git(["init", "-q", "-b", "main"]);
    world.git(["config", "user.name", "Ada"]);
    world.git(["config", "user.email", "ada@example.org"]);
    world.git(["commit", "-q", "--allow-empty", "-m", "first"]);
    world.run(["mission", "new", name, "--template", name]).exits(0);
    let finished = run(&world, name, &[], &[]);
    assert_eq!(world.git(["ls-files"]), "", "{name}: the checkout has changed");
    assert_eq!(world.git(["rev-list", "--count", "main"]), "1", "{name}: the branch has moved");
    assert!(finished.ran.stdout.contains("git merge ai-sdlc/"), "{:?}", finished.ran);
    in_order(name, &finished.merged);
    finished
}

/// Runs it in a real layout, delivered into the person's branch.
fn into_main(world: &World, name: &str, scripted: &[Value]) -> Finished {
    world.run(["mission", "new", name, "--template", name]).exits(0);
    world.commit("the mission");
    let finished = run(world, name, scripted, &["into=main"]);
    in_order(name, &finished.merged);
    // Delivered, with the checks of the project green on all of it.
    let report = world.report();
    assert_eq!(world.git(["rev-parse", "main"]), world.git(["rev-parse", report["integration"].as_str().unwrap()]));
    assert_eq!(world.git(["status", "--porcelain"]), "");
    assert!(world.command("make").arg("test").status().unwrap().success(), "{name}");
    let ratio = finished.ratio();
    assert!(
        (1.4..=3.0).contains(&ratio),
        "{name}: {ratio} sessions of code roles to one other, {:?}",
        finished.sessions
    );
    finished
}

/// What was merged, whatever of it that ran side by side came first.
fn sorted(finished: &Finished) -> Vec<&str> {
    let mut all: Vec<&str> = finished.subjects.iter().map(String::as_str).collect();
    all.sort_unstable();
    all
}

/// Parts of a producer, each with a folder of its own.
fn parts(folder: &str, names: &[&str]) -> Value {
    let part =
        |name: &&str| json!({ "name": name, "what": format!("Does {name}."), "files": [format!("{folder}/{name}")] });
    names.iter().map(part).collect()
}

#[test]
fn a_web_application_from_nothing() {
    insta::assert_snapshot!(sorted(&from_nothing("web-app")).join("\n"), @r"
    A part of the client (plan)
    A part of the server (plan)
    Contract between server and client
    Documentation
    Mend what the review found
    Server and client, joined and looked over
    Test cases
    Test the assembled feature
    ");
}

#[test]
fn a_web_application_gets_a_feature() {
    let plan = json!({
        "goal": "Releases can be searched.",
        "criteria": ["An empty list says so.", "A search finds a release."],
        "server": parts("server", &["search", "index"]),
        "client": parts("client", &["list", "field"]),
    });
    let finished = into_main(&web_application(), "web-app", &[hands_over("plan", vec![], &plan)]);
    insta::assert_snapshot!(sorted(&finished).join("\n"), @r"
    A part of the client (field)
    A part of the client (list)
    A part of the server (index)
    A part of the server (search)
    Contract between server and client
    Documentation
    Mend what the review found
    Server and client, joined and looked over
    Test cases
    Test the assembled feature
    ");
}

#[test]
fn a_service_from_nothing() {
    insta::assert_snapshot!(sorted(&from_nothing("api-service")).join("\n"), @r"
    A part of the service (plan)
    Contract of the endpoints
    Documentation for callers
    Mend what the review found
    Tests of the contract
    The parts, joined and looked over
    What is stored
    ");
}

#[test]
fn a_service_gets_endpoints() {
    let plan = json!({ "goal": "G", "criteria": ["C"], "parts": parts("api", &["read", "write", "list"]) });
    let finished = into_main(&service(), "api-service", &[hands_over("plan", vec![], &plan)]);
    insta::assert_snapshot!(sorted(&finished).join("\n"), @r"
    A part of the service (list)
    A part of the service (read)
    A part of the service (write)
    Contract of the endpoints
    Documentation for callers
    Mend what the review found
    Tests of the contract
    The parts, joined and looked over
    What is stored
    ");
}

#[test]
fn a_library_from_nothing() {
    insta::assert_snapshot!(sorted(&from_nothing("library")).join("\n"), @r"
    A part of the library (plan)
    Documentation for users
    Mend what the review found
    Public interface
    Tests through the public interface
    The parts, joined, exported and looked over
    ");
}

#[test]
fn a_library_gets_an_ability() {
    let plan = json!({ "goal": "G", "criteria": ["C"], "parts": parts("src", &["parse", "print", "count"]) });
    let finished = into_main(&library(), "library", &[hands_over("plan", vec![], &plan)]);
    insta::assert_snapshot!(sorted(&finished).join("\n"), @r"
    A part of the library (count)
    A part of the library (parse)
    A part of the library (print)
    Documentation for users
    Mend what the review found
    Public interface
    Tests through the public interface
    The parts, joined, exported and looked over
    ");
}

#[test]
fn a_restructuring_from_nothing() {
    insta::assert_snapshot!(sorted(&from_nothing("refactor")).join("\n"), @r"
    Mend what the review found
    Pin what it does today (plan)
    Restructure one part (plan)
    Texts that name what has moved
    What spans the parts, unified and looked over
    ");
}

#[test]
fn a_library_is_restructured() {
    let part = |name: &str| {
        json!({
            "name": name, "what": "Split it.", "behaviour": "It counts.",
            "files": [format!("src/{name}")], "tests": [format!("tests/{name}")],
        })
    };
    let plan = json!({ "parts": (["text", "lines", "output"].map(part)), "fixed": ["VERSION"] });
    let finished = into_main(&library(), "refactor", &[hands_over("plan", vec![], &plan)]);
    insta::assert_snapshot!(sorted(&finished).join("\n"), @r"
    Mend what the review found
    Pin what it does today (lines)
    Pin what it does today (output)
    Pin what it does today (text)
    Restructure one part (lines)
    Restructure one part (output)
    Restructure one part (text)
    Texts that name what has moved
    What spans the parts, unified and looked over
    ");
}

#[test]
fn a_full_team_from_nothing() {
    insta::assert_snapshot!(sorted(&from_nothing("full-team")).join("\n"), @r"
    A part of the client (plan)
    A part of the server (plan)
    Build, settings and deployment
    Design and contracts
    Documentation
    Mend what the review found
    Server and client, joined and looked over
    Test the assembled feature
    The look of it
    What is stored
    ");
}

#[test]
fn a_full_team_builds_a_feature() {
    let plan = json!({
        "goal": "G", "criteria": ["C"],
        "server": parts("server", &["store", "serve"]), "client": parts("client", &["write", "read"]),
    });
    let finished = into_main(&web_application(), "full-team", &[hands_over("plan", vec![], &plan)]);
    insta::assert_snapshot!(sorted(&finished).join("\n"), @r"
    A part of the client (read)
    A part of the client (write)
    A part of the server (serve)
    A part of the server (store)
    Build, settings and deployment
    Design and contracts
    Documentation
    Mend what the review found
    Server and client, joined and looked over
    Test the assembled feature
    The look of it
    What is stored
    ");
}

#[test]
fn features_from_nothing() {
    insta::assert_snapshot!(sorted(&from_nothing("feature-pipeline")).join("\n"), @r"
    Mend what the review found
    One product of the features, looked over
    Specified, built, tested and documented (plan)
    Test them together
    ");
}

#[test]
fn a_service_gets_three_features() {
    let feature = |name: &str| json!({ "name": name, "what": format!("Build {name}."), "criteria": ["It is there."] });
    let plan = json!({ "features": (["login", "search", "export"].map(feature)) });
    let finished = into_main(&service(), "feature-pipeline", &[hands_over("plan", vec![], &plan)]);
    insta::assert_snapshot!(sorted(&finished).join("\n"), @r"
    Mend what the review found
    One product of the features, looked over
    Specified, built, tested and documented (export)
    Specified, built, tested and documented (login)
    Specified, built, tested and documented (search)
    Test them together
    ");
}

#[test]
fn documentation_from_nothing() {
    insta::assert_snapshot!(sorted(&from_nothing("docs-overhaul")).join("\n"), @r"
    Mend what the review found
    One book of the pages, looked over
    Write one page (plan)
    ");
}

#[test]
fn the_documentation_of_a_service_is_written_anew() {
    let plan = json!({ "pages": parts("docs", &["begin", "call", "run", "change"]) });
    let finished = into_main(&service(), "docs-overhaul", &[hands_over("plan", vec![], &plan)]);
    insta::assert_snapshot!(sorted(&finished).join("\n"), @r"
    Mend what the review found
    One book of the pages, looked over
    Write one page (begin)
    Write one page (call)
    Write one page (change)
    Write one page (run)
    ");
}

#[test]
fn a_release_from_nothing() {
    insta::assert_snapshot!(sorted(&from_nothing("release")).join("\n"), @r"
    As a user gets it
    Mend what the review found
    One thing that was missing (scope)
    Packages, built and looked into
    Release notes
    Version and changelog, looked over
    ");
}

#[test]
fn a_library_is_made_ready_for_release_and_nothing_is_published() {
    let world = library();
    let scope = json!({ "changes": ["Counts lines."], "open": parts("src", &["version", "debug", "readme"]) });
    let prepared = json!({ "version": "0.2.0", "publish": ["git tag v0.2.0", "git push --tags"] });
    let write = json!({ "write": "VERSION", "text": "0.2.0\n" });
    let scripted = [hands_over("scope", vec![], &scope), hands_over("prepare", vec![write], &prepared)];
    let finished = into_main(&world, "release", &scripted);
    insta::assert_snapshot!(sorted(&finished).join("\n"), @r"
    As a user gets it
    Mend what the review found
    One thing that was missing (debug)
    One thing that was missing (readme)
    One thing that was missing (version)
    Packages, built and looked into
    Release notes
    Version and changelog, looked over
    ");
    assert_eq!(world.git(["show", "main:VERSION"]), "0.2.0");
    assert_eq!(world.git(["tag"]), "");
    let gate = world.events().into_iter().find(|event| event["type"] == "gate-opened").unwrap();
    assert!(gate.to_string().contains("Then you publish: git tag v0.2.0; git push --tags"), "{gate}");
}

#[test]
fn bugs_from_nothing() {
    insta::assert_snapshot!(sorted(&from_nothing("bugfix-sprint")).join("\n"), @r"
    Mend what the review found
    The mends together, tested and looked over
    ");
}

#[test]
fn upgrades_from_nothing() {
    insta::assert_snapshot!(sorted(&from_nothing("dependency-upgrade")).join("\n"), @r"
    Mend what the review found
    One upgrade (plan)
    The program on the new versions
    What the new versions ask for, looked over
    ");
}

#[test]
fn a_security_review_from_nothing() {
    insta::assert_snapshot!(sorted(&from_nothing("security-review")).join("\n"), @r"
    Mend what the review found
    What was mended, attacked again and looked over
    ");
}

/// What the two sessions of a bug do: a test that is red until a file is there, and that file.
pub(super) fn shown_and_mended(task: &str, name: &str) -> [Value; 2] {
    let test = json!({ "write": format!("tests/{name}_test.sh"), "text": format!("test -e mended/{name}\n") });
    let shown = json!({ "cause": "a.sh:1", "command": format!("sh tests/{name}_test.sh") });
    let mend = json!({ "write": format!("mended/{name}"), "text": "mended\n" });
    [
        hands_over(&format!("{task}[{name}]/reproduce"), vec![test], &shown),
        json!({ "task": format!("{task}[{name}]/mend"), "play": [mend] }),
    ]
}

#[test]
fn the_findings_of_a_security_review_are_shown_and_mended() {
    let surface = |name: &str| json!({ "name": name, "what": "Takes input." });
    let found = |name: &str| json!({ "name": name, "bug": "Anybody can read it." });
    let names = ["path", "login", "header", "upload"];
    let mut scripted = vec![
        hands_over("map", vec![], &json!({ "surfaces": (["http", "files"].map(surface)) })),
        hands_over("triage", vec![], &json!({ "findings": names.map(found) })),
    ];
    scripted.extend(names.iter().flat_map(|name| shown_and_mended("fix", name)));
    let world = service();
    let finished = into_main(&world, "security-review", &scripted);
    insta::assert_snapshot!(sorted(&finished).join("\n"), @r"
    Mend it (header)
    Mend it (login)
    Mend it (path)
    Mend it (upload)
    Mend what the review found
    What was mended, attacked again and looked over
    ");
    for name in names {
        assert_eq!(world.read(&format!("mended/{name}")), "mended\n");
    }
}

use super::*;
use crate::mission::model;
use crate::plan::build::tests::{agent, command, id, mission, plan};

fn diamond() -> Plan {
    let mut tasks = mission([
        ("last", command(&["left", "right"])),
        ("first", command(&[])),
        ("left", agent(&["first"], "Do.")),
        ("right", command(&["first"])),
    ]);
    tasks.tasks[1].title = Some("Say \"hi\" <b>".to_owned());
    plan(&tasks)
}

#[test]
fn remaining_paths_include_the_task_itself() {
    assert_eq!(bottom_levels(&diamond()), [1, 12, 11, 2].map(Millis::from_mins));
}

#[test]
fn a_circle_is_left_out_of_the_order() {
    assert_eq!(Edges::from_needs(vec![vec![], vec![2], vec![1], vec![0]]).order, [0, 3]);
}

#[test]
fn the_terminal_sees_layers() {
    insta::assert_snapshot!(ascii(&diamond()), @r"
      1  first  true
      2  left   dev (rehearsal)  <- first
         right  true  <- first
      3  last   true  <- left, right
    ");
}

#[test]
fn mermaid_and_dot_escape_titles() {
    let plan = diamond();
    let mermaid = mermaid(&plan);
    assert!(mermaid.contains("t_first[\"Say #quot;hi#quot; #lt;b#gt;<br/>true\"]"), "{mermaid}");
    assert!(mermaid.contains("    t_left --> t_last\n"), "{mermaid}");
    let dot = dot(&plan);
    assert!(dot.contains("\"first\" [label=\"Say \\\"hi\\\" <b>\", shape=box];"), "{dot}");
    assert!(dot.contains("    \"right\" -> \"last\";\n"), "{dot}");
}

#[test]
fn json_holds_tasks_and_edges() {
    let value = json(&diamond());
    assert_eq!(value["tasks"][2]["remaining_ms"], 660_000);
    assert_eq!(value["tasks"][0]["depth"], 2);
    assert_eq!(value["edges"].as_array().unwrap().len(), 4);
}

#[test]
fn groups_are_shown_with_what_they_come_to() {
    let list = |names: &[&str]| model::ForEach {
        variables: [(
            "part".parse().unwrap(),
            model::ListSource::Values(names.iter().map(|name| (*name).into()).collect()),
        )]
        .into(),
        key: None,
        max_instances: std::num::NonZeroU32::new(50).unwrap(),
    };
    let mut known = command(&[]);
    known.for_each = Some(list(&["a", "b"]));
    let mut late = command(&["known"]);
    late.for_each = Some(model::ForEach {
        variables: [("part".parse().unwrap(), model::ListSource::Cel("tasks.known.outputs.x".to_owned()))].into(),
        ..list(&[])
    });
    let mut inner = mission([("one", command(&[])), ("two", command(&["one"]))]);
    inner.name = "polish".parse().unwrap();
    let mut sub = command(&["late"]);
    sub.kind = model::TaskKind::Mission(model::MissionWork {
        file: "polish.toml".to_owned(),
        sha256: "1".to_owned(),
        mission: Box::new(inner),
        with: IndexMap::new(),
    });
    let mut gate = command(&["sub"]);
    gate.kind = model::TaskKind::Gate("Ship?".to_owned());
    gate.rework = vec![id("late")];
    let plan = plan(&mission([("known", known), ("late", late), ("sub", sub), ("ship", gate)]));
    assert_eq!(
        ascii(&plan),
        "  1  known  true, 2 times: a, b\n  2  late   true, for each part (at most 50)  <- known\n  3  sub    mission polish  <- late\n       one  true\n       two  true  <- one\n  4  ship   a person  <- sub  ~> late\n"
    );
    assert!(mermaid(&plan).contains("t_ship -. rework .-> t_late"));
    assert!(dot(&plan).contains("\"ship\" -> \"late\" [style=dashed, label=rework"));
    let told = json(&plan);
    assert_eq!(told["tasks"][0]["parts"], serde_json::json!(["known[a]", "known[b]"]));
    assert_eq!(
        (&told["tasks"][1]["parts"], &told["tasks"][3]["rework"]),
        (&serde_json::Value::Null, &serde_json::json!(["late"]))
    );
}

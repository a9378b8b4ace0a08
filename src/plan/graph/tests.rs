use super::*;
use crate::plan::build::tests::{agent, command, mission, plan};

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

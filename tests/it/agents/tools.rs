//! The session's own tools, called by real programs: by their protocol, and by the command from their shell.

use serde_json::{Value, json};

use crate::agents::harness::{Kind, ONE, Rig, asks, say, script, shell};

/// It changes the workspace, and says what it was told.
const GREETS: &str = "\
side_effects = true
[parameters]
type = \"object\"
required = [\"who\"]
properties = { who = { type = \"string\" } }
[handler]
command = [\"sh\", \"./scripts/run.sh\"]
";

const SCRIPT: &str = "echo \"$AI_SDLC_PARAMETERS\" > \"$AI_SDLC_WORKSPACE/greeted.txt\"\necho greeted\n";

/// What the session hands over by its tool: what the task declares is in there and nowhere else.
const HANDOFF: &str = "---\nstatus: done\nsummary: Said by a tool.\noutputs:\n  n: 7\n---\n";

const TASK: &str = "skills = [\"greet\", \"other\"]\noutputs = { n = \"integer\" }\n";

/// A project with a skill that runs and one that is never used.
fn furnished(kind: Kind, replies: &[Value]) -> Option<Rig> {
    let rig = Rig::of(kind, &script(replies))?;
    for name in ["greet", "other"] {
        let text = format!("---\nname: {name}\ndescription: How to {name} people.\n---\nDo it.\n");
        rig.world.write(&format!("skills/{name}/SKILL.md"), &text);
    }
    rig.world.write("skills/greet/skill.toml", GREETS);
    rig.world.write("skills/greet/scripts/run.sh", SCRIPT);
    Some(rig)
}

/// All three tools had their effect, and what was used is counted.
fn had_their_effect(rig: &Rig) {
    let told = |kind: &str| rig.events(kind).iter().map(ToString::to_string).collect::<String>();
    assert_eq!(rig.world.read("greeted.txt"), "{\"who\":\"Ada\"}\n", "it is committed and merged: {:?}", rig.replies());
    assert!(rig.events("progress").iter().any(|event| event["text"] == "half way"), "{}", told("progress"));
    let ended = &rig.events("session-ended")[0]["end"];
    assert_eq!((&ended["narrative"]["summary"], &ended["outputs"]["n"]), (&json!("Said by a tool."), &json!(7)));
    let uses = rig.events("skill-used");
    assert_eq!((uses.len(), &uses[0]["skill"], &uses[0]["how"]), (1, &json!("greet"), &json!("run")), "{uses:?}");
    let counted = rig.world.task("greet")["skills"][0].clone();
    let expected = json!({ "skill": "greet", "role": "dev", "kind": "work", "given": 1, "runs": 1, "reads": 0 });
    assert_eq!(counted, expected);
    let report = rig.world.report();
    let unused: Vec<&Value> = report["unused_skills"].as_array().unwrap().iter().map(|one| &one["skill"]).collect();
    assert!(unused.contains(&&json!("other")) && !unused.contains(&&json!("greet")), "{unused:?}");
    assert_eq!(rig.world.processes(), []);
}

/// The three calls, each made by this.
fn calls(ask: impl Fn(&str, &Value) -> Value) -> Vec<Value> {
    vec![
        ask("run_skill", &json!({ "name": "greet", "parameters": { "who": "Ada" } })),
        ask("report_progress", &json!({ "text": "half way" })),
        ask("write_handoff", &json!({ "text": HANDOFF })),
        say("Done."),
    ]
}

/// The names of the tools that the first request offered.
fn offered(rig: &Rig) -> String {
    rig.requests()[0]["body"]["tools"].to_string()
}

#[test]
fn claude_code_calls_them_by_the_protocol() {
    let Some(rig) = furnished(Kind::Claude, &calls(asks)) else { return };
    rig.mission(&format!("{ONE}{TASK}")).exits(0);
    assert!(offered(&rig).contains("\"mcp__aisdlc__run_skill\""), "they are there without being searched for");
    had_their_effect(&rig);
}

#[test]
fn claude_code_calls_them_from_its_shell() {
    let write = format!("\"$AI_SDLC_BIN\" tool write-handoff - <<'END'\n{HANDOFF}END");
    let replies = [
        shell("\"$AI_SDLC_BIN\" tool run-skill greet --param who=Ada"),
        shell("\"$AI_SDLC_BIN\" tool report-progress half way"),
        shell(&write),
        say("Done."),
    ];
    let Some(rig) = furnished(Kind::Claude, &replies) else { return };
    rig.mission(&format!("{ONE}{TASK}")).exits(0);
    had_their_effect(&rig);
    let answers = rig.requests().last().unwrap()["body"]["messages"].to_string();
    assert!(answers.contains("greeted") && answers.contains("The handoff is in "), "{answers}");
}

#[test]
fn codex_calls_them_by_the_protocol() {
    let search = json!({ "type": "tool_search_call", "status": "completed", "execution": "client",
        "arguments": { "query": "run_skill report_progress write_handoff" } });
    let mut replies = vec![json!({ "tools": [{ "raw": search }] })];
    replies.extend(calls(asks));
    let Some(rig) = furnished(Kind::Codex, &replies) else { return };
    rig.mission(&format!("{ONE}{TASK}")).exits(0);
    had_their_effect(&rig);
}

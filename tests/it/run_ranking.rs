//! Skills that an agent ranks before a mission is run: one question for all tasks, asked by nothing but a run.

use std::fs;

use rustix::process::Signal;

use crate::world::{Ran, World, finish, send, wait_for};

const ROLE: &str = "---\nname: dev\ndescription: Works.\nkind: code\n---\nYou are {{role.name}}.\n{{task.prompt}}\n";

/// A mission with two tasks, each with a dozen skills that fit, and one with few. The agent keeps what it is asked
/// under the name of what it is asked for, then does as the script says where it ranks.
fn world(script: &str) -> World {
    let world = World::new();
    world.write("roles/dev.md", ROLE);
    for number in 1..=12 {
        let text = format!("---\nname: soup-{number:02}\ndescription: Cooks soup number {number}.\n---\nStir.\n");
        world.write(&format!("skills/soup-{number:02}/SKILL.md"), &text);
        let more = "category = \"kitchen\"\ntags = [\"soup\"]\ntriggers = [\"cook soup\"]\n";
        world.write(&format!("skills/soup-{number:02}/skill.toml"), more);
    }
    let agent = format!(
        "cat > $HOME/prompt-$AI_SDLC_TASK\ncase $AI_SDLC_TASK in skill_ranking)\necho \"$1$TOKEN\" > $HOME/model\n\
         ls -A > $HOME/workspace\n{script}\n;;\n\
         *) ls .agents/skills > $HOME/skills-$AI_SDLC_TASK 2>&1 || true;; esac\n"
    );
    fs::write(world.home().join("agent.sh"), agent).unwrap();
    world.mission(
        "secrets = [\"TOKEN\"]\nworkspace.pass = [\"TOKEN\"]\n[mission]\nname = \"m\"\n[defaults]\nrole = \"dev\"\nagent = \"mine\"\nskill_ranking = \"agent\"\n\
         [agents.mine]\nbackend = \"command\"\ncommand = [\"sh\", \"-c\", \". $HOME/agent.sh\", \"agent\", \"{{model}}\"]\n\
         models = { fast = \"tiny\" }\n\
         [tasks.a]\nprompt = \"Cook soup of beans.\"\npermissions = \"read\"\n\
         [tasks.b]\nprompt = \"Cook soup of peas.\"\nskills = [\"soup-12\"]\npermissions = \"read\"\n\
         [tasks.c]\nprompt = \"Sweep the floor.\"\npermissions = \"read\"\n",
    );
    world
}

/// The skills that the session of a task was given.
fn skills(world: &World, task: &str) -> Vec<String> {
    let listed = fs::read_to_string(world.home().join(format!("skills-{task}"))).unwrap();
    listed.lines().map(|line| line.trim_start_matches("ai-sdlc-").to_owned()).collect()
}

fn was_asked(world: &World) -> bool {
    world.home().join("prompt-skill_ranking").exists()
}

#[test]
fn a_run_asks_once_for_all_tasks_that_have_very_many() {
    let world = world(
        "printf 'Here:\\n```handoff\\n{\"a\": [\"soup-07\", \"soup-99\", \"soup-03\"], \"b\": []}\\n```\\n'\n\
         echo again >> $HOME/asked",
    );
    let begun =
        world.program().args(["mission", "run", "mission.toml", "--yes"]).env("TOKEN", "s3cret-s3cret").output();
    let ran = Ran::of(&begun.unwrap()).exits(0);
    assert!(
        ran.stderr.contains("`mine` (tiny) is asked once which skills fit, for 2 tasks (at most 2m00s)"),
        "{ran:?}"
    );
    assert_eq!(skills(&world, "a"), ["soup-03", "soup-07"]);
    assert_eq!(skills(&world, "b"), ["soup-12"]);
    let left = |name: &str| fs::read_to_string(world.home().join(name)).unwrap();
    assert_eq!((left("asked").as_str(), left("model").as_str(), left("workspace").as_str()), ("again\n", "tiny\n", ""));
    let prompt = left("prompt-skill_ranking");
    for said in
        ["Cook soup of beans.", "Cook soup of peas.", "- `soup-05`: Cooks soup number 5.", "It has already: `soup-12`"]
    {
        assert!(prompt.contains(said), "{said}: {prompt}");
    }
    assert!(!prompt.contains("Sweep"), "{prompt}");
    let note = "`mine` (tiny) was asked to rank the skills of 2 tasks (cost unknown): all were answered";
    assert!(ran.stdout.contains(note), "the report tells it: {ran:?}");
    assert!(ran.stdout.contains("cost unknown"), "{ran:?}");
    let scratch = world.home().join(".local/state/ai-sdlc/scratch");
    assert_eq!(fs::read_dir(scratch).map_or(0, Iterator::count), 0, "nothing of it stays");
}

#[test]
fn an_answer_that_is_of_no_use_leaves_it_to_the_index() {
    for (script, why) in [
        ("echo Soup is good.", "the index chose, since it answered with no list of skills"),
        ("echo no salt >&2; exit 3", "the index chose, since it exited with 3 (\"no salt\")"),
        ("echo '{\"a\": [\"soup-99\"], \"b\": [\"soup-01\"]}'", "the index chose for a"),
    ] {
        let world = world(script);
        let ran = world.run(["mission", "run", "mission.toml", "--yes"]).exits(0);
        assert!(ran.stderr.contains(why) && ran.stdout.contains(why), "{why}: {ran:?}");
        assert_eq!(skills(&world, "a").len(), 8, "{why}");
    }
}

#[test]
fn nobody_is_asked_before_it_runs() {
    let world = world("echo '{}'");
    let plan = world.run(["mission", "plan", "mission.toml"]).exits(0).stdout;
    assert!(plan.contains("skills: up to 8 of 12, ranked by the agent when it runs"), "{plan}");
    assert!(plan.contains("When it runs, an agent is asked first which skills fit for a, b."), "{plan}");
    let dry = world.run(["mission", "run", "mission.toml", "--dry-run"]).exits(0).stdout;
    assert!(dry.contains("ranked by the agent when it runs"), "{dry}");
    let _is_sound = world.run(["mission", "validate", "mission.toml"]).exits(0);
    let asked = world.run(["mission", "run", "mission.toml"]).exits(2).stderr;
    assert!(
        asked.contains("Begin? Before the first task `mine` (tiny) is asked once which skills fit, for 2 tasks."),
        "{asked}"
    );
    let _is_sound = world.run(["mission", "rehearse", "mission.toml"]).exits(0);
    assert!(!was_asked(&world));
}

#[test]
fn only_what_is_run_is_ranked_and_a_saved_plan_is_run_as_it_is() {
    let world = world("printf '{\"b\": [\"soup-02\"]}'");
    let ran = world.run(["mission", "run", "mission.toml", "--task", "b", "--yes"]).exits(0);
    assert!(ran.stderr.contains("for 1 task (at most"), "{ran:?}");
    assert_eq!(skills(&world, "b"), ["soup-02", "soup-12"]);
    fs::remove_file(world.home().join("prompt-skill_ranking")).unwrap();
    let ran = world.run(["mission", "run", "mission.toml", "--task", "c", "--yes"]).exits(0);
    assert!(!ran.stderr.contains("skills fit"), "{ran:?}");
    world.run(["mission", "plan", "mission.toml", "--out", "saved.json"]).exits(0);
    let ran = world.run(["mission", "run", "--plan", "saved.json", "--yes"]).exits(0);
    assert!(!ran.stderr.contains("skills fit"), "{ran:?}");
    assert_eq!(skills(&world, "a").len(), 8);
    assert!(!was_asked(&world));
}

#[test]
fn the_embedded_agent_answers_by_the_index() {
    let world = world("echo '{}'");
    let ran = world.run(["mission", "run", "mission.toml", "--agent", "rehearsal", "--yes"]).exits(0);
    assert!(!ran.stderr.contains("skills fit"), "{ran:?}");
    assert!(ran.stdout.contains("succeeded"), "{ran:?}");
    assert!(!was_asked(&world));
}

#[test]
fn an_interrupt_while_it_is_asked_begins_nothing() {
    let world = world("sleep 600 & echo there > $HOME/waiting; wait");
    let child = world.start(["mission", "run", "mission.toml", "--yes"]);
    wait_for("the agent that ranks", || world.home().join("waiting").exists());
    send(child.id(), Signal::INT);
    let ran = finish(child).exits(130);
    assert!(ran.stderr.contains("nothing was begun"), "{ran:?}");
    assert_eq!(world.processes(), [], "nothing is left running");
    assert!(world.run(["run", "list"]).exits(0).stdout.is_empty());
    assert!(!world.git(["branch", "--list"]).contains("ai-sdlc"));
}

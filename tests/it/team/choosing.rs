//! Skills are chosen for texts as people write them: what somebody who knows the work would want is among them.

use std::collections::BTreeSet;
use std::fs;

use ai_sdlc::catalog::choose::{Chooser, MOST, SHOWN, Why};
use ai_sdlc::catalog::{Catalog, Places};
use serde_json::Value;

use super::labelled::{Answer, PARTS, Task, answers, quality, read};
use crate::world::World;

fn tasks() -> Vec<Task> {
    PARTS.iter().flat_map(|part| read(part)).collect()
}

/// The texts with most that was missed, for who has to mend it; none of those held out.
fn worst(answers: &[Answer<'_>], seen: usize) -> String {
    let mut missed: Vec<&Answer<'_>> = answers[..seen].iter().filter(|answer| !answer.missed.is_empty()).collect();
    missed.sort_by(|one, other| one.recall().total_cmp(&other.recall()));
    let told =
        missed.iter().take(15).map(|one| format!("{}\n  missed {:?}\n  chosen {:?}", one.text, one.missed, one.chosen));
    told.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_labelled_texts_are_many_and_sound() {
    let catalog = Catalog::load(&Places::default());
    let all = tasks();
    assert!(all.len() >= 120, "{}", all.len());
    assert!(read("held-out").len() * 4 >= all.len(), "a quarter is held out");
    let mut texts = BTreeSet::new();
    let mut wanted = BTreeSet::new();
    for task in &all {
        assert!(texts.insert(&task.text), "twice: {}", task.text);
        assert!((1..=5).contains(&task.wants.len()), "{task:?}");
        for skill in &task.wants {
            assert!(catalog.skills.contains_key(skill), "`{skill}` does not ship: {task:?}");
            wanted.insert(skill);
        }
    }
    let never: Vec<_> = catalog.skills.keys().filter(|skill| !wanted.contains(skill)).collect();
    assert!(never.is_empty(), "no text wants {never:?}: add some");
}

#[test]
fn nine_of_ten_skills_that_are_wanted_are_chosen_and_nearly_all_are_candidates() {
    let catalog = Catalog::load(&Places::default());
    let chooser = Chooser::new(&catalog);
    let all = tasks();
    let answers = answers(&chooser, &all);
    let quality = quality(&answers);
    let worst = worst(&answers, read("tuned").len());
    assert!(quality.recall >= 0.9, "{quality:?}; `cargo bench --bench skills` tells more\n{worst}");
    assert!(quality.precision >= 0.28 && quality.chosen <= 6.5, "{quality:?}: too many that nobody wants are chosen");
    assert!(quality.candidates >= 0.95, "{quality:?}: a second look is shown too few\n{worst}");
}

#[test]
fn every_reason_that_is_told_is_true() {
    let catalog = Catalog::load(&Places::default());
    let chooser = Chooser::new(&catalog);
    for task in tasks() {
        let selection = chooser.select(&[], &task.text, None).unwrap();
        assert_eq!(selection, chooser.select(&[], &task.text, None).unwrap(), "the same text, the same choice");
        assert!(selection.chosen.len() <= MOST);
        let lower = task.text.to_lowercase();
        let names = selection.names();
        for chosen in &selection.chosen {
            let manifest = &catalog.skills[&chosen.skill].value.manifest;
            assert!(!chosen.why.is_empty(), "{} for {}", chosen.skill, task.text);
            for why in &chosen.why {
                match why {
                    Why::Trigger { phrase } => assert!(manifest.triggers.contains(phrase), "{phrase}"),
                    Why::Words { words } => {
                        assert!(words.iter().all(|word| lower.contains(word)), "{words:?}: {}", task.text);
                    }
                    Why::Required { by } => {
                        assert!(
                            names.contains(by) && catalog.skills[by].value.manifest.requires.contains(&chosen.skill)
                        );
                    }
                    Why::GoesWith { with } => {
                        let says = catalog.skills[with].value.manifest.enhanced_by.contains(&chosen.skill);
                        assert!(names.contains(with) && says, "{with}");
                    }
                    Why::Text { place, .. } => {
                        assert_eq!(selection.candidates[place - 1], chosen.skill);
                    }
                    Why::Fills => {}
                    Why::Asked { .. } | Why::Ranked { .. } => panic!("nobody asked: {why:?}"),
                }
            }
        }
    }
}

/// An agent that has the second word, over the skills that ship: it is shown what fits, and what it names is given.
#[test]
fn an_agent_ranks_what_ships() {
    let world = World::new();
    let agent = "cat > $HOME/prompt-$AI_SDLC_TASK\ncase $AI_SDLC_TASK in skill_ranking)\n\
                 printf '```handoff\\n{\"repair\": [\"sql-queries\", \"caching\", \"no-such-skill\"]}\\n```\\n'\n;;\n\
                 *) ls .agents/skills > $HOME/given;; esac\n";
    fs::write(world.home().join("agent.sh"), agent).unwrap();
    world.mission(
        r#"
[mission]
name = "ranked"
[defaults]
agent = "mine"
skill_ranking = "agent"
[agents.mine]
backend = "command"
command = ["sh", "-c", ". $HOME/agent.sh"]
[tasks.repair]
role = "backend-dev"
title = "The dashboard is slow"
prompt = "GET /dashboard takes 5 seconds: measure where the time goes, look at its SQL queries and the cache, and add metrics."
touches = []
"#,
    );
    let plan: Value =
        serde_json::from_str(&world.run(["mission", "plan", "mission.toml", "--json"]).exits(0).stdout).unwrap();
    let shown = plan["ranking"]["open"][0]["candidates"].as_array().unwrap();
    assert!((11..=SHOWN).contains(&shown.len()), "{}", shown.len());
    for skill in ["sql-queries", "performance-profiling", "caching", "observability", "benchmarking"] {
        assert!(shown.contains(&skill.into()), "{skill}: {shown:?}");
    }
    world.run(["mission", "run", "mission.toml", "--yes"]).exits(0);
    let asked = fs::read_to_string(world.home().join("prompt-skill_ranking")).unwrap();
    assert!(asked.contains("- `sql-queries`: ") && asked.len() < 40_000, "{} bytes: {asked}", asked.len());
    let given = fs::read_to_string(world.home().join("given")).unwrap();
    let given: BTreeSet<&str> = given.lines().map(|line| line.trim_start_matches("ai-sdlc-")).collect();
    let catalog = Catalog::load(&Places::default());
    let role = &catalog.roles.iter().find(|(name, _)| name.as_str() == "backend-dev").unwrap().1.value.skills;
    assert!(role.iter().all(|skill| given.contains(skill.as_str())), "{given:?}");
    assert!(given.contains("sql-queries") && given.contains("caching") && given.len() <= MOST, "{given:?}");
    assert!(!given.contains("benchmarking"), "it was left out: {given:?}");
}

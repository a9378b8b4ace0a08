//! What came of a session's request, as text for the model that asked.

use crate::session::tools::protocol::{Offered, Outcome, Ran};

/// As text; of a skill that ran what it printed, then how it ended.
pub(super) fn text(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Ran(ran) => {
            let (out, err) = told_apart(ran);
            let ended = if ran.exit == Some(0) { "[exit 0]\n" } else { "" };
            [out.as_str(), err.as_str(), ended].concat()
        }
        Outcome::Skills { skills } if skills.is_empty() => "This session was given no skills.".to_owned(),
        Outcome::Skills { skills } => skills.iter().map(offered).collect::<Vec<_>>().join("\n"),
        Outcome::Written { written, problems } if problems.is_empty() => format!("The handoff is in {written}."),
        Outcome::Written { written, problems } => {
            let problems: Vec<String> = problems.iter().map(|problem| format!("- {problem}")).collect();
            format!("The handoff is in {written}, but mend this and write it again:\n{}", problems.join("\n"))
        }
        Outcome::Documents { documents } if documents.is_empty() => "Nothing was handed over to this task.".to_owned(),
        Outcome::Documents { documents } => {
            let texts = documents.iter().map(|document| document.text.trim_end().to_owned());
            texts.collect::<Vec<_>>().join("\n\n")
        }
        Outcome::Noted { noted: _ } => "Noted.".to_owned(),
    }
}

fn offered(skill: &Offered) -> String {
    let mut lines = vec![format!("{}: {}", skill.name, skill.description), format!("  read: {}", skill.read)];
    if skill.runs {
        let schema = skill.parameters.as_ref().map(|schema| format!(", parameters: {schema}")).unwrap_or_default();
        lines.push(format!("  run: yes{schema}"));
    }
    lines.extend(skill.refused.as_ref().map(|why| format!("  run: no: {why}")));
    lines.join("\n")
}

/// What a skill printed and what it complained of, the latter with how it ended where that was not well.
pub(super) fn told_apart(ran: &Ran) -> (String, String) {
    let out = whole_lines(&ran.stdout);
    let mut err = whole_lines(&ran.stderr);
    if ran.truncated {
        err.push_str("[only the end of what it printed is shown]\n");
    }
    match (ran.timed_out, ran.exit) {
        (true, _) => err.push_str("[it took longer than its limit and was stopped]\n"),
        (false, Some(0)) => {}
        (false, code) => err.extend(["[exit ", &code.unwrap_or(-1).to_string(), "]\n"]),
    }
    (out, err)
}

fn whole_lines(text: &str) -> String {
    if text.is_empty() || text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") }
}

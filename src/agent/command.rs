//! Any program that takes a prompt: in arguments, in a file, or on standard input. Exit 0 is its own end, what it
//! prints is its last message, and what it used nobody knows; unless its table says what the lines mean that it prints.

use std::collections::BTreeMap;

use crate::agent::events::Events;
use crate::agent::{
    AgentError, Backend, Exit, Invocation, Reader, Said, SessionSpec, Stdin, StopSignal, Stream, TellsTools, command,
    environment, uuid,
};
use crate::amount::Millis;
use crate::kernel::fact::EndKind;
use crate::mission::events::EventMeaning;
use crate::mission::model::PromptVia;

/// The adapter.
#[derive(Debug)]
pub(crate) struct CommandAgent;

impl Backend for CommandAgent {
    fn start(&self, spec: &SessionSpec) -> Result<Invocation, AgentError> {
        let (program, first) = command(&spec.agent)?;
        let prompt_file = spec.scratch.join("prompt.md");
        let conversation = conversation(spec);
        let values = BTreeMap::from([
            ("prompt", spec.prompt.as_str()),
            (
                "prompt_file",
                prompt_file.to_str().ok_or_else(|| AgentError("the prompt's path is no UTF-8".to_owned()))?,
            ),
            ("model", spec.model.as_deref().unwrap_or_default()),
            ("conversation", conversation.as_deref().unwrap_or_default()),
        ]);
        let given: &[String] = match &spec.agent.prompt {
            PromptVia::Arguments(arguments) => arguments,
            PromptVia::Stdin | PromptVia::File => &[],
        };
        let resume = spec.agent.resume.as_deref().filter(|_| spec.conversation.is_some()).unwrap_or_default();
        let args: Vec<String> =
            first.iter().chain(given).chain(resume).map(|template| fill(template, &values)).collect();
        let named = first.iter().chain(given).chain(resume).any(|template| template.contains("{{prompt_file}}"));
        let by_file = named || spec.agent.prompt == PromptVia::File;
        let mut env = environment(spec);
        let mut files = Vec::new();
        if by_file {
            env.insert("AI_SDLC_PROMPT".to_owned(), prompt_file.to_string_lossy().into_owned());
            files.push((prompt_file.clone(), spec.prompt.clone()));
        }
        let stdin = match &spec.agent.prompt {
            PromptVia::Stdin => Stdin::Text(spec.prompt.clone()),
            PromptVia::File | PromptVia::Arguments(_) => Stdin::Null,
        };
        Ok(Invocation { program, args, env, stdin, files, conversation })
    }

    fn reader(&self, spec: &SessionSpec) -> Box<dyn Reader> {
        if spec.agent.events.is_empty() { Box::new(Lines) } else { Box::new(Events::of(spec, jiff::Zoned::now)) }
    }

    fn stop(&self) -> &'static [(StopSignal, Millis)] {
        &[(StopSignal::Interrupt, Millis(3_000))]
    }

    fn tools(&self) -> TellsTools {
        TellsTools::No
    }
}

/// All it prints is its message.
struct Lines;

impl Reader for Lines {
    fn line(&mut self, line: &str) -> Vec<Said> {
        vec![Said::MessageLine(line.to_owned())]
    }

    fn ended(&mut self, _: &Stream, exit: Exit, _: &str) -> EndKind {
        match exit {
            Exit::Code(0) => EndKind::Completed,
            Exit::Code(code) => EndKind::Exited { code },
            Exit::Signal(signal) => EndKind::Signalled { signal },
        }
    }
}

/// The conversation's name. A program that can go on with one and does not name it itself is told a name of ours, the
/// same for all sessions of an attempt, in the form of a UUID, since some take nothing else.
fn conversation(spec: &SessionSpec) -> Option<String> {
    spec.agent.resume.as_ref()?;
    let names_it = spec.agent.events.iter().any(|rule| rule.means == EventMeaning::Conversation);
    if names_it || spec.conversation.is_some() {
        return spec.conversation.clone();
    }
    Some(uuid(&format!("{}/{}/{}", spec.run, spec.key.task, spec.key.attempt)))
}

/// Fills the known places of an argument, each once: what is put in is not looked at again.
fn fill(template: &str, values: &BTreeMap<&str, &str>) -> String {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        filled.push_str(before);
        let place = after.split_once("}}").and_then(|(name, behind)| Some((*values.get(name.trim())?, behind)));
        if let Some((value, behind)) = place {
            filled.push_str(value);
            rest = behind;
        } else {
            filled.push_str("{{");
            rest = after;
        }
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use crate::agent::tests::spec;
    use crate::agent::{Backend as _, Exit, Said, Stdin, Stream};
    use crate::kernel::fact::EndKind;
    use crate::mission::model::PromptVia;

    use super::CommandAgent;

    #[test]
    fn a_prompt_on_standard_input() {
        let invocation = CommandAgent.start(&spec()).unwrap();
        assert_eq!(invocation.program.to_str(), Some("/bin/agent"));
        assert_eq!(invocation.args, ["--quiet"]);
        assert_eq!(invocation.stdin, Stdin::Text("Do {{model}}.".to_owned()));
        assert_eq!(invocation.files, []);
        assert_eq!(invocation.env["AI_SDLC_HANDOFF_OUT"], "/w/handoff.md");
        assert_eq!(invocation.env["MINE"], "1");
    }

    #[test]
    fn a_prompt_in_arguments_is_not_looked_at_again() {
        let mut spec = spec();
        let arguments = ["--model={{model}}", "{{ prompt }}", "{{other}} {{", "{{prompt_file}}"];
        spec.agent.prompt = PromptVia::Arguments(arguments.map(str::to_owned).to_vec());
        let invocation = CommandAgent.start(&spec).unwrap();
        assert_eq!(invocation.args, ["--quiet", "--model=m1", "Do {{model}}.", "{{other}} {{", "/s/prompt.md"]);
        assert_eq!(invocation.stdin, Stdin::Null);
        assert_eq!(invocation.files, [("/s/prompt.md".into(), "Do {{model}}.".to_owned())]);
    }

    #[test]
    fn a_prompt_in_a_file() {
        let mut spec = spec();
        spec.agent.prompt = PromptVia::File;
        let invocation = CommandAgent.start(&spec).unwrap();
        assert_eq!(invocation.env["AI_SDLC_PROMPT"], "/s/prompt.md");
        assert_eq!(invocation.files.len(), 1);
    }

    #[test]
    fn a_conversation_goes_on_under_one_name() {
        let mut spec = spec();
        spec.agent.prompt = PromptVia::Arguments(vec!["--session={{conversation}}".to_owned()]);
        spec.agent.resume = Some(vec!["--resume".to_owned(), "{{conversation}}".to_owned()]);
        let first = CommandAgent.start(&spec).unwrap();
        let name = first.conversation.unwrap();
        assert_eq!((name.len(), first.args), (36, vec!["--quiet".to_owned(), format!("--session={name}")]));
        spec.key.round = spec.key.round.next();
        spec.conversation = Some(name.clone());
        let second = CommandAgent.start(&spec).unwrap();
        assert_eq!(second.args[2..], ["--resume".to_owned(), name.clone()]);
        assert_eq!(second.conversation, Some(name));
    }

    #[test]
    fn what_it_prints_is_its_message() {
        let mut stream = Stream::default();
        let mut reader = CommandAgent.reader(&spec());
        for line in ["one", "two"] {
            for said in reader.line(line) {
                stream.note(&said);
            }
        }
        assert_eq!(reader.line("x"), [Said::MessageLine("x".to_owned())]);
        assert_eq!(stream.message(), "one\ntwo\n");
        assert_eq!(reader.ended(&stream, Exit::Code(0), ""), EndKind::Completed);
        assert_eq!(reader.ended(&stream, Exit::Code(2), ""), EndKind::Exited { code: 2 });
        assert_eq!(reader.ended(&stream, Exit::Signal(9), ""), EndKind::Signalled { signal: 9 });
    }

    #[test]
    fn no_command_is_a_fault_of_configuration() {
        let mut spec = spec();
        spec.agent.command.clear();
        assert_eq!(CommandAgent.start(&spec).unwrap_err().to_string(), "the agent has no `command`");
    }
}

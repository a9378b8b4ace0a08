//! Commands: a list is a program and its arguments, one string is for the shell.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::SeqAccessDeserializer;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::mission::model::{CommandLine, PromptVia};

/// How to write one.
const HINT: &str =
    "write a list, the program and its arguments, such as `[\"npm\", \"test\"]`, or one string for the shell";

/// A command as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandText(pub CommandLine);

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = CommandText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of strings, or a string")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<CommandText, E> {
        Ok(CommandText(CommandLine::Shell(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<CommandText, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(|argv| CommandText(CommandLine::Argv(argv)))
    }
}

impl<'de> Deserialize<'de> for CommandText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

impl JsonSchema for CommandText {
    fn schema_name() -> Cow<'static, str> {
        "Command".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A list is a program and its arguments, each a template that stays one argument; one string goes to the shell as it is.",
            "type": ["string", "array"],
            "items": { "type": "string" },
            "x-hint": HINT
        })
    }
}

/// How a prompt reaches a program, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgumentsText(pub PromptVia);

struct ArgumentsReader;

impl<'de> Visitor<'de> for ArgumentsReader {
    type Value = ArgumentsText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`stdin`, `file` or a list of arguments")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<ArgumentsText, E> {
        match text {
            "stdin" => Ok(ArgumentsText(PromptVia::Stdin)),
            "file" => Ok(ArgumentsText(PromptVia::File)),
            other => Err(E::unknown_variant(other, &["stdin", "file"])),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<ArgumentsText, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(|list| ArgumentsText(PromptVia::Arguments(list)))
    }
}

impl<'de> Deserialize<'de> for ArgumentsText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ArgumentsReader)
    }
}

impl JsonSchema for ArgumentsText {
    fn schema_name() -> Cow<'static, str> {
        "PromptVia".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "string", "enum": ["stdin", "file"] },
                { "type": "array", "items": { "type": "string" } }
            ],
            "x-hint": "write `\"stdin\"`, `\"file\"`, or arguments such as `[\"--prompt\", \"{{prompt}}\"]`"
        })
    }
}

/// Programs that take a script after `-c`.
const SHELLS: [&str; 7] = ["sh", "bash", "dash", "zsh", "ksh", "ash", "fish"];

/// The index of the argument of `argv` that a shell will read as a script, where there is one.
pub fn script_argument(argv: &[String]) -> Option<usize> {
    let shell = argv.iter().position(|part| {
        let name = part.rsplit('/').next().unwrap_or(part);
        SHELLS.contains(&name)
    })?;
    let is_dash_c =
        |part: &String| part.len() >= 2 && part.starts_with('-') && !part.starts_with("--") && part.ends_with('c');
    let flag = argv.iter().skip(shell + 1).position(is_dash_c)?;
    let script = shell + 1 + flag + 1;
    (script < argv.len()).then_some(script)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(argv: &[&str]) -> Option<usize> {
        script_argument(&argv.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn the_script_of_a_shell_is_found() {
        assert_eq!(script(&["sh", "-c", "echo"]), Some(2));
        assert_eq!(script(&["/bin/bash", "-e", "-lc", "echo"]), Some(3));
        assert_eq!(script(&["env", "A=1", "sh", "-c", "echo"]), Some(4));
        assert_eq!(script(&["sh", "build.sh"]), None);
        assert_eq!(script(&["cargo", "-c", "x"]), None);
        assert_eq!(script(&["sh", "-c"]), None);
    }
}

//! The codes of findings in role and skill files.

use crate::diagnostic::entry::codes;
use crate::diagnostic::{ByteSpan, Code, Finding, Severity};

codes! {
    CODES;

    UNREADABLE = "catalog::unreadable",
        "A role or skill file cannot be read as text.",
        "Save it as UTF-8, and let your account read it.",
        bytes("roles/caretaker.md":
            b"---\ndescription: Keeps the caf\xe9 tidy.\n---\nKeep it tidy.\n"
            => b"---\ndescription: Keeps the cafe tidy.\n---\nKeep it tidy.\n");

    BAD_NAME = "catalog::bad-name",
        "A file or folder has a name that no role or skill can have.",
        "Rename it: `[a-z][a-z0-9-]*`.",
        files(["roles/Care_Taker.md": "---\ndescription: Keeps things tidy.\n---\nKeep it tidy.\n"]
            => ["roles/care-taker.md": "---\ndescription: Keeps things tidy.\n---\nKeep it tidy.\n"]);

    FRONT_MATTER = "catalog::front-matter",
        "The front matter is missing or is no valid YAML.",
        "Begin the file with `---`, keys, `---`.",
        files(["roles/caretaker.md": "Keep it tidy.\n"]
            => ["roles/caretaker.md": "---\ndescription: Keeps things tidy.\n---\nKeep it tidy.\n"]);

    UNKNOWN_KEY = "catalog::unknown-key",
        "A key has no meaning here; it is passed over.",
        "Remove it, unless another tool needs it.",
        files(["roles/caretaker.md": "---\ndescription: Keeps things tidy.\nmood: sunny\n---\nKeep it tidy.\n"]
            => ["roles/caretaker.md": "---\ndescription: Keeps things tidy.\n---\nKeep it tidy.\n"]);

    MISSING_KEY = "catalog::missing-key",
        "A key that must be there is missing.",
        "Add it.",
        files(["roles/caretaker.md": "---\npermissions: edit\n---\nKeep it tidy.\n"]
            => ["roles/caretaker.md": "---\ndescription: Keeps things tidy.\npermissions: edit\n---\nKeep it tidy.\n"]);

    WRONG_VALUE = "catalog::wrong-value",
        "A value is not what its key takes.",
        "Write a value that the key takes.",
        files(["roles/caretaker.md": "---\ndescription: Keeps things tidy.\npermissions: write\n---\nKeep it tidy.\n"]
            => ["roles/caretaker.md": "---\ndescription: Keeps things tidy.\npermissions: edit\n---\nKeep it tidy.\n"]);

    BAD_TEMPLATE = "catalog::bad-template",
        "The body of a role or a partial is no valid template.",
        "Mend the place that is shown.",
        files(["roles/caretaker.md": "---\ndescription: Keeps things tidy.\n---\n{{#if attempt}}Keep it tidy.\n"]
            => ["roles/caretaker.md": "---\ndescription: Keeps things tidy.\n---\n{{#if attempt}}Keep it tidy.{{/if}}\n"]);

    UNKNOWN_VARIABLE = "catalog::unknown-variable",
        "A template names a variable that there is not.",
        "Take one that a role template sees.",
        files(["roles/caretaker.md": "---\ndescription: Keeps things tidy.\n---\nTidy up in {{mission.nam}}.\n"]
            => ["roles/caretaker.md": "---\ndescription: Keeps things tidy.\n---\nTidy up in {{mission.name}}.\n"]);

    UNKNOWN_PARTIAL = "catalog::unknown-partial",
        "A template includes a partial that there is not.",
        "Add it to `roles/partials/`.",
        files(["roles/caretaker.md": "---\ndescription: Keeps things tidy.\n---\nKeep it tidy. {{> common-ruls}}\n"]
            => ["roles/caretaker.md": "---\ndescription: Keeps things tidy.\n---\nKeep it tidy. {{> common-rules}}\n"]);

    UNKNOWN_SKILL = "catalog::unknown-skill",
        "A role or skill names a skill that there is not.",
        "Add `skills/<name>/SKILL.md`.",
        files(["roles/caretaker.md": "---\ndescription: Keeps things tidy.\nskills: [test-runer]\n---\nKeep it tidy.\n"]
            => ["roles/caretaker.md": "---\ndescription: Keeps things tidy.\nskills: [test-runner]\n---\nKeep it tidy.\n"]);
}

/// A finding with the help that the index has for its code, where that says what to do: a wrong value is told otherwise.
pub(super) fn finding(code: Code, severity: Severity, (file, span): (&str, ByteSpan), message: String) -> Finding {
    let general = CODES.iter().find(|entry| entry.code == code && code != WRONG_VALUE);
    let help = general.map(|entry| entry.help.to_owned());
    Finding { code, severity, message, file: file.to_owned(), span, help, related: Vec::new() }
}

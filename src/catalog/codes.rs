//! The codes of findings in role and skill files.

use crate::diagnostic::Code;

/// A file cannot be read as text.
pub const UNREADABLE: Code = Code("catalog::unreadable");
/// The name of a file or folder is no name of a role or skill.
pub const BAD_NAME: Code = Code("catalog::bad-name");
/// There is no front matter, or it is no YAML.
pub const FRONT_MATTER: Code = Code("catalog::front-matter");
/// A key is not known; files made for other tools may have any.
pub const UNKNOWN_KEY: Code = Code("catalog::unknown-key");
/// A key that must be there is missing.
pub const MISSING_KEY: Code = Code("catalog::missing-key");
/// A value is not what its key takes.
pub const WRONG_VALUE: Code = Code("catalog::wrong-value");
/// A template cannot be read.
pub const BAD_TEMPLATE: Code = Code("catalog::bad-template");
/// A template names a variable that there is not.
pub const UNKNOWN_VARIABLE: Code = Code("catalog::unknown-variable");
/// A template includes a partial that there is not.
pub const UNKNOWN_PARTIAL: Code = Code("catalog::unknown-partial");
/// A role or skill names a skill that there is not.
pub const UNKNOWN_SKILL: Code = Code("catalog::unknown-skill");

/// The table: code, what it means, what to do.
pub const CODES: &[(Code, &str, &str)] = &[
    (UNREADABLE, "A role or skill file cannot be read as text.", "Save it as UTF-8, and let your account read it."),
    (BAD_NAME, "A file or folder has a name that no role or skill can have.", "Rename it: `[a-z][a-z0-9-]*`."),
    (FRONT_MATTER, "The front matter is missing or is no valid YAML.", "Begin the file with `---`, keys, `---`."),
    (UNKNOWN_KEY, "A key has no meaning here; it is passed over.", "Remove it, unless another tool needs it."),
    (MISSING_KEY, "A key that must be there is missing.", "Add it."),
    (WRONG_VALUE, "A value is not what its key takes.", "Write a value that the key takes."),
    (BAD_TEMPLATE, "The body of a role or a partial is no valid template.", "Mend the place that is shown."),
    (UNKNOWN_VARIABLE, "A template names a variable that there is not.", "Take one that a role template sees."),
    (UNKNOWN_PARTIAL, "A template includes a partial that there is not.", "Add it to `roles/partials/`."),
    (UNKNOWN_SKILL, "A role or skill names a skill that there is not.", "Add `skills/<name>/SKILL.md`."),
];

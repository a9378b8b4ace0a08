//! Whether a known agent program seems to be logged in. No credential is read: it is looked whether a variable is set, and
//! whether the program's own file is there.

use std::path::{Path, PathBuf};

use crate::cli::environment::Environment;

/// Where a program takes its login from.
struct Account {
    program: &'static str,
    /// Variables, any of which is one.
    variables: &'static [&'static str],
    /// The variable that names its folder elsewhere.
    folder_named: &'static str,
    /// Its folder below the home folder.
    folder: &'static str,
    /// Its file there.
    file: &'static str,
    /// What to type.
    remedy: &'static str,
}

const ACCOUNTS: [Account; 4] = [
    Account {
        program: "claude",
        variables: &[
            "ANTHROPIC_API_KEY",
            "ANTHROPIC_AUTH_TOKEN",
            "CLAUDE_CODE_OAUTH_TOKEN",
            "CLAUDE_CODE_USE_BEDROCK",
            "CLAUDE_CODE_USE_VERTEX",
        ],
        folder_named: "CLAUDE_CONFIG_DIR",
        folder: ".claude",
        file: ".credentials.json",
        remedy: "run `claude` once and log in, or set ANTHROPIC_API_KEY",
    },
    Account {
        program: "codex",
        variables: &["CODEX_API_KEY", "OPENAI_API_KEY"],
        folder_named: "CODEX_HOME",
        folder: ".codex",
        file: "auth.json",
        remedy: "run `codex login`, or set CODEX_API_KEY",
    },
    Account {
        program: "gemini",
        variables: &["GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_APPLICATION_CREDENTIALS"],
        folder_named: "",
        folder: ".gemini",
        file: "oauth_creds.json",
        remedy: "run `gemini` once and log in, or set GEMINI_API_KEY",
    },
    Account {
        program: "opencode",
        variables: &["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY", "GEMINI_API_KEY"],
        folder_named: "XDG_DATA_HOME",
        folder: ".local/share",
        file: "opencode/auth.json",
        remedy: "run `opencode auth login`, or set the key of your provider",
    },
];

/// What was found of a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Login {
    /// There seems to be one; by what.
    Seems(String),
    /// There is none to be found; what to do.
    None(&'static str),
    /// It cannot be told.
    Untold,
}

/// Looks for the login of a program, by its name.
pub(super) fn look(program: &Path, environment: &Environment) -> Login {
    let name = program.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let Some(account) = ACCOUNTS.iter().find(|account| account.program == name) else { return Login::Untold };
    if let Some(variable) = account.variables.iter().find(|name| environment.get(name).is_some()) {
        return Login::Seems(format!("{variable} is set"));
    }
    let file = folder(account, environment).map(|folder| folder.join(account.file));
    if let Some(file) = file.filter(|file| file.metadata().is_ok_and(|meta| meta.is_file() && meta.len() > 0)) {
        return Login::Seems(format!("{} is there", file.display()));
    }
    // The keychain of that system is asked by the program alone.
    if cfg!(target_os = "macos") { Login::Untold } else { Login::None(account.remedy) }
}

fn folder(account: &Account, environment: &Environment) -> Option<PathBuf> {
    let named = environment.get(account.folder_named).map(PathBuf::from);
    named.or_else(|| Some(Path::new(environment.get("HOME")?).join(account.folder)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::ffi::OsString;
    use std::fs;

    use super::*;

    fn with(pairs: &[(&str, &Path)]) -> Environment {
        let all: BTreeMap<OsString, OsString> =
            pairs.iter().map(|(name, value)| (OsString::from(name), value.as_os_str().to_owned())).collect();
        Environment { all, ..Environment::default() }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_login_is_a_variable_or_a_file_that_nobody_opens() {
        let dir = tempfile::tempdir().unwrap();
        let home = [("HOME", dir.path())];
        let (codex, claude) = (Path::new("/bin/codex"), Path::new("/bin/claude"));
        assert!(matches!(look(codex, &with(&home)), Login::None(remedy) if remedy.contains("codex login")));
        fs::create_dir(dir.path().join(".codex")).unwrap();
        let file = dir.path().join(".codex/auth.json");
        fs::write(&file, "").unwrap();
        assert!(matches!(look(codex, &with(&home)), Login::None(_)), "an empty file is none");
        fs::write(&file, "{}").unwrap();
        assert_eq!(look(codex, &with(&home)), Login::Seems(format!("{} is there", file.display())));
        let elsewhere = [("HOME", dir.path()), ("CODEX_HOME", Path::new("/nowhere"))];
        assert!(matches!(look(codex, &with(&elsewhere)), Login::None(_)));
        let key = [("HOME", dir.path()), ("ANTHROPIC_API_KEY", Path::new("secret"))];
        assert_eq!(look(claude, &with(&key)), Login::Seems("ANTHROPIC_API_KEY is set".to_owned()));
        assert_eq!(look(Path::new("/bin/other"), &with(&key)), Login::Untold);
    }
}

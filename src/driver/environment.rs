//! The environment of children: an allow list, what the mission lets through, and what the engine tells.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Variables that every child gets where they are set. `*` stands for any ending. The book repeats this list.
pub const ALLOWED: [&str; 40] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "TZ",
    "TMPDIR",
    "XDG_*",
    "CI",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "REQUESTS_CA_BUNDLE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "JAVA_HOME",
    "GOPATH",
    "GOROOT",
    "GOMODCACHE",
    "NVM_DIR",
    "NPM_CONFIG_CACHE",
    "PNPM_HOME",
    "VOLTA_HOME",
    "PYENV_ROOT",
    "VIRTUAL_ENV",
    "PIP_CACHE_DIR",
    "DOTNET_ROOT",
    "ANDROID_HOME",
];

/// Set in a rehearsal without a scenario: sessions play by default, and no check is run.
pub const REHEARSAL: &str = "AI_SDLC_REHEARSAL";

/// The path of this program, so that what it starts can call it by no other name.
pub const BIN: &str = "AI_SDLC_BIN";

/// Variables that never pass, whatever a mission says: they redirect git, or reach into the person's terminal.
const NEVER: [&str; 6] = ["GIT_*", "TMUX*", "STY", "ZELLIJ*", "WEZTERM_*", "KITTY_*"];

fn fits(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |start| name.starts_with(start))
}

/// What every child of a run starts from.
pub fn base(of_engine: impl IntoIterator<Item = (String, String)>, pass: &[String]) -> BTreeMap<String, String> {
    let mut env: BTreeMap<String, String> = of_engine
        .into_iter()
        .filter(|(name, _)| {
            let allowed = ALLOWED.iter().any(|pattern| fits(pattern, name));
            let passed = pass.iter().any(|pattern| fits(pattern, name));
            let never = NEVER.iter().any(|pattern| fits(pattern, name));
            (allowed || passed) && !never
        })
        .collect();
    env.insert("TERM".to_owned(), "dumb".to_owned());
    env
}

/// What the program of an agent is given of the person's environment besides: what these patterns let through.
pub fn passed(of_engine: impl IntoIterator<Item = (String, String)>, patterns: &[&str]) -> BTreeMap<String, String> {
    let any = |all: &[&str], name: &str| all.iter().any(|pattern| fits(pattern, name));
    of_engine.into_iter().filter(|(name, _)| any(patterns, name) && !any(&NEVER, name)).collect()
}

/// Parts of names of variables whose values open something.
const KEYS: [&str; 6] = ["KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIAL", "HEADERS"];

/// Whether a variable of this name holds what must not be seen.
pub fn is_key(name: &str) -> bool {
    KEYS.iter().any(|part| name.contains(part))
}

/// Finds a program as a shell would, absolute: by `path` (a `PATH` value) where it is a bare name, from `cwd` where it has a slash.
pub fn find_program(program: &str, path: Option<&str>, cwd: &Path) -> Option<PathBuf> {
    let runs = |candidate: &Path| {
        candidate.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    if program.contains('/') {
        let candidate = cwd.join(program);
        return runs(&candidate).then_some(candidate);
    }
    let path = path.unwrap_or("/usr/local/bin:/usr/bin:/bin");
    std::env::split_paths(OsStr::new(path))
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(program))
        .find(|candidate| runs(candidate))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(names: &[&str]) -> Vec<(String, String)> {
        names.iter().map(|name| ((*name).to_owned(), "x".to_owned())).collect()
    }

    #[test]
    fn only_what_is_allowed_or_passed_gets_through() {
        let env = base(pairs(&["PATH", "LC_ALL", "AWS_KEY", "SECRET", "GIT_DIR", "TMUX"]), &["AWS_*".to_owned()]);
        assert_eq!(env.keys().map(String::as_str).collect::<Vec<_>>(), ["AWS_KEY", "LC_ALL", "PATH", "TERM"]);
    }

    #[test]
    fn git_variables_never_pass() {
        let env = base(pairs(&["GIT_DIR", "GIT_INDEX_FILE"]), &["*".to_owned()]);
        assert_eq!(env.keys().map(String::as_str).collect::<Vec<_>>(), ["TERM"]);
    }

    #[test]
    fn an_agent_gets_what_its_program_needs_and_no_more() {
        let all = pairs(&["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GIT_DIR", "PATH"]);
        let env = passed(all, &["ANTHROPIC_*", "GIT_*"]);
        assert_eq!(env.keys().map(String::as_str).collect::<Vec<_>>(), ["ANTHROPIC_API_KEY"]);
        assert!(is_key("ANTHROPIC_API_KEY") && is_key("CLAUDE_CODE_OAUTH_TOKEN") && !is_key("ANTHROPIC_BASE_URL"));
    }

    #[test]
    fn programs_are_found_absolute() {
        let found = find_program("sh", Some("/nowhere:/bin"), Path::new("/"));
        assert_eq!(found, Some(PathBuf::from("/bin/sh")));
        assert_eq!(find_program("./no-such", None, Path::new("/")), None);
    }
}

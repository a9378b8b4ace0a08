//! Globs over the files of a workspace: relative, inside it, never of git's own folder.

use globset::{Glob, GlobBuilder};

/// Checks one glob; the error says what is wrong, in words for people. A template in it is checked when it is rendered.
pub fn check(glob: &str) -> Result<(), String> {
    if glob.is_empty() {
        return Err("an empty glob matches nothing".to_owned());
    }
    if glob.contains("{{") {
        return Ok(());
    }
    relative(glob)?;
    ready(glob).map(drop)
}

/// Makes a glob ready; the only place that does: one that cannot be is refused, and not tried.
pub fn ready(glob: &str) -> Result<Glob, String> {
    bounded(glob)?;
    let built = GlobBuilder::new(glob).literal_separator(true).build();
    built.map_err(|error| format!("`{glob}` is not a glob: {}", error.kind()))
}

/// Longest glob, in bytes: what it takes to make one ready grows with the square.
const LONGEST: usize = 2_048;
/// Deepest nesting of `{…}`.
const DEEPEST: usize = 16;

/// Checks that a glob can be made ready: globs are also made of what agents hand over.
fn bounded(glob: &str) -> Result<(), String> {
    if glob.len() > LONGEST {
        return Err(format!("a glob is at most {LONGEST} bytes long, not {}", glob.len()));
    }
    let mut depth = 0_usize;
    for byte in glob.bytes() {
        depth = match byte {
            b'{' => depth + 1,
            b'}' => depth.saturating_sub(1),
            _ => depth,
        };
        if depth > DEEPEST {
            return Err(format!("`{glob}` is nested more than {DEEPEST} deep"));
        }
    }
    Ok(())
}

/// Checks that a path is relative, stays inside and is none of git's own.
pub fn relative(path: &str) -> Result<(), String> {
    if path.is_empty() {
        Err("the path is empty".to_owned())
    } else if path.starts_with('/') || path.starts_with('~') {
        Err(format!("`{path}` is not relative"))
    } else if path.split('/').any(|part| part == "..") {
        Err(format!("`{path}` leaves the workspace"))
    } else if path.split('/').any(|part| part.eq_ignore_ascii_case(".git")) {
        Err(format!("`{path}` is git's own"))
    } else {
        Ok(())
    }
}

/// True for a glob that every file matches.
pub fn is_everything(glob: &str) -> bool {
    matches!(glob.trim_start_matches("./"), "**" | "**/*" | "**/**")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_stay_inside() {
        for good in ["src/**", "*.md", "a/{b,c}/*.rs", "{{inputs.dir}}/**", "docs/[a-z]*", ".github/**"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in ["", "/etc/**", "../x", "a/../../b", ".git/**", "~/x", "a/[", "a/{b"] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
        let nested = |depth| "{a,".repeat(depth) + "b" + &"}".repeat(depth);
        assert_eq!(check(&nested(16)), Ok(()));
        assert!(check(&nested(17)).is_err() && check(&"a/".repeat(1_100)).is_err());
    }
}

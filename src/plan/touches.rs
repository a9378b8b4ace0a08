//! Which files a task may change: globs that are compared with files and with one another.
//!
//! `*` and `?` stay within one folder, `**` crosses folders, a `/` at the end means everything below. Whether two sets
//! can meet is answered on the safe side: "no" is certain, "yes" may be wrong.

use std::sync::OnceLock;

use globset::{Glob, GlobSet, GlobSetBuilder};

use crate::mission::field::glob;

/// Globs of one task.
#[derive(Debug, Clone, Default)]
pub struct TouchSet {
    patterns: Vec<Pattern>,
    /// Made when first asked: most sets are only compared with one another.
    matcher: OnceLock<GlobSet>,
}

/// One glob, with what is certain of every path it matches.
#[derive(Debug, Clone)]
struct Pattern {
    glob: Glob,
    /// Every path begins with it.
    prefix: String,
    /// Every path ends with it.
    suffix: String,
    /// It is a path, not a glob.
    literal: bool,
}

/// A glob that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{glob}` cannot be used in `touches`: {why}")]
pub struct BadGlob {
    /// As it was written.
    pub glob: String,
    /// What is wrong with it.
    pub why: String,
}

impl TouchSet {
    /// Reads globs; what leads out of the workspace or into git's own folder is refused.
    pub fn compile(globs: &[String]) -> Result<Self, BadGlob> {
        let patterns: Result<Vec<Pattern>, BadGlob> = globs.iter().map(|glob| Pattern::read(glob)).collect();
        Ok(Self { patterns: patterns?, matcher: OnceLock::new() })
    }

    /// True where no file at all may be changed.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// What is in one or the other.
    #[must_use]
    pub fn joined(&self, other: &Self) -> Self {
        Self { patterns: self.patterns.iter().chain(&other.patterns).cloned().collect(), matcher: OnceLock::new() }
    }

    /// Whether some path may be in both.
    pub fn may_meet(&self, other: &Self) -> bool {
        self.patterns.iter().any(|one| other.patterns.iter().any(|two| one.may_meet(two)))
    }

    /// Of each two globs that may meet, the narrower.
    pub fn meeting(&self, other: &Self) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for one in &self.patterns {
            for two in other.patterns.iter().filter(|two| one.may_meet(two)) {
                let said = |pattern: &Pattern| (pattern.literal, pattern.prefix.len(), pattern.suffix.len());
                let narrower = if said(two) > said(one) { two } else { one };
                let glob = narrower.glob.glob();
                if !found.iter().any(|known| known == glob) {
                    found.push(glob.to_owned());
                }
            }
        }
        found
    }

    /// Whether this path is one of them.
    pub fn covers(&self, path: &str) -> bool {
        !self.is_empty() && self.matcher().is_match(path)
    }

    /// Those of these paths that are none of them, in the order given.
    pub fn outside<'a>(&self, files: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        files.into_iter().filter(|path| !self.covers(path)).map(str::to_owned).collect()
    }

    fn matcher(&self) -> &GlobSet {
        self.matcher.get_or_init(|| {
            let mut set = GlobSetBuilder::new();
            for pattern in &self.patterns {
                set.add(pattern.glob.clone());
            }
            // Too big a set is no reason to let files pass: the empty set covers none.
            set.build().unwrap_or_default()
        })
    }
}

/// Two sets are alike if their globs are.
impl PartialEq for TouchSet {
    fn eq(&self, other: &Self) -> bool {
        self.patterns.iter().map(|one| one.glob.glob()).eq(other.patterns.iter().map(|two| two.glob.glob()))
    }
}

impl Eq for TouchSet {}

impl Pattern {
    fn read(text: &str) -> Result<Self, BadGlob> {
        let bad = |why: &str| BadGlob { glob: text.to_owned(), why: why.to_owned() };
        let path = text.strip_prefix("./").unwrap_or(text);
        if path.trim().is_empty() {
            return Err(bad("it is empty"));
        }
        if path.starts_with('/') {
            return Err(bad("it must be relative to the root of the workspace"));
        }
        if path.split('/').any(|part| part == "..") {
            return Err(bad("`..` would lead out of the workspace"));
        }
        if path.split('/').any(|part| part.eq_ignore_ascii_case(".git")) {
            return Err(bad("git's own folder is never touched"));
        }
        let whole = if path.ends_with('/') { format!("{path}**") } else { path.to_owned() };
        let glob = glob::ready(&whole).map_err(|why| bad(&why))?;
        let special = |c: char| matches!(c, '*' | '?' | '[' | ']' | '{' | '}' | '\\');
        let literal = !whole.contains(special);
        let prefix = whole.split(special).next().unwrap_or_default().to_owned();
        let after = whole.rsplit(special).next().unwrap_or_default();
        // `**/a` is also `a`, so the slash after `**` is not certain.
        let suffix = if literal { after } else { after.strip_prefix('/').unwrap_or(after) };
        // After a backslash the next character stands for itself: then nothing is certain of the end.
        let suffix = if whole.contains('\\') { String::new() } else { suffix.to_owned() };
        Ok(Self { glob, prefix, suffix, literal })
    }

    fn may_meet(&self, other: &Self) -> bool {
        match (self.literal, other.literal) {
            (true, true) => self.glob.glob() == other.glob.glob(),
            (true, false) => other.alike(self) && other.may_match(self.glob.glob()),
            (false, true) => self.alike(other) && self.may_match(other.glob.glob()),
            (false, false) => self.alike(other),
        }
    }

    /// Whether this path is one of its own; one that cannot be made ready may match anything.
    fn may_match(&self, path: &str) -> bool {
        let matcher = GlobSetBuilder::new().add(self.glob.clone()).build();
        matcher.map_or(true, |matcher| matcher.is_match(path))
    }

    /// Whether what is certain of both can be true of one path.
    fn alike(&self, other: &Self) -> bool {
        (self.prefix.starts_with(&other.prefix) || other.prefix.starts_with(&self.prefix))
            && (self.suffix.ends_with(&other.suffix) || other.suffix.ends_with(&self.suffix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(globs: &[&str]) -> TouchSet {
        let globs: Vec<String> = globs.iter().map(|glob| (*glob).to_owned()).collect();
        TouchSet::compile(&globs).unwrap()
    }

    #[test]
    fn files_outside_are_named_in_order() {
        let touches = set(&["src/**", "docs/*.md", "build/", "Cargo.toml"]);
        let files = ["z", "src/a/b.rs", "docs/a.md", "docs/deep/a.md", "build/x/y", "Cargo.toml", "sub/Cargo.toml"];
        assert_eq!(touches.outside(files), ["z", "docs/deep/a.md", "sub/Cargo.toml"]);
        assert_eq!(set(&[]).outside(["a"]), ["a"]);
    }

    #[test]
    fn sets_meet_unless_it_is_certain_that_they_do_not() {
        for (one, two, meets) in [
            ("src/a/**", "src/b/**", false),
            ("src/**", "src/b/**", true),
            ("src/*.rs", "src/*.md", false),
            ("**/*.md", "src/a.md", true),
            ("**/*.md", "src/a.rs", false),
            ("**/a.md", "a.md", true),
            ("a.md", "a.md", true),
            ("a.md", "b.md", false),
            ("a/x.md", "a/", true),
            ("**", "anything/at/all", true),
            ("src/{a,b}.rs", "src/a.rs", true),
            ("src/{a,b}.rs", "src/c.rs", false),
            ("src/[ab].rs", "src/*.rs", true),
            ("a\\*b", "a*", true),
        ] {
            assert_eq!(set(&[one]).may_meet(&set(&[two])), meets, "{one} and {two}");
            assert_eq!(set(&[two]).may_meet(&set(&[one])), meets, "{two} and {one}");
        }
        assert!(!set(&[]).may_meet(&set(&["**"])));
    }

    #[test]
    fn what_leads_out_is_refused() {
        let deep = "{".repeat(300) + "a" + &"}".repeat(300);
        assert!(TouchSet::compile(&[deep]).is_err());
        for glob in ["", " ", "/etc/**", "../x", "a/../../b", ".git/hooks/**", "sub/.GIT/x", "a[", "./"] {
            assert!(TouchSet::compile(&[glob.to_owned()]).is_err(), "{glob:?}");
        }
    }

    proptest::proptest! {
        /// The answer "they do not meet" is never wrong.
        #[test]
        fn a_common_path_means_that_sets_may_meet(
            one in "[ab*?/{},.]{1,6}", two in "[ab*?/{},.]{1,6}", path in "[ab]{1,3}(/[ab]{1,2}){0,2}(\\.a)?"
        ) {
            if let (Ok(one), Ok(two)) = (TouchSet::compile(&[one]), TouchSet::compile(&[two]))
                && one.covers(&path) && two.covers(&path)
            {
                proptest::prop_assert!(one.may_meet(&two));
            }
        }
    }
}

//! Finding and reading the files of a catalog.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::slice;

use include_dir::{Dir, include_dir};
use walkdir::{DirEntry, WalkDir};

use super::front::Front;
use super::skill::SkillFile;
use super::{Broken, Catalog, Found, Origin, Places, codes, role, sha256, skill};
use crate::diagnostic::{ByteSpan, Finding, Severity};
use crate::name::{RoleName, SkillName};

static ROLES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/roles");
static SKILLS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/skills");

/// Most bytes that one file is read of: these are texts that people write.
const MAX_FILE: u64 = 1 << 20;
/// The files of a skill that are read here.
const MEANT: [&str; 2] = ["SKILL.md", "skill.toml"];

/// What names of skills begin with that sessions are given where agents look for skills.
const GIVEN: &str = "ai-sdlc-";

/// What lies in folders of skills and is none of theirs: what tools and systems leave behind.
const LEFTOVERS: [&str; 4] = [".git", ".DS_Store", "__pycache__", "node_modules"];

/// Most files that one skill has.
const MAX_FILES: usize = 200;

pub(super) fn load(places: &Places) -> Catalog {
    let mut loader = Loader { root: places.root.clone(), ..Loader::default() };
    for folder in folders(places) {
        loader.folder(Origin::Mission, &folder.join("roles"), &folder.join("skills"));
    }
    if let Some(root) = &places.root {
        loader.folder(Origin::Project, &root.join(".ai-sdlc/roles"), &root.join(".ai-sdlc/skills"));
        loader.roles(Origin::OtherTool, &root.join(".claude/agents"));
        for folder in [".claude/skills", ".agents/skills"] {
            loader.skills(Origin::OtherTool, &root.join(folder));
        }
    }
    if let Some(user) = &places.user {
        loader.folder(Origin::User, &user.join("roles"), &user.join("skills"));
    }
    loader.built_in();
    loader.catalog
}

/// The mission's folder and those above it, up to the root.
fn folders(places: &Places) -> Vec<PathBuf> {
    match (&places.mission_dir, &places.root) {
        (None, None) => Vec::new(),
        (None, Some(root)) => vec![root.clone()],
        (Some(mission), Some(root)) if mission.starts_with(root) => {
            mission.ancestors().take_while(|folder| folder.starts_with(root)).map(Path::to_path_buf).collect()
        }
        (Some(mission), _) => vec![mission.clone()],
    }
}

#[derive(Default)]
struct Loader {
    catalog: Catalog,
    root: Option<PathBuf>,
}

impl Loader {
    fn folder(&mut self, origin: Origin, roles: &Path, skills: &Path) {
        self.roles(origin, roles);
        for path in entries(&roles.join("partials")) {
            if let (Some(name), Some(text)) = (stem(&path), self.text(&path)) {
                self.partial(origin, name, &self.shown(&path), text);
            }
        }
        self.skills(origin, skills);
    }

    fn skills(&mut self, origin: Origin, folder: &Path) {
        for path in entries(folder) {
            // A `skill.md` is one that is called wrong.
            let meant = MEANT.iter().chain(&["skill.md"]).any(|file| path.join(file).is_file());
            if meant && let Some(name) = path.file_name().and_then(|name| name.to_str()) {
                // In a worktree these are copies that a session was given.
                if origin == Origin::OtherTool && name.starts_with(GIVEN) {
                    continue;
                }
                let shown = self.shown(&path);
                let files = self.skill_files(&path);
                self.skill(origin, name, &shown, files);
            }
        }
    }

    fn roles(&mut self, origin: Origin, folder: &Path) {
        for path in entries(folder) {
            let Some(name) = stem(&path).filter(|name| !name.eq_ignore_ascii_case("readme")) else { continue };
            let shown = self.shown(&path);
            if let Some(text) = self.text(&path) {
                self.role(origin, &name, &shown, text);
            } else if let Ok(name) = RoleName::parse(&name)
                && !self.catalog.roles.contains_key(&name)
                && let Some(broken) =
                    self.catalog.findings.last().and_then(|last| broken(origin, &shown, slice::from_ref(last)))
            {
                self.catalog.broken_roles.entry(name).or_insert(broken);
            }
        }
    }

    fn built_in(&mut self) {
        for file in ROLES.files() {
            if let (Some(name), Some(text)) = (stem(file.path()), file.contents_utf8()) {
                let shown = format!("built-in:roles/{}", file.path().display());
                self.role(Origin::BuiltIn, &name, &shown, text.to_owned());
            }
        }
        for file in ROLES.get_dir("partials").into_iter().flat_map(Dir::files) {
            if let (Some(name), Some(text)) = (stem(file.path()), file.contents_utf8()) {
                let shown = format!("built-in:roles/{}", file.path().display());
                self.partial(Origin::BuiltIn, name, &shown, text.to_owned());
            }
        }
        for folder in SKILLS.dirs() {
            let mut files = Vec::new();
            embedded(folder, folder.path(), &mut files);
            let name = folder.path().display().to_string();
            self.skill(Origin::BuiltIn, &name, &format!("built-in:skills/{name}"), files);
        }
    }

    fn role(&mut self, origin: Origin, name: &str, shown: &str, text: String) {
        let Some(name) = self.name(shown, RoleName::parse(name)) else { return };
        if self.catalog.broken_roles.contains_key(&name) {
            return;
        }
        if let Some(nearer) = self.catalog.roles.get_mut(&name) {
            nearer.hides.push(shown.to_owned());
            return;
        }
        let (role, mut findings) = role::read(&name, shown, &text);
        if origin == Origin::OtherTool {
            // Written for another tool: what does not fit is not this project's mistake.
            for finding in &mut findings {
                finding.severity = Severity::Warning;
            }
        }
        let hash = sha256(text.as_bytes());
        self.catalog.sources.insert(shown.to_owned(), text);
        if let Some(role) = role {
            self.catalog.roles.insert(name, found(role, origin, shown, hash));
        } else if let Some(broken) = broken(origin, shown, &findings) {
            self.catalog.broken_roles.insert(name, broken);
        }
        self.catalog.findings.append(&mut findings);
    }

    fn partial(&mut self, origin: Origin, name: String, shown: &str, text: String) {
        if let Some(nearer) = self.catalog.partials.get_mut(&name) {
            nearer.hides.push(shown.to_owned());
            return;
        }
        let mut checked = Front::plain(shown, &text);
        role::check_template(&text, 0, &mut checked);
        self.catalog.findings.append(&mut checked.findings);
        self.catalog.sources.insert(shown.to_owned(), text.clone());
        let hash = sha256(text.as_bytes());
        self.catalog.partials.insert(name, found(text, origin, shown, hash));
    }

    fn skill(&mut self, origin: Origin, name: &str, shown: &str, files: Vec<SkillFile>) {
        let Some(name) = self.name(shown, SkillName::parse(name)) else { return };
        if self.catalog.broken_skills.contains_key(&name) {
            return;
        }
        if let Some(nearer) = self.catalog.skills.get_mut(&name) {
            nearer.hides.push(shown.to_owned());
            return;
        }
        let mut whole = String::new();
        for file in &files {
            whole.push_str(&sha256(file.path.as_bytes()));
            whole.push_str(&sha256(file.text.as_bytes()));
            if MEANT.contains(&file.path.as_str()) {
                self.catalog.sources.insert(format!("{shown}/{}", file.path), file.text.clone());
            }
        }
        let (skill, mut findings) = skill::read(&name, shown, files);
        if origin == Origin::OtherTool {
            // As with roles: what does not fit is not this project's mistake.
            for finding in &mut findings {
                finding.severity = Severity::Warning;
            }
        }
        if let Some(skill) = skill {
            self.catalog.skills.insert(name, found(skill, origin, shown, sha256(whole.as_bytes())));
        } else if let Some(broken) = broken(origin, shown, &findings) {
            self.catalog.broken_skills.insert(name, broken);
        }
        self.catalog.findings.append(&mut findings);
    }

    fn skill_files(&mut self, folder: &Path) -> Vec<SkillFile> {
        let mut files = Vec::new();
        let walk = WalkDir::new(folder).sort_by_file_name().into_iter();
        let own = |entry: &DirEntry| !LEFTOVERS.iter().any(|name| entry.file_name() == *name);
        for entry in walk.filter_entry(own).flatten() {
            if !entry.file_type().is_file() || files.len() >= MAX_FILES {
                continue;
            }
            let path = entry.path().strip_prefix(folder).unwrap_or(entry.path()).to_path_buf();
            let parts: Vec<String> = path.iter().map(|part| part.to_string_lossy().into_owned()).collect();
            let path = parts.join("/");
            let read = if MEANT.contains(&path.as_str()) {
                self.text(entry.path()).map(String::into_bytes)
            } else {
                self.bytes(entry.path())
            };
            if let Some(bytes) = read {
                files.push(SkillFile::new(path, bytes, executable(entry.path())));
            }
        }
        files
    }

    fn name<T>(&mut self, shown: &str, parsed: Result<T, crate::name::BadName>) -> Option<T> {
        parsed.map_err(|bad| self.tell(codes::BAD_NAME, Severity::Warning, shown, bad.to_string())).ok()
    }

    /// The text of a file; what cannot be read as text is a finding.
    fn text(&mut self, path: &Path) -> Option<String> {
        let text = String::from_utf8(self.bytes(path)?).ok();
        if text.is_none() {
            let shown = self.shown(path);
            self.tell(codes::UNREADABLE, Severity::Error, &shown, "it is not UTF-8".to_owned());
        }
        text
    }

    /// The content of a file; what cannot be read is a finding.
    fn bytes(&mut self, path: &Path) -> Option<Vec<u8>> {
        let too_long = fs::metadata(path).is_ok_and(|about| about.len() > MAX_FILE);
        let why = if too_long {
            "it is longer than 1 MiB".to_owned()
        } else if self.leads_out(path) {
            "it leads out of the project: what is read here is put into prompts".to_owned()
        } else {
            match fs::read(path) {
                Ok(bytes) => return Some(bytes),
                Err(error) => error.to_string(),
            }
        };
        let shown = self.shown(path);
        self.tell(codes::UNREADABLE, Severity::Error, &shown, why);
        None
    }

    /// Whether a file of the project is a link to one elsewhere, or lies behind one.
    fn leads_out(&self, path: &Path) -> bool {
        let Some(root) = self.root.as_deref().filter(|root| path.starts_with(root)) else { return false };
        match (fs::canonicalize(root), fs::canonicalize(path)) {
            (Ok(root), Ok(path)) => !path.starts_with(root),
            (_, _) => false,
        }
    }

    fn tell(&mut self, code: crate::diagnostic::Code, severity: Severity, file: &str, message: String) {
        self.catalog.findings.push(codes::finding(code, severity, (file, ByteSpan::default()), message));
    }

    fn shown(&self, path: &Path) -> String {
        let below = self.root.as_ref().and_then(|root| path.strip_prefix(root).ok()).unwrap_or(path);
        below.display().to_string()
    }
}

/// What is wrong with what cannot be used: the gravest, and of these the first.
fn broken(origin: Origin, shown: &str, findings: &[Finding]) -> Option<Broken> {
    let finding = findings.iter().min_by_key(|finding| finding.severity)?.clone();
    Some(Broken { origin, path: shown.to_owned(), finding })
}

fn found<T>(value: T, origin: Origin, path: &str, sha256: String) -> Found<T> {
    Found { value, origin, path: path.to_owned(), sha256, hides: Vec::new() }
}

/// What lies in a folder, by name; nothing where there is no such folder.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let listed: BTreeMap<_, _> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| (entry.file_name(), entry.path())).collect();
    listed.into_values().collect()
}

/// Name of a Markdown file without its ending.
fn stem(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    name.strip_suffix(".md").filter(|_| !path.is_dir()).map(str::to_owned)
}

/// The files of an embedded skill. A script says so in its first line: embedding keeps no modes.
fn embedded(folder: &Dir<'_>, top: &Path, files: &mut Vec<SkillFile>) {
    for file in folder.files() {
        let path = file.path().strip_prefix(top).unwrap_or(file.path()).display().to_string();
        files.push(SkillFile::new(path, file.contents().to_vec(), file.contents().starts_with(b"#!")));
    }
    for below in folder.dirs() {
        embedded(below, top, files);
    }
}

fn executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).is_ok_and(|about| about.permissions().mode() & 0o111 != 0)
}

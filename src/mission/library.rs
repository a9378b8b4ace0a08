//! Missions that missions use as tasks: each is found beside the file that names it, read once, checked once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use indexmap::IndexMap;
use serde_json::Value;

use crate::catalog::sha256;
use crate::diagnostic::nearest::nearest;
use crate::diagnostic::{ByteSpan, Finding, Sources, codes, has_errors};
use crate::expression::Type;
use crate::mission::check::inputs::schema_of;
use crate::mission::check::marker::Marker;
use crate::mission::check::outside::secrets_of;
use crate::mission::check::{self, Against, Scene, Standing};
use crate::mission::explain::{self, Read};
use crate::mission::file::{InputFile, MissionFile};
use crate::mission::limits::BudgetFile;
use crate::mission::model::Mission;
use crate::mission::spans::Document;
use crate::mission::{lower, read};
use crate::name::{InputId, LocalTaskId, OutputId};

/// How deep missions may use missions.
const MOST_DEEP: usize = 16;

/// Most tasks of a mission, those of the missions it uses included: each use counts.
const MOST_TASKS: usize = 100_000;

/// What a mission hands over, with what is known of it.
pub type Outputs = BTreeMap<OutputId, Type>;

/// A mission that is used as a task, as far as it could be read.
#[derive(Debug)]
pub struct Part {
    /// Its file, as findings show it.
    pub file: String,
    /// SHA-256 of its text.
    pub sha256: String,
    /// The mission; `None` where a finding is an error.
    pub mission: Option<Mission>,
    /// What it may be told; `None` where its text cannot be read.
    pub inputs: Option<IndexMap<InputId, PartInput>>,
    /// What it hands over; `None` where its text cannot be read.
    pub outputs: Option<Outputs>,
    /// The secrets that its tasks are given, those of the missions it uses included.
    pub secrets: BTreeSet<String>,
    /// Its own ceiling, within that of the run.
    pub budget: Option<BudgetFile>,
    /// Whether sessions of agents are among what it starts.
    pub sessions: Sessions,
    /// How many tasks it has, those of the missions it uses included.
    pub tasks: usize,
}

/// Whether a mission starts sessions of agents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sessions {
    /// It does.
    Some,
    /// It is all commands and gates.
    None,
}

/// What a mission that is used as a task may be told.
#[derive(Debug)]
pub struct PartInput {
    /// What a value must look like; `None` where its declaration has errors.
    pub schema: Option<Value>,
    /// Whether it may be left out.
    pub need: Need,
}

/// Whether an input must be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// It has no default.
    Required,
    /// It has one.
    Optional,
}

/// Where a mission file is.
#[derive(Debug)]
struct Place {
    /// Its name as findings show it.
    file: String,
    /// Where it really lies.
    path: PathBuf,
}

impl Place {
    fn dir(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }
}

/// A mission that is being read, and where it names the next one.
#[derive(Debug)]
struct Frame {
    file: String,
    path: PathBuf,
    span: ByteSpan,
}

/// A mission that need not be looked for: one that was read already, or that is embedded in the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its name as findings show it.
    pub file: String,
    /// Where it lies, or would.
    pub path: PathBuf,
    /// What it says.
    pub text: String,
}

/// All missions that one file uses, directly or not.
#[derive(Debug)]
pub struct Library<'a> {
    against: Against<'a>,
    read: BTreeMap<PathBuf, Rc<Part>>,
    open: Vec<Frame>,
    /// No file outside of it is read.
    fence: PathBuf,
    /// Missions that need not be looked for, by the names that name them.
    known: BTreeMap<PathBuf, Known>,
    /// What was found, in all of them.
    pub findings: Vec<Finding>,
    /// Their texts, by the names that findings use; without that of the first one.
    pub sources: Sources,
}

impl<'a> Library<'a> {
    /// An empty one.
    pub fn new(against: Against<'a>) -> Self {
        Self {
            fence: fence(against.dir),
            against,
            read: BTreeMap::new(),
            open: Vec::new(),
            known: BTreeMap::new(),
            findings: Vec::new(),
            sources: Sources::new(),
        }
    }

    /// The same with a mission that the first file names so, wherever that lies.
    #[must_use]
    pub fn knowing(mut self, named: &str, known: Known) -> Self {
        self.known.insert(PathBuf::from(named), known);
        self
    }

    /// The mission of the file that everything begins with.
    pub fn first(&mut self, file: &str, text: &str) -> Option<Mission> {
        let name = Path::new(file).file_name().map_or_else(|| PathBuf::from(file), PathBuf::from);
        let path = self.against.dir.join(name);
        let path = fs::canonicalize(&path).unwrap_or(path);
        self.mission(&Place { file: file.to_owned(), path }, text, Standing::Alone).mission
    }

    fn mission(&mut self, place: &Place, text: &str, standing: Standing) -> Part {
        let (mut document, errors) = Document::parse(text);
        let mut findings = Vec::new();
        let found = explain::read::<MissionFile>(&place.file, &mut document, &errors, &mut findings);
        let mut part = Part {
            file: place.file.clone(),
            sha256: sha256(text.as_bytes()),
            mission: None,
            inputs: None,
            outputs: None,
            secrets: BTreeSet::new(),
            budget: None,
            sessions: Sessions::None,
            tasks: 0,
        };
        if let Some(found) = &found {
            let dir = if standing == Standing::Alone { self.against.dir.to_owned() } else { place.dir().to_owned() };
            let parts = self.parts(place, (found, &dir), &document, &mut findings);
            let against = Against { dir: &dir, ..self.against };
            let scene = Scene::new(found, against, &parts, standing);
            let walked = check::check(&scene, &mut Marker::new(&place.file, &document, &mut findings));
            part.inputs = Some(inputs(&scene));
            part.outputs = Some(walked.outputs);
            part.secrets = secrets_of(&scene);
            part.budget.clone_from(&scene.file.budget);
            part.sessions = if scene.file.tasks.iter().any(|(id, task)| scene.has_sessions(id, task)) {
                Sessions::Some
            } else {
                Sessions::None
            };
            part.tasks = found.file.tasks.len() + parts.values().map(|part| part.tasks).sum::<usize>();
            let used = found.file.tasks.values().filter(|task| task.mission.is_some()).count();
            let whole = parts.len() == used && parts.values().all(|part| part.mission.is_some());
            part.mission = (whole && !has_errors(&findings)).then(|| lower::lower(&scene));
        }
        self.findings.append(&mut findings);
        part
    }

    /// The missions that the tasks of one use; those that cannot be read are told and left out.
    fn parts(
        &mut self,
        place: &Place,
        (found, dir): (&Read<MissionFile>, &Path),
        document: &Document<'_>,
        findings: &mut Vec<Finding>,
    ) -> BTreeMap<LocalTaskId, Rc<Part>> {
        let mut parts = BTreeMap::new();
        let mut tasks = found.file.tasks.len();
        for (id, task) in &found.file.tasks {
            let Some(named) = &task.mission else { continue };
            let span = document.spot(&format!("/tasks/{id}/mission")).value;
            self.open.push(Frame { file: place.file.clone(), path: place.path.clone(), span });
            let part = self.part(dir, named);
            self.open.pop();
            match part {
                Ok(part) if tasks + part.tasks > MOST_TASKS => {
                    let message = format!("with the missions it uses, this one has more than {MOST_TASKS} tasks");
                    let finding = Finding::error(codes::MISSION_FILE, &place.file, span, message);
                    findings.push(finding.with_help("use fewer missions, or make two runs of it"));
                }
                Ok(part) => {
                    tasks += part.tasks;
                    parts.insert(id.clone(), part);
                }
                Err(finding) => self.findings.push(*finding),
            }
        }
        parts
    }

    /// A mission that the innermost open one names.
    fn part(&mut self, dir: &Path, named: &Path) -> Result<Rc<Part>, Box<Finding>> {
        let by_the_first = self.open.len() == 1;
        if let Some(Known { file, path, text }) = self.known.get(named).filter(|_| by_the_first).cloned() {
            return self.at(&path, |_| Ok((file, text)));
        }
        let (file, span) = self.open.last().map_or_else(Default::default, |frame| (frame.file.clone(), frame.span));
        let trouble = |message: String, help: String| {
            Box::new(Finding::error(codes::MISSION_FILE, &file, span, message).with_help(help))
        };
        let shown = shown(&file, named);
        let unreadable = |error: std::io::Error| {
            let name = named.display();
            let message = if error.kind() == ErrorKind::NotFound {
                format!("there is no mission file `{name}`")
            } else {
                format!("the mission `{name}` cannot be read: {error}")
            };
            trouble(message, which(dir, named))
        };
        let path = fs::canonicalize(dir.join(named)).map_err(unreadable)?;
        if !path.starts_with(&self.fence) {
            let message = format!("the mission `{}` lies outside of this project", named.display());
            return Err(trouble(message, format!("copy it to somewhere below `{}`", self.fence.display())));
        }
        self.at(&path, |path| {
            let bytes = whole(path).map_err(unreadable)?;
            Ok((shown.clone(), read(&shown, bytes)?))
        })
    }

    /// The mission that lies at a path; it is read once.
    fn at(
        &mut self,
        path: &Path,
        text: impl FnOnce(&Path) -> Result<(String, String), Box<Finding>>,
    ) -> Result<Rc<Part>, Box<Finding>> {
        if let Some(part) = self.read.get(path) {
            return Ok(Rc::clone(part));
        }
        if let Some(first) = self.open.iter().position(|frame| frame.path == path) {
            return Err(circle(self.open.get(first..).unwrap_or_default()));
        }
        if self.open.len() > MOST_DEEP {
            let (file, span) = self.open.last().map_or_else(Default::default, |frame| (frame.file.clone(), frame.span));
            let message = format!("missions use missions more than {MOST_DEEP} deep");
            let help = "let one of them name the tasks itself";
            return Err(Box::new(Finding::error(codes::MISSION_FILE, &file, span, message).with_help(help)));
        }
        let (shown, text) = text(path)?;
        let place = Place { file: shown.clone(), path: path.to_owned() };
        let part = Rc::new(self.mission(&place, &text, Standing::Task));
        self.sources.insert(shown, text);
        self.read.insert(path.to_owned(), Rc::clone(&part));
        Ok(part)
    }
}

/// Told at the file whose name comes first, so that it is the same finding whichever of them is asked for.
fn circle(frames: &[Frame]) -> Box<Finding> {
    let first = frames.iter().enumerate().min_by_key(|(_, frame)| &frame.file).map_or(0, |(at, _)| at);
    let mut names: Vec<String> =
        frames.iter().cycle().skip(first).take(frames.len() + 1).map(|frame| format!("`{}`", frame.file)).collect();
    let (file, span) = frames.get(first).map_or_else(Default::default, |frame| (frame.file.clone(), frame.span));
    let message = if frames.len() == 1 {
        format!("the mission {} uses itself", names.pop().unwrap_or_default())
    } else {
        format!("missions use each other in a circle: {}", names.join(" → "))
    };
    let help = "take one of these tasks out, or let it name its tasks itself";
    Box::new(Finding::error(codes::MISSION_CYCLE, &file, span, message).with_help(help))
}

fn inputs(scene: &Scene<'_>) -> IndexMap<InputId, PartInput> {
    let of = |input: &InputFile| PartInput {
        schema: schema_of(scene, input).ok(),
        need: if input.default.is_some() { Need::Optional } else { Need::Required },
    };
    scene.file.inputs.iter().map(|(id, input)| (id.clone(), of(input))).collect()
}

/// The name of a file that another one names, as a person would write it from where they named the other.
fn shown(by: &str, named: &Path) -> String {
    let joined = Path::new(by).parent().unwrap_or(Path::new("")).join(named);
    let mut plain = PathBuf::new();
    for part in joined.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(plain.components().next_back(), Some(Component::Normal(_))) => {
                plain.pop();
            }
            Component::ParentDir | Component::Normal(_) | Component::RootDir | Component::Prefix(_) => plain.push(part),
        }
    }
    plain.to_string_lossy().into_owned()
}

/// The project that a folder lies in: what a mission of it names is read from there and from nowhere else.
pub fn fence(dir: &Path) -> PathBuf {
    let dir = fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
    let marked = dir.ancestors().find(|above| [".git", ".ai-sdlc"].iter().any(|mark| above.join(mark).exists()));
    marked.map_or_else(|| dir.clone(), Path::to_owned)
}

/// Largest file that is read.
const MOST_BYTES: u64 = 64 << 20;

/// What stands in a file that somebody named; what has no end, such as a device, is refused.
pub fn whole(path: &Path) -> std::io::Result<Vec<u8>> {
    let found = fs::metadata(path)?;
    if !found.is_file() || found.len() > MOST_BYTES {
        return Err(std::io::Error::new(ErrorKind::InvalidInput, "it is no file, or too large"));
    }
    fs::read(path)
}

/// What to name instead of a mission that is not there.
fn which(dir: &Path, named: &Path) -> String {
    let wanted = named.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let folder = named.parent().unwrap_or(Path::new(""));
    let entries = fs::read_dir(dir.join(folder)).into_iter().flatten().flatten();
    let names: BTreeSet<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| Path::new(name).extension().is_some_and(|end| end == "toml"))
        .collect();
    let with_ending = format!("{wanted}.toml");
    let close =
        names.get(&with_ending).map(String::as_str).or_else(|| nearest(&wanted, names.iter().map(String::as_str)));
    close.map_or_else(
        || "write the path of a mission file, relative to this one".to_owned(),
        |close| format!("did you mean `{}`?", folder.join(close).display()),
    )
}

//! What a session's tools work on, and where their socket is.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::agent::tools::{SkillTool, Toolbox};
use crate::catalog::sha256;
use crate::catalog::skill::SkillManifest;
use crate::driver::setting::Setting;
use crate::kernel::event::SessionKind;
use crate::kernel::fact::WorkKey;
use crate::name::{SkillName, TaskId};
use crate::plan::render::skill_path;
use crate::plan::{Plan, Task, TaskKind};

/// Longest path that a socket can have on all systems.
const MAX_PATH: usize = 103;

/// Folders of sockets that can be tried where one name is taken.
const TRIES: u32 = 4;

/// The folder for the socket of a session, made anew and nobody else's. `None` where there is no place for one: the
/// session goes without.
pub(super) fn socket(setting: &Setting, key: &WorkKey, kind: SessionKind) -> Option<PathBuf> {
    let named = ["XDG_RUNTIME_DIR", "TMPDIR"].into_iter().filter_map(|name| setting.base_env.get(name));
    let bases: Vec<PathBuf> = named.map(PathBuf::from).chain([PathBuf::from("/tmp")]).collect();
    let who = format!("{}/{key:?}/{kind:?}/{}", setting.run, std::process::id());
    bases.iter().filter(|base| base.is_absolute()).find_map(|base| {
        (0..TRIES).find_map(|again| {
            let hash = sha256(format!("{who}/{again}").as_bytes());
            let folder = base.join(format!("ai-sdlc-{}", hash.get(..16)?));
            let socket = folder.join("s");
            let fits = socket.as_os_str().len() <= MAX_PATH;
            (fits && DirBuilder::new().mode(0o700).create(&folder).is_ok()).then_some(socket)
        })
    })
}

/// Takes away what a host that died left of its socket.
pub(super) fn clear(socket: &Path) {
    let _gone_already = fs::remove_file(socket);
    if let Some(folder) = socket.parent() {
        let _gone_already = fs::remove_dir(folder);
    }
}

/// What the tools of a session work on.
pub(super) fn toolbox(
    plan: &Plan,
    of: (&Task, SessionKind),
    handoffs: Vec<(TaskId, String)>,
    writable: Option<Vec<PathBuf>>,
) -> Toolbox {
    let (task, kind) = of;
    let skills: &[SkillName] = match (kind, &task.kind) {
        (SessionKind::Work, TaskKind::Agent(work)) => &work.skills,
        (SessionKind::Review, _) => task.review.as_ref().map(|review| review.skills.as_slice()).unwrap_or_default(),
        (SessionKind::Work, TaskKind::Command(_) | TaskKind::Gate(_) | TaskKind::Each(_) | TaskKind::Mission(_)) => &[],
    };
    Toolbox { skills: skills.iter().filter_map(|name| tool(plan, name)).collect(), handoffs, writable }
}

fn tool(plan: &Plan, name: &SkillName) -> Option<SkillTool> {
    let skill = plan.skills.get(name)?;
    let manifest = skill.files.iter().find(|file| file.path == "skill.toml");
    let manifest = manifest.and_then(|file| toml::from_str::<SkillManifest>(&file.text).ok()).unwrap_or_default();
    let about = [manifest.category].into_iter().chain(manifest.tags).chain(manifest.words).chain(manifest.triggers);
    Some(SkillTool {
        name: name.clone(),
        description: skill.description.clone(),
        about: about.collect::<Vec<_>>().join(" "),
        path: skill_path(plan, name),
        files: if skill.handler.is_some() { skill.files.clone() } else { Vec::new() },
        handler: skill.handler.clone(),
    })
}

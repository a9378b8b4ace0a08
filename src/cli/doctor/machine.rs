//! The machine: room and rights where things lie, what the system can keep apart, how much it lets one process open.

use std::path::Path;

use rustix::fs::{Access, access};
use rustix::process::{Resource, getrlimit};

use crate::cli::Context;
use crate::cli::doctor::{Sign, State, good, poor};
use crate::cli::making::{bytes, free};
use crate::cli::preflight::unwritable;
use crate::cli::project::Project;
use crate::journal::network;
use crate::session::sandbox;

/// Less than this free is worth a warning.
const LITTLE_DISK: u64 = 2 << 30;

/// Fewer open files than this are worth a warning: each child of a run takes some.
const FEW_FILES: u64 = 512;

/// Looks at it.
pub(super) fn look(context: &Context, project: &Project) -> Vec<Sign> {
    let mut signs = vec![sandbox(), disk(&project.store, "runs")];
    signs.extend(context.environment.state_folder().map(|folder| disk(&folder, "worktrees")));
    let there = project.store.ancestors().find(|folder| folder.is_dir());
    let network = there.and_then(network::note);
    signs.extend(network.map(|note| poor("disk", State::Warning, note, "keep the repository on a local disk")));
    signs.extend(open_files());
    signs.extend(run_time_folder(context));
    signs
}

/// Whether tasks are kept from writing elsewhere.
fn sandbox() -> Sign {
    match sandbox::probe() {
        Ok(version) => good("sandbox", format!("Landlock, version {version}: tasks write to their workspace only")),
        Err(why) => {
            let remedy = "use Linux 5.19 or newer with `landlock` in `lsm=`, or a container: see docs/security.md";
            poor("sandbox", State::Warning, format!("tasks write where your account may: {why}"), remedy)
        }
    }
}

fn disk(folder: &Path, what: &str) -> Sign {
    if let Some(failure) = unwritable(folder, &format!("the folder of {what}")) {
        let place = failure.place.unwrap_or_default();
        let why = failure.causes.first().cloned().unwrap_or_default();
        let told = format!("{}: {place} ({why})", failure.what);
        return poor("disk", State::Bad, told, failure.help.unwrap_or_default());
    }
    let room = free(folder);
    let told = format!("{} free for {what} in {}", bytes(room), folder.display());
    if room < LITTLE_DISK {
        poor(
            "disk",
            State::Warning,
            told,
            format!("make room: `df -h {}`; worktrees lie below `[workspace] root`", nearest(folder)),
        )
    } else {
        good("disk", told)
    }
}

fn nearest(folder: &Path) -> String {
    folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(folder).display().to_string()
}

fn open_files() -> Option<Sign> {
    let few = getrlimit(Resource::Nofile).current.filter(|most| *most < FEW_FILES)?;
    let told = format!("a process may open {few} files at most, which is few for many tasks at once");
    Some(poor("machine", State::Warning, told, "ulimit -n 4096"))
}

/// Where the system keeps what lives no longer than a session; told only where it is named and cannot be used.
fn run_time_folder(context: &Context) -> Option<Sign> {
    let folder = Path::new(context.environment.get("XDG_RUNTIME_DIR")?);
    let why = access(folder, Access::WRITE_OK | Access::EXEC_OK).err()?;
    let told = format!("XDG_RUNTIME_DIR is {}, which cannot be used: {why}", folder.display());
    Some(poor("machine", State::Warning, told, "log in anew, or `unset XDG_RUNTIME_DIR`"))
}

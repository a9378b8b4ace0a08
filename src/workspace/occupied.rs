//! Who is in a folder: processes that stand in it or hold something below it open, as far as this user may see.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// A process.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Occupant {
    /// Its number.
    pub pid: u32,
    /// Its name.
    pub name: String,
}

impl fmt::Display for Occupant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (process {})", self.name, self.pid)
    }
}

/// What the processes of this machine stand in and hold open: looked at once, asked for many folders.
#[derive(Debug, Clone, Default)]
pub struct Occupancy {
    /// By path, in order, so that all below a folder lie together.
    places: BTreeMap<PathBuf, Vec<Occupant>>,
}

impl Occupancy {
    /// Looks at all processes but this one.
    pub fn look() -> Self {
        let me = std::process::id();
        let mut places: BTreeMap<PathBuf, Vec<Occupant>> = BTreeMap::new();
        let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).filter(|pid| *pid != me);
        for pid in pids {
            let of = PathBuf::from(format!("/proc/{pid}"));
            let mut links: Vec<PathBuf> = ["cwd", "root", "exe"].iter().map(|name| of.join(name)).collect();
            let open = fs::read_dir(of.join("fd")).into_iter().flatten().flatten().map(|entry| entry.path());
            links.extend(open);
            let mut found: Vec<PathBuf> = links.iter().filter_map(|link| fs::read_link(link).ok()).collect();
            found.retain(|path| path.is_absolute() && path.as_os_str() != "/");
            found.sort();
            found.dedup();
            if found.is_empty() {
                continue;
            }
            let name = fs::read_to_string(of.join("comm")).map(|name| name.trim().to_owned()).unwrap_or_default();
            for path in found {
                places.entry(path).or_default().push(Occupant { pid, name: name.clone() });
            }
        }
        Self { places }
    }

    /// Those in a folder or below it, each once.
    pub fn of(&self, folder: &Path) -> Vec<Occupant> {
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let below = self.places.range(folder.clone()..).take_while(|(path, _)| path.starts_with(&folder));
        let mut found: Vec<Occupant> = below.flat_map(|(_, occupants)| occupants.iter().cloned()).collect();
        found.sort();
        found.dedup();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_stands_in_a_folder_is_found_below_it_and_nowhere_else() {
        let shell = Occupant { pid: 7, name: "bash".to_owned() };
        let places = BTreeMap::from([
            (PathBuf::from("/w/a-2/x"), vec![Occupant { pid: 8, name: "vim".to_owned() }]),
            (PathBuf::from("/w/a/src"), vec![shell.clone()]),
            (PathBuf::from("/w/a/src/x.rs"), vec![shell.clone()]),
        ]);
        let occupancy = Occupancy { places };
        assert_eq!(occupancy.of(Path::new("/w/a")), [shell]);
        assert_eq!(occupancy.of(Path::new("/w/a/src/x")), []);
        assert_eq!(occupancy.of(Path::new("/w")).len(), 2);
    }
}

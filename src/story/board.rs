//! All stories of a project: whether they fit together, and which of them can be run now.

use std::collections::{BTreeMap, BTreeSet};

use super::file::{self, Status, Story, StoryFile};
use crate::diagnostic::codes::{DUPLICATE_STORY, STORY_CYCLE, UNKNOWN_STORY};
use crate::diagnostic::nearest::{listed, nearest};
use crate::diagnostic::{Finding, Sources, sort};
use crate::name::{LocalTaskId, StoryId};

/// The stories of a project.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Board {
    /// Those that could be read, by the paths of their files.
    pub stories: Vec<Story>,
    /// What was found, in all of them.
    pub findings: Vec<Finding>,
    /// Texts of the files that findings are about.
    pub sources: Sources,
    /// Files that are no stories.
    pub others: usize,
}

/// Why a story is not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// It is not ready.
    Is(Status),
    /// These come before it, and are neither done nor run with it.
    WaitsFor(Vec<(StoryId, Status)>),
}

impl Board {
    /// Reads the files of a project's stories.
    pub fn read(files: &[StoryFile]) -> Self {
        let mut board = Self::default();
        let mut spoilt = 0_usize;
        for given in files {
            let Some(read) = file::read(given) else {
                board.others += 1;
                continue;
            };
            spoilt += usize::from(read.story.is_none());
            board.stories.extend(read.story);
            board.findings.extend(read.findings);
            board.sources.insert(given.file.clone(), read.text);
        }
        board.same_ids();
        // What cannot be read may be what is not found.
        if spoilt == 0 {
            board.unknown();
        }
        board.cycles();
        sort(&mut board.findings);
        board
    }

    /// The story of this id.
    pub fn find(&self, id: &StoryId) -> Option<&Story> {
        self.stories.iter().find(|story| story.id == *id)
    }

    /// What was probably meant by an id that no story has.
    pub fn meant(&self, id: &str) -> Option<&str> {
        nearest(id, self.stories.iter().map(|story| story.id.as_str()))
    }

    /// The stories in the order in which they are run: by priority, then by path; what another needs before it.
    pub fn in_order(&self) -> Vec<&Story> {
        let mut left: Vec<&Story> = self.stories.iter().collect();
        left.sort_by(|a, b| (b.priority, &a.path).cmp(&(a.priority, &b.path)));
        let mut order: Vec<&Story> = Vec::with_capacity(left.len());
        while !left.is_empty() {
            let waits = |story: &&Story| story.dependencies.iter().any(|id| left.iter().any(|other| other.id == *id));
            // In a cycle nobody is free: the first goes.
            let next = left.iter().position(|story| !waits(story)).unwrap_or(0);
            order.push(left.remove(next));
        }
        order
    }

    /// Those that are ready, with all that they need being done or among them; and why the others are not, but for
    /// those that are done.
    pub fn ready(&self) -> (Vec<&Story>, Vec<(&Story, Why)>) {
        let mut chosen: BTreeSet<&StoryId> =
            self.stories.iter().filter(|story| story.status == Status::Ready).map(|story| &story.id).collect();
        loop {
            let stuck =
                self.stories.iter().find(|story| chosen.contains(&story.id) && !self.open(story, &chosen).is_empty());
            let Some(stuck) = stuck else { break };
            chosen.remove(&stuck.id);
        }
        let left = self.in_order().into_iter().filter(|story| !chosen.contains(&story.id));
        let why = left.filter(|story| story.status != Status::Done).map(|story| {
            let why = if story.status == Status::Ready {
                Why::WaitsFor(self.open(story, &chosen))
            } else {
                Why::Is(story.status)
            };
            (story, why)
        });
        let why = why.collect();
        (self.in_order().into_iter().filter(|story| chosen.contains(&story.id)).collect(), why)
    }

    /// The stories that were named, where all of them can be run, or why some cannot.
    pub fn named(&self, ids: &[StoryId]) -> Result<Vec<&Story>, Vec<(&Story, Why)>> {
        let chosen: BTreeSet<&StoryId> = ids.iter().collect();
        let named: Vec<&Story> = self.in_order().into_iter().filter(|story| chosen.contains(&story.id)).collect();
        let why = |story: &&Story| match story.status {
            Status::Draft | Status::Done => Some(Why::Is(story.status)),
            Status::Ready | Status::InProgress => {
                Some(self.open(story, &chosen)).filter(|open| !open.is_empty()).map(Why::WaitsFor)
            }
        };
        let wrong: Vec<(&Story, Why)> = named.iter().filter_map(|story| Some((*story, why(story)?))).collect();
        if wrong.is_empty() { Ok(named) } else { Err(wrong) }
    }

    /// What a story needs that is neither done nor among the chosen.
    pub fn open(&self, story: &Story, chosen: &BTreeSet<&StoryId>) -> Vec<(StoryId, Status)> {
        let open = story.dependencies.iter().filter(|id| !chosen.contains(id)).filter_map(|id| self.find(id));
        open.filter(|other| other.status != Status::Done).map(|other| (other.id.clone(), other.status)).collect()
    }

    /// Two ids that differ only in what a task's id cannot say would be one.
    fn same_ids(&mut self) {
        let mut first: BTreeMap<LocalTaskId, &Story> = BTreeMap::new();
        let mut found = Vec::new();
        for story in &self.stories {
            let Some(task) = task_id(&story.id) else { continue };
            if let Some(other) = first.get(&task) {
                let (id, file) = (&other.id, &other.file);
                let message = if *id == story.id {
                    format!("`{id}` is the id of {file} too")
                } else {
                    format!("`{}` is too much like `{id}`, the id of {file}", story.id)
                };
                let help = "ids must differ in letters or digits, capitals apart: give one of the two another";
                found.push(Finding::error(DUPLICATE_STORY, &story.file, story.id_at, message).with_help(help));
            } else {
                first.insert(task, story);
            }
        }
        self.findings.extend(found);
    }

    fn unknown(&mut self) {
        let mut found = Vec::new();
        for story in &self.stories {
            for (id, span) in story.dependencies.iter().zip(&story.dependencies_at) {
                if self.find(id).is_none() {
                    let others =
                        || self.stories.iter().filter(|other| other.id != story.id).map(|other| other.id.as_str());
                    let help = match nearest(id.as_str(), others()) {
                        Some(meant) => format!("did you mean `{meant}`?"),
                        None => format!("the other stories are {}", listed(others())),
                    };
                    let message = format!("there is no story `{id}`");
                    found.push(Finding::error(UNKNOWN_STORY, &story.file, *span, message).with_help(help));
                }
            }
        }
        self.findings.extend(found);
    }

    /// Each cycle is told once, at the story of it whose id comes first.
    fn cycles(&mut self) {
        let mut told: BTreeSet<BTreeSet<&StoryId>> = BTreeSet::new();
        let mut found = Vec::new();
        let mut by_id: Vec<&Story> = self.stories.iter().collect();
        by_id.sort_by(|a, b| a.id.cmp(&b.id));
        for story in by_id {
            let Some(path) = self.way_back(story) else { continue };
            if !told.insert(path.iter().map(|story| &story.id).collect()) {
                continue;
            }
            let names: Vec<&str> = path.iter().chain([&story]).map(|story| story.id.as_str()).collect();
            let next = path.get(1).unwrap_or(&story);
            let at = story.dependencies.iter().position(|id| *id == next.id);
            let span = at.and_then(|at| story.dependencies_at.get(at)).copied().unwrap_or_default();
            let message = if path.len() == 1 {
                format!("the story `{}` depends on itself", story.id)
            } else {
                format!("stories depend on one another in a circle: {}", names.join(" → "))
            };
            let help = "take one of these dependencies out";
            found.push(Finding::error(STORY_CYCLE, &story.file, span, message).with_help(help));
        }
        self.findings.extend(found);
    }

    /// The shortest way from a story back to itself.
    fn way_back<'b>(&'b self, from: &'b Story) -> Option<Vec<&'b Story>> {
        let mut came: BTreeMap<&StoryId, &Story> = BTreeMap::new();
        let mut open = std::collections::VecDeque::from([from]);
        while let Some(story) = open.pop_front() {
            for next in story.dependencies.iter().filter_map(|id| self.find(id)) {
                if next.id == from.id {
                    let mut path = vec![story];
                    while let Some(before) = path.last().and_then(|last| came.get(&last.id)) {
                        path.push(before);
                    }
                    path.reverse();
                    return Some(path);
                }
                if next.id != from.id && !came.contains_key(&next.id) {
                    came.insert(&next.id, story);
                    open.push_back(next);
                }
            }
        }
        None
    }
}

/// The id of the task that carries a story out: a letter before what begins with none, `_` for what it cannot have.
pub fn task_id(id: &StoryId) -> Option<LocalTaskId> {
    let plain: String =
        id.as_str().chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
    LocalTaskId::parse(&plain).or_else(|_| LocalTaskId::parse(&format!("s_{plain}"))).ok()
}

/// The next id after those that there are: the largest number of the prefix that most of them have, and one more.
pub fn next_id(ids: &[&StoryId]) -> Option<StoryId> {
    let mut numbered: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for id in ids {
        let prefix = id.as_str().trim_end_matches(|c: char| c.is_ascii_digit());
        let digits = id.as_str().get(prefix.len()..).unwrap_or_default();
        if !digits.is_empty() {
            numbered.entry(prefix).or_default().push(digits);
        }
    }
    let most = numbered.into_iter().max_by_key(|(prefix, all)| (all.len(), std::cmp::Reverse(*prefix)));
    let (prefix, all) = most.unwrap_or(("S-", Vec::new()));
    let last = all.iter().filter_map(|digits| digits.parse::<u64>().ok()).max().unwrap_or(0);
    let width = all.iter().map(|digits| digits.len()).max().unwrap_or(1);
    let taken: BTreeSet<Option<LocalTaskId>> = ids.iter().map(|id| task_id(id)).collect();
    (1..=1_000).find_map(|more| {
        let number = last.checked_add(more)?;
        let id = StoryId::parse(&format!("{prefix}{number:0width$}")).ok()?;
        (!taken.contains(&task_id(&id))).then_some(id)
    })
}

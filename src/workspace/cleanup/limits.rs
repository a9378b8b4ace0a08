//! Which of the kept worktrees are beyond `keep_for`, `max_worktrees` and `max_disk`: the oldest go first.

use crate::amount::{Millis, WallTime};

/// What may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// For how long.
    pub keep_for: Option<Millis>,
    /// How many.
    pub max_worktrees: Option<usize>,
    /// How many bytes in all.
    pub max_disk: Option<u64>,
}

impl Limits {
    /// Whether nothing is limited.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// One that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// When it was used last.
    pub used: WallTime,
    /// What it takes.
    pub bytes: u64,
    /// Whether it may go at all; one that may not counts all the same.
    pub may_go: bool,
}

/// Places of those that have to go, the oldest first. One limit that is passed is enough.
pub fn beyond(kept: &[Kept], limits: &Limits, now: WallTime) -> Vec<usize> {
    let mut oldest: Vec<(usize, &Kept)> = kept.iter().enumerate().collect();
    oldest.sort_by_key(|(at, kept)| (kept.used, *at));
    let (mut count, mut bytes) = (kept.len(), kept.iter().fold(0_u64, |sum, kept| sum.saturating_add(kept.bytes)));
    let mut goes = Vec::new();
    for (at, one) in oldest {
        let too_old = limits.keep_for.is_some_and(|length| now.since(one.used) > length);
        let too_many = limits.max_worktrees.is_some_and(|most| count > most);
        let too_much = limits.max_disk.is_some_and(|most| bytes > most);
        if one.may_go && (too_old || too_many || too_much) {
            goes.push(at);
            count -= 1;
            bytes = bytes.saturating_sub(one.bytes);
        }
    }
    goes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> Vec<Kept> {
        let one = |used, bytes, may_go| Kept { used: WallTime(used), bytes, may_go };
        vec![one(50, 10, true), one(10, 30, true), one(20, 5, false), one(40, 20, true)]
    }

    #[test]
    fn the_oldest_go_until_the_rest_fits() {
        let goes = |limits| beyond(&kept(), &limits, WallTime(60));
        assert_eq!(goes(Limits::default()), Vec::<usize>::new());
        assert_eq!(goes(Limits { max_worktrees: Some(2), ..Limits::default() }), [1, 3]);
        assert_eq!(goes(Limits { max_disk: Some(40), ..Limits::default() }), [1]);
        assert_eq!(goes(Limits { max_disk: Some(0), ..Limits::default() }), [1, 3, 0], "one that may not stays");
        assert_eq!(goes(Limits { keep_for: Some(Millis(20)), ..Limits::default() }), [1]);
        assert_eq!(goes(Limits { keep_for: Some(Millis(19)), ..Limits::default() }), [1, 3]);
    }

    #[test]
    fn limits_that_are_kept_take_nothing() {
        let limits = Limits { keep_for: Some(Millis(50)), max_worktrees: Some(4), max_disk: Some(65) };
        assert_eq!(beyond(&kept(), &limits, WallTime(60)), Vec::<usize>::new());
    }
}

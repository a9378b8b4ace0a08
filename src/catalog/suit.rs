//! The role that suits a task which names capabilities in place of a role.

use std::fmt;

use crate::name::RoleName;

/// The role that covers most of what is wanted, and how well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suited {
    /// Which role.
    pub role: RoleName,
    /// What is wanted and it is able to do.
    pub covered: Vec<String>,
    /// What is wanted and it is not able to do.
    pub lacking: Vec<String>,
    /// What it is able to do beside that.
    pub extra: Vec<String>,
}

/// Picks the role that covers most of what is wanted, among those the one with the least beside it, among those the
/// first. `None` where no role covers anything. Roles come in their order, each with what it is able to do.
pub fn suited<'a, C: AsRef<str> + 'a, W: AsRef<str>>(
    roles: impl IntoIterator<Item = (&'a RoleName, &'a [C])>,
    wanted: &[W],
) -> Option<Suited> {
    let mut best: Option<Suited> = None;
    for (role, able) in roles {
        let can = |want: &W| able.iter().any(|one| one.as_ref() == want.as_ref());
        let is_wanted = |one: &&C| wanted.iter().any(|want| want.as_ref() == one.as_ref());
        let (covered, lacking): (Vec<&W>, Vec<&W>) = wanted.iter().partition(|want| can(want));
        let extra = able.iter().filter(|one| !is_wanted(one)).map(|one| one.as_ref().to_owned()).collect();
        let texts = |list: Vec<&W>| list.into_iter().map(|want| want.as_ref().to_owned()).collect();
        let suited = Suited { role: role.clone(), covered: texts(covered), lacking: texts(lacking), extra };
        let is_better = best.as_ref().is_none_or(|best| {
            suited.covered.len() > best.covered.len()
                || (suited.covered.len() == best.covered.len() && suited.extra.len() < best.extra.len())
        });
        if is_better && !suited.covered.is_empty() {
            best = Some(suited);
        }
    }
    best
}

impl fmt::Display for Suited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` covers {}", self.role, self.covered.join(", "))?;
        if !self.lacking.is_empty() {
            write!(f, ", not {}", self.lacking.join(", "))?;
        }
        match self.extra.len() {
            0 => Ok(()),
            more => write!(f, ", and is able to do {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_covered_then_least_beside_it_then_the_first() {
        let role = |name: &str| RoleName::parse(name).unwrap();
        let names = [role("wide"), role("narrow"), role("twin"), role("other")];
        let able: [&[&str]; 4] =
            [&["writes-code", "database", "browser"], &["writes-code"], &["writes-code"], &["network"]];
        let roles = || names.iter().zip(able);
        let pick = |wanted: &[&str]| suited(roles(), wanted).map(|suited| suited.role.to_string());
        assert_eq!(pick(&["writes-code", "database"]).as_deref(), Some("wide"));
        assert_eq!(pick(&["writes-code"]).as_deref(), Some("narrow"));
        assert_eq!(pick(&["network"]).as_deref(), Some("other"));
        assert_eq!(pick(&["git-operations"]), None);
        assert_eq!(pick(&[]), None);
        let told = suited(roles(), &["database", "git-operations"]).unwrap().to_string();
        assert_eq!(told, "`wide` covers database, not git-operations, and is able to do 2 more");
    }
}

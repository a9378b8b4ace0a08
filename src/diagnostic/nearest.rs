//! Did you mean: the nearest of the known names.

/// The known name nearest to a misspelt one, where one is near enough to have been meant.
pub fn nearest<'k>(given: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let plain = |text: &str| text.to_ascii_lowercase().replace(['-', '_', ' '], "");
    let given_plain = plain(given);
    known
        .into_iter()
        .map(|name| (name, strsim::damerau_levenshtein(&given_plain, &plain(name))))
        .filter(|(name, distance)| *distance <= allowed(given_plain.len().max(name.len())))
        .min_by_key(|(_, distance)| *distance)
        .map(|(name, _)| name)
}

/// How many letters may differ.
fn allowed(length: usize) -> usize {
    match length {
        0..=2 => 0,
        3..=5 => 1,
        6..=9 => 2,
        _ => 3,
    }
}

/// Most names that a list shows.
const MOST: usize = 12;

/// Names as a list for people: `a`, `b` and `c`.
pub fn listed<'k>(names: impl IntoIterator<Item = &'k str>) -> String {
    let mut names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(MOST);
    names.truncate(MOST);
    if more > 0 {
        return format!("{} and {more} more", names.join(", "));
    }
    match names.split_last() {
        None => "none".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_and_only_if_it_is_near() {
        let known = ["needs", "prompt", "idle_timeout", "run"];
        assert_eq!(nearest("need", known), Some("needs"));
        assert_eq!(nearest("promt", known), Some("prompt"));
        assert_eq!(nearest("idle-timeout", known), Some("idle_timeout"));
        assert_eq!(nearest("rum", known), Some("run"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest("", known), None);
    }

    #[test]
    fn lists_for_people() {
        assert_eq!(listed([]), "none");
        assert_eq!(listed(["a"]), "`a`");
        assert_eq!(listed(["a", "b", "c"]), "`a`, `b` and `c`");
    }
}

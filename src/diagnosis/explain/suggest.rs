//! The nearest known names to what was asked for.

/// Most suggestions.
const MOST: usize = 5;

/// The names of `known` nearest to `asked`, nearest first; none if nothing is near.
pub(super) fn nearest<'a>(asked: &str, known: impl Iterator<Item = &'a str>) -> Vec<String> {
    let asked = super::lookup::normal(asked);
    let limit = (asked.chars().count() / 3).max(2);
    let mut near: Vec<(usize, &str)> = known
        .filter_map(|name| {
            let normal = super::lookup::normal(name);
            let part = asked.len() >= 4 && normal.contains(&asked);
            let distance = if part { 1 } else { distance(&asked, &normal) };
            (distance <= limit).then_some((distance, name))
        })
        .collect();
    near.sort_unstable();
    near.dedup_by_key(|(_, name)| *name);
    near.truncate(MOST);
    near.into_iter().map(|(_, name)| name.to_owned()).collect()
}

/// Levenshtein distance: the fewest characters to add, drop or change.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut corner = i;
        let mut left = i + 1;
        for (j, to) in b.iter().enumerate() {
            let above = row.get(j + 1).copied().unwrap_or(usize::MAX - 1);
            let cost = corner + usize::from(from != *to);
            let next = cost.min(above + 1).min(left + 1);
            if let Some(cell) = row.get_mut(j) {
                *cell = left;
            }
            corner = above;
            left = next;
        }
        if let Some(cell) = row.get_mut(b.len()) {
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("abc", "abc"), 0);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("connack", "conack"), 1);
    }

    #[test]
    fn a_typing_error_finds_its_word() {
        let known = ["keepalive-expired", "server-closed", "CONNACK"];
        assert_eq!(nearest("keepalive-expird", known.into_iter()), ["keepalive-expired"]);
        assert_eq!(nearest("conack", known.into_iter()), ["CONNACK"]);
        assert!(nearest("xyzzyxyzzy", known.into_iter()).is_empty());
    }
}

//! Did you mean …?

/// The candidate nearest to `word`, when it is near enough to be a slip of the pen.
pub(crate) fn nearest<'c>(
    word: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    // A third of the word may be wrong, at least one letter: `tmeout` is near `timeout`, `foo` is near nothing.
    let near = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .filter(|candidate| *candidate != word)
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= near)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Edits between two words (insert, delete, replace, swap of neighbours).
fn distance(one: &str, other: &str) -> usize {
    let one: Vec<char> = one.chars().take(64).collect();
    let other: Vec<char> = other.chars().take(64).collect();
    let mut before_last = vec![0; other.len() + 1];
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1; other.len() + 1];
        for (j, b) in other.iter().enumerate() {
            let replaced = last[j] + usize::from(a != b);
            row[j + 1] = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == other[j - 1] && one[i - 1] == *b {
                row[j + 1] = row[j + 1].min(before_last[j - 1] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_near_and_other_words_are_not() {
        let keys = ["timeout", "task", "needs", "retry"];
        assert_eq!(nearest("tmeout", keys), Some("timeout"));
        assert_eq!(nearest("need", keys), Some("needs"));
        assert_eq!(nearest("tsak", keys), Some("task"));
        assert_eq!(nearest("sleep", keys), None);
        assert_eq!(nearest("", keys), None);
        assert_eq!(nearest("hodl", ["hold"]), Some("hold"));
    }
}

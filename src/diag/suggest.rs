//! The nearest known word.

/// Longest word that is compared with others, in characters, and most words that one is compared with.
const MOST_CHARS: usize = 200;
const MOST_CANDIDATES: usize = 10_000;

/// The candidate nearest to `word`, if it is near enough to be what was meant: at most a third of
/// the characters, and less than half of them, differ (optimal string alignment distance, case ignored), or one contains the other.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let length = lower.chars().take(MOST_CHARS + 1).count();
    if length > MOST_CHARS {
        return None;
    }
    candidates
        .into_iter()
        .take(MOST_CANDIDATES)
        .filter(|c| c.len() <= 4 * MOST_CHARS)
        .filter_map(|c| {
            let candidate = c.to_lowercase();
            let chars = candidate.chars().count();
            // The distance is at least the difference of the lengths, which is too far from 5 on; and just that where one contains the
            // other.
            let distance = if length.abs_diff(chars) > 4 { length.abs_diff(chars) } else { distance(&lower, &candidate) };
            let longest = length.max(chars);
            let contains = length >= 3 && (candidate.contains(&lower) || (candidate.len() >= 3 && lower.contains(&candidate)));
            ((distance <= longest.div_ceil(3).min(4) && 2 * distance < longest) || contains).then_some((distance, c))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, c)| c)
}

/// ``did you mean `x`?`` for the nearest candidate.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(word, candidates).map(|c| format!("did you mean `{c}`?"))
}

/// Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let mut rows = vec![vec![0usize; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let change = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + change);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let keys = ["dtype", "shape", "chunks", "filters", "fill", "fill_value"];
        for (typed, meant) in [("chnks", "chunks"), ("Shape", "shape"), ("dtpye", "dtype"), ("filter", "filters"), ("fil", "fill")] {
            assert_eq!(nearest(typed, keys), Some(meant), "{typed}");
        }
        assert_eq!(nearest("compression", keys), None);
        assert_eq!(nearest("", keys), None);
        assert_eq!(nearest("fill_value_of_it", keys), Some("fill_value"));
        assert_eq!(nearest(&"x".repeat(1 << 24), keys), None);
    }
}

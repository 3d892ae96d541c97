//! Whether this node's clock can be trusted, judged by the clocks of all nodes. Pure.

/// How far from the median a clock may be, in milliseconds.
pub(crate) const TOLERANCE_MS: i64 = 2_000;

/// How far this node's clock is from the median of all, in milliseconds; positive: it is ahead. `theirs` are the
/// other clocks minus this one.
///
/// Its own clock counts: of three, the two that agree decide. Where the middle is between two clocks, the one
/// nearer to its own counts: a node with one peer cannot tell which of the two is wrong, and goes on.
pub(crate) fn offset(theirs: &[i64]) -> i64 {
    let mut all = theirs.to_vec();
    all.push(0);
    all.sort_unstable();
    let (low, high) = (all[(all.len() - 1) / 2], all[all.len() / 2]);
    let nearest = if low.unsigned_abs() <= high.unsigned_abs() { low } else { high };
    nearest.saturating_neg()
}

/// Whether a clock that far off may lead.
pub(crate) fn is_off(offset: i64) -> bool {
    offset.unsigned_abs() > TOLERANCE_MS.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    #[test]
    fn the_one_that_is_off_knows_it_and_the_others_know_that_they_are_not() {
        assert_eq!(offset(&[0, HOUR]), 0);
        assert_eq!(offset(&[-HOUR, -HOUR + 5]), HOUR - 5);
        assert_eq!(offset(&[HOUR, HOUR]), -HOUR);
        assert_eq!(offset(&[10, -10, HOUR, HOUR]), -10);
        assert!(is_off(HOUR) && is_off(-2_001) && !is_off(2_000));
    }

    #[test]
    fn two_cannot_tell_and_one_has_nobody_to_ask() {
        assert_eq!(offset(&[HOUR]), 0);
        assert_eq!(offset(&[]), 0);
        assert_eq!(offset(&[0, 0, 0, HOUR]), 0);
    }
}

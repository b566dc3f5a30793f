//! Pairs of windows grouped by reference window, and the predictions of groups by pair.

use std::collections::HashMap;

/// Each member's prediction of a pair: count 1, count 2, ratio and the ratio with the alleles swapped.
pub type Values = Vec<[f32; 4]>;

/// A reference window and the distinct windows compared with it.
pub struct Group<'a> {
    pub reference: &'a [u8],
    pub alternatives: Vec<&'a [u8]>,
    /// Whether the reference is compared with itself, too.
    pub itself: bool,
}

impl Group<'_> {
    /// Pairs of the group: its alternatives, then the reference with itself if that is needed.
    pub fn pairs(&self) -> usize {
        self.alternatives.len() + usize::from(self.itself)
    }
}

/// Group and pair of the group.
pub type PairIndex = (usize, usize);

/// Pairs by their reference, and the index of each pair.
pub fn group<'a>(alternatives: &'a [u8], references: &'a [u8], window: usize) -> (Vec<Group<'a>>, Vec<PairIndex>) {
    let mut groups: Vec<Group> = Vec::new();
    // `None` is the reference itself.
    let mut indices: Vec<(usize, Option<usize>)> = Vec::new();
    let (mut by_reference, mut by_both) = (HashMap::new(), HashMap::new());
    for (alternative, reference) in alternatives.chunks(window).zip(references.chunks(window)) {
        let number = *by_reference.entry(reference).or_insert_with(|| {
            groups.push(Group { reference, alternatives: Vec::new(), itself: false });
            groups.len() - 1
        });
        let group = &mut groups[number];
        if alternative == reference {
            group.itself = true;
            indices.push((number, None));
            continue;
        }
        let pair = *by_both.entry((number, alternative)).or_insert_with(|| {
            group.alternatives.push(alternative);
            group.alternatives.len() - 1
        });
        indices.push((number, Some(pair)));
    }
    let resolve = |(number, pair): (usize, Option<usize>)| (number, pair.unwrap_or(groups[number].alternatives.len()));
    let indices = indices.into_iter().map(resolve).collect();
    (groups, indices)
}

/// `members[m]` has the predictions of member m for the pairs of one group after the other: the same by group and
/// pair.
pub fn by_group<'a>(groups: impl Iterator<Item = &'a Group<'a>>, members: &[Vec<[f32; 4]>]) -> Vec<Vec<Values>> {
    let mut pairs = 0..;
    let of_pair = |pair: usize| members.iter().map(|values| values[pair]).collect();
    groups.map(|group| pairs.by_ref().take(group.pairs()).map(of_pair).collect()).collect()
}

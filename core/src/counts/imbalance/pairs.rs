//! Values by pair of counts, of haplotype 1 and haplotype 2.

use std::collections::{BTreeMap, HashMap};

/// For each pair of counts, the number of regions (or variants) that have it.
pub type Histogram = BTreeMap<(u64, u64), u64>;

/// A value for each pair of counts, faster than a map: nearly all pairs are small.
#[derive(Clone)]
pub(super) struct PairMap<T> {
    small: Vec<Option<T>>,
    large: HashMap<(u64, u64), T>,
}

/// Counts below this are looked up in a table.
const SMALL: u64 = 64;

impl<T: Clone> PairMap<T> {
    /// No values yet.
    pub fn new() -> Self {
        Self { small: vec![None; (SMALL * SMALL) as usize], large: HashMap::new() }
    }

    /// The value of a pair; made by `make` the first time.
    pub fn get(&mut self, (hap1, hap2): (u64, u64), make: impl FnOnce() -> T) -> &mut T {
        match hap1 < SMALL && hap2 < SMALL {
            true => self.small[(hap1 * SMALL + hap2) as usize].get_or_insert_with(make),
            false => self.large.entry((hap1, hap2)).or_insert_with(make),
        }
    }

    /// All pairs with a value.
    pub fn into_pairs(self) -> impl Iterator<Item = ((u64, u64), T)> {
        let small = self.small.into_iter().enumerate();
        let small = small.filter_map(|(i, value)| Some(((i as u64 / SMALL, i as u64 % SMALL), value?)));
        small.chain(self.large)
    }
}

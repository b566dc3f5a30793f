//! Contig names and lengths in file order, found with and without `chr`.

use std::collections::HashMap;

/// The contigs of a file: names and lengths in bases, in the order of the file. A length of 0 means unknown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contigs {
    list: Vec<(String, u64)>,
    exact: HashMap<String, usize>,
    /// By name without `chr`; `None` where two contigs would share it, which is ambiguous.
    bare: HashMap<String, Option<usize>>,
}

/// Whether so many of `all` records or regions do not fit the genome that it is the wrong one: more than 1 %, and either at
/// least ten or most.
pub fn too_many(wrong: u64, all: u64) -> bool {
    wrong > all / 100 && (wrong >= 10 || wrong > all / 2)
}

/// The name without `chr`; the mitochondrion is always `M`.
fn bare(name: &str) -> &str {
    let name = match name.get(..3) {
        Some(prefix) if prefix.eq_ignore_ascii_case("chr") && name.len() > 3 => &name[3..],
        _ => name,
    };
    if name == "MT" {
        "M"
    } else {
        name
    }
}

impl Contigs {
    /// Contigs of unknown length.
    pub fn from_names(names: impl IntoIterator<Item = String>) -> Self {
        Self::new(names.into_iter().map(|name| (name, 0)).collect())
    }

    /// Contigs (name, length) in the given order. Of a repeated name the first counts.
    pub fn new(list: Vec<(String, u64)>) -> Self {
        let mut exact = HashMap::with_capacity(list.len());
        let mut short = HashMap::with_capacity(list.len());
        for (i, (name, _)) in list.iter().enumerate() {
            exact.entry(name.clone()).or_insert(i);
            short.entry(bare(name).to_string()).and_modify(|known| *known = None).or_insert(Some(i));
        }
        Self { list, exact, bare: short }
    }

    /// Index of a contig: by its exact name, else by the name with or without `chr` (`chrM`, `M` and `MT` are the same).
    pub fn find(&self, name: &str) -> Option<usize> {
        self.exact.get(name).copied().or_else(|| self.bare.get(bare(name)).copied().flatten())
    }

    /// Whether there is a contig of exactly this name.
    pub fn has(&self, name: &str) -> bool {
        self.exact.contains_key(name)
    }

    /// Name of contig `i`.
    ///
    /// # Panics
    /// If `i` is not below [`Contigs::len`].
    pub fn name(&self, i: usize) -> &str {
        &self.list[i].0
    }

    /// Length of contig `i` in bases, 0 if unknown.
    ///
    /// # Panics
    /// If `i` is not below [`Contigs::len`].
    pub fn length(&self, i: usize) -> u64 {
        self.list[i].1
    }

    /// `start..end` (0-based half-open) of contig `i` as `chr1:11-20` (1-based, inclusive).
    pub fn span_name(&self, i: usize, start: u64, end: u64) -> String {
        format!("{}:{}-{end}", self.name(i), start.saturating_add(1))
    }

    /// Number of contigs.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// True if there are no contigs.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Names and lengths in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.list.iter().map(|(name, length)| (name.as_str(), *length))
    }

    /// The first names, for messages: `chr1, chr2, chr3 and 22 more`.
    pub fn summary(&self) -> String {
        let shown: Vec<&str> = self.list.iter().take(3).map(|(name, _)| name.as_str()).collect();
        match self.list.len() {
            0 => "none".into(),
            n if n <= 3 => shown.join(", "),
            n => format!("{} and {} more", shown.join(", "), n - 3),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contigs(names: &[&str]) -> Contigs {
        Contigs::new(names.iter().map(|n| (n.to_string(), 10)).collect())
    }

    #[test]
    fn names_match_with_and_without_chr() {
        let c = contigs(&["chr1", "2", "chrM", "GL0001"]);
        for (name, expected) in
            [("1", Some(0)), ("chr1", Some(0)), ("chr2", Some(1)), ("MT", Some(2)), ("M", Some(2)), ("3", None)]
        {
            assert_eq!(c.find(name), expected, "{name}");
        }
        assert_eq!(contigs(&["MT"]).find("chrM"), Some(0));
        assert_eq!(c.find("chr"), None);
    }

    #[test]
    fn exact_names_win_and_ambiguous_ones_do_not_match() {
        let c = contigs(&["1", "chr1"]);
        assert_eq!(c.find("chr1"), Some(1));
        assert_eq!(c.find("1"), Some(0));
        assert_eq!(c.find("Chr1"), None);
    }

    #[test]
    fn odd_letters_do_no_harm() {
        assert_eq!(contigs(&["é"]).find("éé"), None);
        assert_eq!(contigs(&["a", "b", "c", "d"]).summary(), "a, b, c and 1 more");
    }
}

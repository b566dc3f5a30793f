//! Lines of a file of regions that do not fit the contigs: cut at the end of one, or left out, and counted. One such line
//! does not end a run; many are a sign of another assembly.

use std::path::Path;

use crate::error::{Error, Result};
use crate::io::contigs::too_many;
use crate::io::Contigs;

/// Numbers of lines that were cut or left out, by reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Lines with a region on a known contig.
    lines: u64,
    /// Reach beyond the end of their contig: cut there.
    pub cut: u64,
    /// Lie wholly beyond the end of their contig, or have their summit there: left out.
    pub past_end: u64,
    /// Have no base (start and end are equal): left out.
    pub empty: u64,
    /// On contigs that the other inputs do not have: left out.
    pub other_contigs: u64,
    /// The first of each kind, in a sentence with its line.
    first_past: Option<String>,
    first_other: Option<String>,
}

/// The part of `start..end` (0-based half-open) on a contig of `length` bases (0: unknown); `None` if there is nothing.
pub(super) fn clipped((start, end): (u64, u64), length: u64) -> Option<(u64, u64)> {
    let end = if length == 0 { end } else { end.min(length) };
    (start < end).then_some((start, end))
}

impl LeftOut {
    /// Count a line on the contig `name`, which the other inputs do not have.
    pub(super) fn on_other_contig(&mut self, line: u64, name: &str, contigs: &Contigs) {
        self.other_contigs += 1;
        let sentence = || format!("line {line}: contig \"{name}\" is unknown (known are {})", contigs.summary());
        self.first_other.get_or_insert_with(sentence);
    }

    /// The part of `start..end` (0-based half-open) that is on contig `contig`; `None` if there is nothing, or `anchor`, a
    /// base that the region needs, is not on it.
    pub(super) fn place(
        &mut self,
        line: u64,
        (start, end): (u64, u64),
        anchor: Option<u64>,
        contigs: &Contigs,
        contig: usize,
    ) -> Option<(u64, u64)> {
        self.lines += 1;
        if start == end {
            self.empty += 1;
            return None;
        }
        let length = contigs.length(contig);
        let on_contig = |position: u64| length == 0 || position < length;
        if (length == 0 || end <= length) && anchor.is_none_or(on_contig) {
            return Some((start, end));
        }
        let name = contigs.name(contig);
        let (what, at) = if end > length { ("end", end) } else { ("anchor", anchor.unwrap_or(end)) };
        let sentence = || format!("line {line}: {what} {at} is past the end of {name} ({length} bases)");
        self.first_past.get_or_insert_with(sentence);
        let cut = clipped((start, end), length).filter(|_| anchor.is_none_or(on_contig));
        match cut {
            Some(_) => self.cut += 1,
            None => self.past_end += 1,
        }
        cut
    }

    /// Whether the file can be used: `kept` is its number of regions.
    ///
    /// # Errors
    /// Nothing is left, or [`too_many`] lines reach beyond the ends of contigs. The first such line is named.
    pub(super) fn check(&self, path: &Path, kept: usize) -> Result<()> {
        let past = self.cut + self.past_end;
        if let Some(first) = self.first_past.as_ref().filter(|_| kept == 0 || too_many(past, self.lines)) {
            let all = if self.lines > 1 { format!(", {past} of {} lines in all", self.lines) } else { String::new() };
            return Err(Error::input(path, format!("{first}{all}; wrong assembly?")));
        }
        match &self.first_other {
            Some(first) if kept == 0 => Err(Error::input(path, first)),
            _ if kept == 0 && self.empty > 0 => {
                Err(Error::input(path, "holds empty regions only: start and end of each are the same"))
            }
            _ => Ok(()),
        }
    }

    /// What was left out, a sentence a line.
    pub(super) fn lines(&self) -> Vec<String> {
        let sentences = [
            (self.other_contigs, "lines of the regions are on contigs that the other inputs do not have: not used"),
            (self.cut, "regions reach beyond the end of their contig: cut there"),
            (self.past_end, "regions lie beyond the end of their contig: not used"),
            (self.empty, "regions are empty (start and end are the same): not used"),
        ];
        let some = sentences.into_iter().filter(|(count, _)| *count > 0);
        some.map(|(count, what)| format!("{count} {what}")).collect()
    }
}

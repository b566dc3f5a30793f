//! Which differences of pairs a record of a VCF makes.

use std::collections::HashMap;
use std::ops::Range;

use crate::explanation::hits::pair::SitePair;
use crate::genome::Edit;

/// Columns that differ and have no equal one between them.
#[derive(Clone, Debug, PartialEq)]
struct Run {
    pair: u32,
    /// First column in the pair.
    column: usize,
    /// Reference positions (0-based half-open); equal for inserted bases alone.
    start: u64,
    end: u64,
    columns: Vec<RunColumn>,
    /// What the caller has put here.
    sites: Vec<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct RunColumn {
    at: u64,
    in_reference: bool,
    letters: [Option<u8>; 2],
    attributions: [Option<f64>; 2],
}

/// The differences of many pairs on their contigs.
#[derive(Clone, Debug, Default)]
pub struct Differences {
    contigs: HashMap<String, OfContig>,
    /// Contig of each run, and its number there.
    places: HashMap<(u32, usize), (String, usize)>,
}

#[derive(Clone, Debug, Default)]
struct OfContig {
    runs: Vec<Run>,
    longest: u64,
}

/// What an allele of a record is in pairs.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordMatch {
    /// The allele of the pair (0 or 1) that has ALT.
    pub alternative: usize,
    /// What the caller has put to its differences, in order, without repetitions.
    pub sites: Vec<usize>,
    /// The differences that it makes: numbers of pairs, each with the first column.
    pub differences: Vec<(u32, usize)>,
    /// What its bases contribute to the activity of the allele that has ALT, less what those of the other contribute.
    pub attribution: Option<f64>,
}

/// Runs of differing columns of a pair: the columns from the first to past the last.
pub fn runs(differing: &[usize]) -> Vec<Range<usize>> {
    differing.chunk_by(|a, b| a + 1 == *b).map(|run| run[0]..run[run.len() - 1] + 1).collect()
}

/// A difference as `position:bases1:bases2`, 1-based. Where an allele has no base, both have the base before (or, at the
/// start of the pair, after) as well, as in a VCF.
pub fn named(pair: &SitePair, run: &Range<usize>) -> String {
    let bases = |allele: usize, columns: Range<usize>| -> String {
        let letter = |column| pair.code(allele, column).map(|code| char::from(b"ACGTN"[usize::from(code)]));
        columns.filter_map(letter).collect()
    };
    let lacking = (0..2).any(|allele| bases(allele, run.clone()).is_empty());
    let columns = match lacking {
        false => run.clone(),
        true if run.start > 0 => run.start - 1..run.end,
        true => run.start..(run.end + 1).min(pair.len()),
    };
    let position = pair.span(&columns).0 + 1;
    format!("{position}:{}:{}", bases(0, columns.clone()), bases(1, columns))
}

impl Differences {
    /// Add those of a pair.
    pub fn add(&mut self, contig: &str, number: u32, pair: &SitePair) {
        if pair.differing().is_empty() {
            return;
        }
        let of_contig = self.contigs.entry(contig.to_owned()).or_default();
        for columns in runs(pair.differing()) {
            let (start, end) = pair.span(&columns);
            let of_column = |column: usize| {
                let (at, in_reference) = pair.place(column);
                let letter = |allele| pair.code(allele, column).map(|code| b"ACGTN"[usize::from(code)]);
                let attribution = |allele| match pair.offset(allele, column) {
                    Some(offset) => pair.attribution(allele, offset..offset + 1),
                    None => Some(0.0),
                };
                RunColumn {
                    at,
                    in_reference,
                    letters: [letter(0), letter(1)],
                    attributions: [attribution(0), attribution(1)],
                }
            };
            of_contig.longest = of_contig.longest.max(end - start);
            let column = columns.start;
            let columns = columns.map(of_column).collect();
            of_contig.runs.push(Run { pair: number, column, start, end, columns, sites: Vec::new() });
        }
    }

    /// Prepare for look-ups, when all pairs have been added.
    pub fn prepare(&mut self) {
        for (name, contig) in &mut self.contigs {
            contig.runs.sort_by_key(|run| (run.start, run.pair, run.column));
            for (number, run) in contig.runs.iter().enumerate() {
                self.places.insert((run.pair, run.column), (name.clone(), number));
            }
        }
    }

    /// Put `site` to the difference of pair `pair` that begins in `column`.
    pub fn put(&mut self, pair: u32, column: usize, site: usize) {
        let Some((contig, number)) = self.places.get(&(pair, column)) else { return };
        if let Some(run) = self.contigs.get_mut(contig).and_then(|contig| contig.runs.get_mut(*number)) {
            run.sites.push(site);
        }
    }

    /// What an allele of a record at `start` (0-based) is in the pairs; `None` unless exactly one allele of a pair has it.
    pub fn find(&self, contig: &str, start: u64, reference: &[u8], alternative: &[u8]) -> Option<RecordMatch> {
        let contig = self.contigs.get(contig)?;
        let edit = Edit::new(start, reference, alternative)?;
        let replaced = reference.get((edit.start - start) as usize..(edit.end - start) as usize)?;
        let from = contig.runs.partition_point(|run| run.start < edit.start.saturating_sub(contig.longest));
        let near = contig.runs[from..].iter().take_while(|run| run.start <= edit.end);
        let mut near: Vec<&Run> = near.filter(|run| run.end >= edit.start).collect();
        near.sort_by_key(|run| run.pair);
        let mut found: Option<RecordMatch> = None;
        for runs in near.chunk_by(|a, b| a.pair == b.pair) {
            let Some((allele, attribution, own)) = which_allele(runs, &edit, replaced) else { continue };
            let found = found.get_or_insert(RecordMatch {
                alternative: allele,
                sites: Vec::new(),
                differences: Vec::new(),
                attribution,
            });
            if found.alternative == allele {
                found.sites.extend(own.iter().flat_map(|run| &run.sites));
                found.differences.extend(own.iter().map(|run| (run.pair, run.column)));
            }
        }
        if let Some(found) = &mut found {
            found.sites.sort_unstable();
            found.sites.dedup();
        }
        found
    }
}

/// Which allele has `edit` where the other one has not, what this adds to its activity, and the differences that it makes.
fn which_allele<'a>(runs: &[&'a Run], edit: &Edit, replaced: &[u8]) -> Option<(usize, Option<f64>, Vec<&'a Run>)> {
    // Bases that are lacking before or after those of the record are another, longer deletion.
    let beyond = |column: &RunColumn| {
        let lacking = column.letters.iter().flatten().count() == 1;
        column.in_reference && lacking && (column.at + 1 == edit.start || column.at == edit.end)
    };
    if edit.bases.len() != replaced.len() && runs.iter().flat_map(|run| &run.columns).any(beyond) {
        return None;
    }
    // Bases inserted at either end of the replaced ones may be those of the record, or of another.
    [[false, false], [true, false], [false, true], [true, true]].into_iter().find_map(|with| {
        let here = |column: &RunColumn| match column.in_reference {
            true => column.at >= edit.start && column.at < edit.end,
            false if column.at == edit.start => with[0],
            false if column.at == edit.end => with[1],
            false => column.at > edit.start && column.at < edit.end,
        };
        let columns: Vec<&RunColumn> = runs.iter().flat_map(|run| &run.columns).filter(|c| here(c)).collect();
        if columns.is_empty() {
            return None;
        }
        let has = [0, 1].map(|allele| bases(&columns, allele, edit.start, replaced) == edit.bases);
        let allele = match has {
            [true, false] => 0,
            [false, true] => 1,
            _ => return None,
        };
        let sum = |allele: usize| columns.iter().map(|column| column.attributions[allele]).sum::<Option<f64>>();
        let own = runs.iter().copied().filter(|run| run.columns.iter().any(here)).collect();
        Some((allele, sum(allele).zip(sum(1 - allele)).map(|(own, other)| own - other), own))
    })
}

/// The bases of an allele in place of `replaced` at `start`: those of `columns`, elsewhere the reference.
fn bases(columns: &[&RunColumn], allele: usize, start: u64, replaced: &[u8]) -> Vec<u8> {
    let mut bases = Vec::with_capacity(replaced.len());
    for position in start..=start + replaced.len() as u64 {
        let here = || columns.iter().filter(|column| column.at == position);
        bases.extend(here().filter(|column| !column.in_reference).filter_map(|column| column.letters[allele]));
        let Some(reference) = replaced.get((position - start) as usize) else { continue };
        match here().find(|column| column.in_reference) {
            Some(column) => bases.extend(column.letters[allele]),
            None => bases.push(*reference),
        }
    }
    bases
}

#[cfg(test)]
#[path = "records_tests.rs"]
mod tests;

//! Fragments files as 10x tools write them, one line per fragment and one file per class.

use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};

use crate::counts::single_cell::matrix::{excluded, index, CLASSES, NO_TAG, UNLISTED};
use crate::counts::single_cell::position_sort::{Late, Location, Sorter};
use crate::counts::single_cell::Groups;
use crate::counts::{Fragment, FragmentSink};
use crate::error::{Error, Result};
use crate::io::output_file::{CompleteFiles, OutFile, TabixFormat};
use crate::io::plain_text::{plain, plain_bytes};
use crate::io::text_input::open_text;
use crate::io::Contigs;

/// Most records that are kept for sorting, per file.
const WINDOW: usize = 1 << 17;

/// Fragments written and excluded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FragmentsSummary {
    /// Fragments in each file, in the order of [`CLASSES`], including duplicates.
    pub fragments: [u64; 4],
    /// Lines of each file.
    pub lines: [u64; 4],
    /// With one mate only, or mates on two contigs: their ends are not known.
    pub half: u64,
    /// Without a usable barcode.
    pub untagged: u64,
    /// With a barcode that is not listed.
    pub unlisted: u64,
    /// Too short for the shift.
    pub short: u64,
}

impl FragmentsSummary {
    /// Messages for the user, one per line.
    pub fn lines(&self) -> Vec<String> {
        let file = |i: usize| format!("{} {} on {} lines", CLASSES[i], self.fragments[i], self.lines[i]);
        let all: Vec<String> = (0..CLASSES.len()).map(file).collect();
        let mut lines = vec![format!("fragment files: {}", all.join(", "))];
        let why = [
            (self.half, "with only one mate on the contig"),
            (self.untagged, NO_TAG),
            (self.unlisted, UNLISTED),
            (self.short, "too short for --tn5-shift"),
        ];
        excluded("fragment files", &why, &mut lines);
        lines
    }
}

/// Four files `PREFIX.CLASS.fragments.tsv.gz`, sorted by contig, start and end, each with a tabix index: contig,
/// start, end (0-based half-open), group, and the number of fragments that agree in all four. Lines with the same location
/// are in the order of the group's name.
pub struct FragmentsFiles {
    groups: Groups,
    contigs: Vec<String>,
    shift: bool,
    files: Vec<(Sorter, Lines)>,
    summary: FragmentsSummary,
}

/// Writes sorted records; those with the same location and group are one line.
struct Lines {
    out: OutFile,
    location: Option<Location>,
    ties: Vec<(Vec<u8>, u64)>,
    text: Vec<u8>,
    written: u64,
}

impl Lines {
    fn create(path: &Path) -> Result<Self> {
        Ok(Self { out: OutFile::create(path)?, location: None, ties: Vec::new(), text: Vec::new(), written: 0 })
    }

    fn header(&mut self, line: &str) -> Result<()> {
        writeln!(self.out, "{line}").map_err(|e| Error::io(self.out.path(), e))
    }

    fn add(&mut self, location: Location, name: Vec<u8>, count: u64, contigs: &[String]) -> Result<()> {
        if self.location != Some(location) {
            self.close(contigs)?;
            self.location = Some(location);
        }
        self.ties.push((name, count));
        Ok(())
    }

    /// Write the lines of the current location.
    fn close(&mut self, contigs: &[String]) -> Result<()> {
        let Some(location) = self.location.take() else { return Ok(()) };
        self.ties.sort();
        self.text.clear();
        for same in self.ties.chunk_by(|a, b| a.0 == b.0) {
            let count: u64 = same.iter().map(|t| t.1).sum();
            let start = format!("{}\t{}\t{}\t", contigs[location.contig as usize], location.start, location.end);
            self.text.extend_from_slice(start.as_bytes());
            self.text.extend_from_slice(&plain_bytes(&same[0].0));
            self.text.extend_from_slice(format!("\t{count}\n").as_bytes());
            self.written += 1;
        }
        self.ties.clear();
        self.out.write_all(&self.text).map_err(|e| Error::io(self.out.path(), e))
    }
}

impl FragmentsFiles {
    /// Create the files. `contigs` are those of the alignments; `header` are the first lines, which begin with `#`. With
    /// `shift`, ends are those of the insertion as `cellranger-atac` reports them: starts are shifted by 4 bases to the
    /// right and ends by 5 to the left; of a single read only the end at which it starts.
    ///
    /// # Errors
    /// A file that cannot be created or written.
    pub fn create(prefix: &Path, groups: Groups, contigs: &Contigs, shift: bool, header: &[String]) -> Result<Self> {
        Self::with_window(prefix, groups, contigs, shift, header, WINDOW)
    }

    fn with_window(
        prefix: &Path,
        groups: Groups,
        contigs: &Contigs,
        shift: bool,
        header: &[String],
        window: usize,
    ) -> Result<Self> {
        let mut files = Vec::new();
        for path in Self::paths(prefix) {
            let mut lines = Lines::create(&path)?;
            header.iter().try_for_each(|line| lines.header(line))?;
            files.push((Sorter::new(&path, window), lines));
        }
        let contigs = contigs.iter().map(|(name, _)| plain(name).into_owned()).collect();
        Ok(Self { groups, contigs, shift, files, summary: FragmentsSummary::default() })
    }

    /// The names of the four files.
    pub fn paths(prefix: &Path) -> Vec<PathBuf> {
        let path = |class: &&str| {
            let mut name = prefix.as_os_str().to_owned();
            name.push(format!(".{class}.fragments.tsv.gz"));
            PathBuf::from(name)
        };
        CLASSES.iter().map(path).collect()
    }

    /// Start and end of the line; None if the shift leaves no base.
    fn ends(&self, f: &Fragment) -> Option<(u64, u64)> {
        let (left, right) = match (self.shift, f.single, f.strand) {
            (false, ..) => (0, 0),
            (true, false, _) => (4, 5),
            (true, true, b'-') => (0, 5),
            (true, true, _) => (4, 0),
        };
        let (start, end) = (f.start.saturating_add(left), f.end.saturating_sub(right));
        (start < end).then_some((start, end))
    }

    /// Write the rest, merge in the late fragments, and index the files, which have temporary names until the returned set
    /// is renamed.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn close(mut self) -> Result<(FragmentsSummary, CompleteFiles)> {
        let (groups, contigs) = (&self.groups, &self.contigs[..]);
        let mut done = CompleteFiles::default();
        for (class, (sorter, mut lines)) in self.files.into_iter().enumerate() {
            let late = sorter.finish(&mut |r| lines.add(r.location, groups.name(r.group), r.count.into(), contigs))?;
            lines.close(contigs)?;
            if late.peek().is_some() {
                lines = merge(lines, late, groups, contigs)?;
            }
            self.summary.lines[class] = lines.written;
            done.add(lines.out.complete_indexed(TabixFormat::Bed)?);
        }
        Ok((self.summary, done))
    }
}

impl FragmentSink for FragmentsFiles {
    fn add(&mut self, fragment: &Fragment) -> Result<()> {
        if !fragment.paired && !fragment.single || fragment.contig >= self.contigs.len() {
            self.summary.half += 1;
            return Ok(());
        }
        let (untagged, unlisted) = (&mut self.summary.untagged, &mut self.summary.unlisted);
        let Some(group) = self.groups.number_of(fragment, untagged, unlisted)? else { return Ok(()) };
        let Some((start, end)) = self.ends(fragment) else {
            self.summary.short += 1;
            return Ok(());
        };
        let class = index(fragment.class);
        self.summary.fragments[class] += 1;
        let location = Location { contig: fragment.contig as u32, start, end };
        let (groups, contigs) = (&self.groups, &self.contigs[..]);
        let (sorter, lines) = &mut self.files[class];
        sorter.add(location, group, &mut |r| lines.add(r.location, groups.name(r.group), r.count.into(), contigs))
    }
}

/// Merge the late records with the lines written before, into a second file that replaces the first.
fn merge(first: Lines, mut late: Late, groups: &Groups, contigs: &[String]) -> Result<Lines> {
    let path = first.out.path().to_path_buf();
    let written = first.out.take_back()?;
    let mut reader = open_text(&written)?;
    let mut lines = Lines::create(&path)?;
    let by_name: HashMap<&str, u32> = contigs.iter().enumerate().map(|(i, name)| (name.as_str(), i as u32)).collect();
    let mut text = String::new();
    loop {
        text.clear();
        let read = reader.read_line(&mut text).map_err(|e| Error::io(&path, e))?;
        let line = text.trim_end_matches('\n');
        if line.starts_with('#') {
            lines.header(line)?;
            continue;
        }
        let next = match read {
            0 => None,
            _ => Some(parse(line, &by_name).ok_or_else(|| Error::input(&path, "could not be read back"))?),
        };
        while late.peek().is_some_and(|location| next.as_ref().is_none_or(|n| location <= n.0)) {
            let Some(r) = late.next()? else { break };
            lines.add(r.location, groups.name(r.group), r.count.into(), contigs)?;
        }
        match next {
            Some((location, name, count)) => lines.add(location, name.into(), count, contigs)?,
            None => break,
        }
    }
    lines.close(contigs)?;
    Ok(lines)
}

/// Location, group and count of a line that [`Lines`] wrote.
fn parse<'a>(line: &'a str, contigs: &HashMap<&str, u32>) -> Option<(Location, &'a str, u64)> {
    let mut columns = line.split('\t');
    let contig = *contigs.get(columns.next()?)?;
    let (start, end) = (columns.next()?.parse().ok()?, columns.next()?.parse().ok()?);
    Some((Location { contig, start, end }, columns.next()?, columns.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assignment::Class;
    use crate::counts::sinks::test_fragment;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::io::read_to_string;

    const ALL: [Class; 4] = [Class::Hap1, Class::Hap2, Class::Uninformative, Class::Conflicting];

    fn fragment(class: Class, contig: usize, start: u64, end: u64, group: &str) -> Fragment<'_> {
        Fragment { contig, start, end, strand: b'-', group: Some(group.as_bytes()), ..test_fragment(class, &[]) }
    }

    fn contigs() -> Contigs {
        Contigs::new(vec![("b".into(), 1000), ("a".into(), 1000)])
    }

    fn read(path: &Path) -> String {
        read_to_string(open_text(path).unwrap()).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn lines_are_sorted_counted_and_complete_in_any_order(
            list in prop::collection::vec((0usize..4, 0usize..2, 0u64..40, 1u64..5, 0usize..3), 0..200),
            window in 1usize..40,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let prefix = folder.path().join("p.q");
            let groups = Groups::tagged(&["s".into()], None).unwrap();
            let header = vec!["# one".to_string(), "# two".into()];
            let mut files = FragmentsFiles::with_window(&prefix, groups, &contigs(), false, &header, window).unwrap();
            let mut truth: [BTreeMap<_, u64>; 4] = Default::default();
            for (class, contig, start, length, group) in list {
                let name = ["T", "C", "A A"][group];
                files.add(&fragment(ALL[class], contig, start, start + length, name)).unwrap();
                *truth[class].entry((contig, start, start + length, name)).or_default() += 1;
            }
            let (summary, closed) = files.close().unwrap();
        closed.rename().unwrap();
            for (class, path) in FragmentsFiles::paths(&prefix).iter().enumerate() {
                let mut expected = String::from("# one\n# two\n");
                for ((contig, start, end, name), n) in &truth[class] {
                    expected += &format!("{}\t{start}\t{end}\t{name}\t{n}\n", ["b", "a"][*contig]);
                }
                prop_assert_eq!(read(path), expected);
                prop_assert_eq!(summary.lines[class], truth[class].len() as u64);
                prop_assert_eq!(summary.fragments[class], truth[class].values().sum::<u64>());
            }
            prop_assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 8);
        }
    }

    #[test]
    fn the_shift_moves_the_ends_that_the_transposase_cut() {
        let folder = tempfile::tempdir().unwrap();
        let prefix = folder.path().join("p");
        let mut files = FragmentsFiles::create(&prefix, Groups::samples(&["s".into()]), &contigs(), true, &[]).unwrap();
        let pair = fragment(Class::Hap2, 0, 100, 200, "");
        let read = |strand| Fragment { paired: false, single: true, strand, ..pair };
        for f in
            [pair, read(b'+'), read(b'-'), fragment(Class::Hap2, 0, 300, 309, ""), Fragment { paired: false, ..pair }]
        {
            files.add(&f).unwrap();
        }
        let (summary, closed) = files.close().unwrap();
        closed.rename().unwrap();
        assert_eq!((summary.short, summary.half, summary.fragments), (1, 1, [0, 3, 0, 0]));
        let text = self::read(&FragmentsFiles::paths(&prefix)[1]);
        assert_eq!(text, "b\t100\t195\ts\t1\nb\t104\t195\ts\t1\nb\t104\t200\ts\t1\n");
    }

    #[test]
    fn files_that_were_not_finished_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let groups = || Groups::samples(&["s".into()]);
        drop(FragmentsFiles::create(&folder.path().join("p"), groups(), &contigs(), true, &[]).unwrap());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(FragmentsFiles::create(Path::new("/nowhere/p"), groups(), &contigs(), true, &[]).is_err());
    }
}

//! A folder of contributions read back pair after pair, in constant memory.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use ndarray::Array2;

use crate::error::{Error, Result};
use crate::explanation::attributions::base_map::{BaseMap, MappedPiece};
use crate::explanation::attributions::settings::{AttributionSettings, FORMAT, SETTINGS};
use crate::io::npz::NpzReader;
use crate::io::text_input::{open_text, read_small};
use crate::model::encode::{ANY, NOTHING};

/// The longest file of settings, in bytes.
const LONGEST_SETTINGS: u64 = 1 << 20;
/// The longest window, in bases; what a file declares is not allocated beyond it.
const LONGEST_WINDOW: usize = 1 << 26;

/// What the table of a folder says of a pair.
#[derive(Clone, Debug, PartialEq)]
pub struct PairLabel {
    /// Name of the region or of the designed pair.
    pub name: String,
    /// Contig, start and end (0-based half-open) of a region; `None` of designed pairs.
    pub span: Option<(String, u64, u64)>,
    /// The prediction in log2: haplotype 1, haplotype 2 and their ratio.
    pub predicted: [f64; 3],
    /// Records in which the alleles differ within the window; of designed pairs the bases.
    pub variants: usize,
}

/// A pair with the contributions of its bases.
#[derive(Clone, Debug, PartialEq)]
pub struct FolderPair {
    /// Its number, from 0, which is that of its label.
    pub number: usize,
    /// Byte codes of both alleles, (window): 0 to 3, N, and padding on the right.
    pub codes: [Vec<u8>; 2],
    /// Where the bases are.
    pub maps: [BaseMap; 2],
    /// Of haplotype 1 and of haplotype 2: what each of the four bases would contribute at each position, (4, window), as in
    /// [`PairAttributions`](super::PairAttributions).
    pub contributions: [Array2<f32>; 2],
}

/// A folder that `explain attributions` has written.
#[derive(Clone, Debug)]
pub struct ExplainedFolder {
    folder: PathBuf,
    settings: AttributionSettings,
    labels: Vec<PairLabel>,
}

impl ExplainedFolder {
    /// Read the settings and the table of a folder.
    ///
    /// # Errors
    /// It is no such folder, or one of another version, or its table is damaged.
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(SETTINGS);
        if !path.is_file() {
            return Err(Error::input(
                folder,
                "is no folder of deepallele explain attributions: it has no explain.json",
            ));
        }
        let text = read_small(&path, LONGEST_SETTINGS)?;
        let settings: AttributionSettings =
            serde_json::from_str(&text).map_err(|error| Error::input(&path, format!("cannot be read: {error}")))?;
        if settings.format != FORMAT {
            let format = settings.format;
            return Err(Error::input(
                &path,
                format!(
                    "has format {format}, and this version reads {FORMAT}: run deepallele explain attributions again"
                ),
            ));
        }
        if settings.window > LONGEST_WINDOW {
            return Err(Error::input(&path, format!("has a window of {} bases", settings.window)));
        }
        let table = ["regions.tsv", "pairs.tsv"].map(|name| folder.join(name));
        let [regions, pairs] = &table;
        let labels = match (regions.is_file(), pairs.is_file()) {
            (true, false) => read_labels(regions, true)?,
            (false, true) => read_labels(pairs, false)?,
            (true, true) => {
                return Err(Error::input(
                    folder,
                    "has both regions.tsv and pairs.tsv: write regions and designed pairs to folders of their own",
                ))
            }
            (false, false) => return Err(Error::input(folder, "has neither regions.tsv nor pairs.tsv")),
        };
        if labels.len() != settings.pairs {
            let (lines, pairs) = (labels.len(), settings.pairs);
            return Err(Error::input(
                folder,
                format!("has a table of {lines} lines, and explain.json of {pairs} pairs"),
            ));
        }
        Ok(Self { folder: folder.into(), settings, labels })
    }

    /// How its contributions were made.
    pub fn settings(&self) -> &AttributionSettings {
        &self.settings
    }

    /// What the table says, one for each pair.
    pub fn labels(&self) -> &[PairLabel] {
        &self.labels
    }

    /// The path of the folder.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// The pairs from the first on.
    ///
    /// # Errors
    /// An array or the map cannot be opened, or has another shape.
    pub fn pairs(&self) -> Result<FolderPairs> {
        let shape = [self.settings.pairs, 4, self.settings.window].map(|n| n as u64);
        let [first, second] = [1, 2].map(|haplotype| -> Result<OfAllele> {
            let path = self.folder.join(format!("hap{haplotype}.npz"));
            let contributions = NpzReader::open(&path)?;
            check_shape(&path, contributions.shape(), &shape)?;
            let one_hot_path = self.folder.join(format!("hap{haplotype}.ohe.npz"));
            let one_hot = NpzReader::open(&one_hot_path)?;
            check_shape(&one_hot_path, one_hot.shape(), &shape)?;
            Ok(OfAllele { contributions, one_hot, one_hot_path })
        });
        let map = MapReader::open(self.folder.join("map.tsv.gz"), self.settings.window)?;
        let (window, pairs) = (self.settings.window, self.settings.pairs);
        Ok(FolderPairs { alleles: [first?, second?], map, window, pairs, next: 0 })
    }
}

fn check_shape(path: &Path, found: &[u64], expected: &[u64]) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::input(path, format!("has an array of shape {found:?}, and explain.json says {expected:?}")))
}

struct OfAllele {
    contributions: NpzReader<f32>,
    one_hot: NpzReader<i8>,
    one_hot_path: PathBuf,
}

impl OfAllele {
    /// Contributions (4, window) and codes (window) of the next pair, whose allele has `bases` bases.
    fn next(&mut self, window: usize, bases: usize) -> Result<(Array2<f32>, Vec<u8>)> {
        let values = self.contributions.read(4 * window)?;
        let one_hot = self.one_hot.read(4 * window)?;
        let code = |position: usize| -> Result<u8> {
            let column = [0, 1, 2, 3].map(|base| one_hot[base * window + position]);
            let code = match column {
                [1, 0, 0, 0] => 0,
                [0, 1, 0, 0] => 1,
                [0, 0, 1, 0] => 2,
                [0, 0, 0, 1] => 3,
                [0, 0, 0, 0] if position < bases => ANY,
                [0, 0, 0, 0] => NOTHING,
                _ => return Err(Error::input(&self.one_hot_path, format!("has {column:?} where one base is encoded"))),
            };
            match code == NOTHING || position < bases {
                true => Ok(code),
                false => Err(Error::input(&self.one_hot_path, "has bases that map.tsv.gz does not have")),
            }
        };
        let codes = (0..window).map(code).collect::<Result<_>>()?;
        let contributions = Array2::from_shape_vec((4, window), values)
            .map_err(|error| Error::input(&self.one_hot_path, error.to_string()))?;
        Ok((contributions, codes))
    }
}

/// The pairs of a folder one by one. Ends after the first error.
pub struct FolderPairs {
    alleles: [OfAllele; 2],
    map: MapReader,
    window: usize,
    pairs: usize,
    next: usize,
}

impl FolderPairs {
    fn read(&mut self) -> Result<FolderPair> {
        let number = self.next;
        let maps = [self.map.next(number, 1)?, self.map.next(number, 2)?];
        let [one, two] = &mut self.alleles;
        let (first, codes1) = one.next(self.window, maps[0].bases())?;
        let (second, codes2) = two.next(self.window, maps[1].bases())?;
        Ok(FolderPair { number, codes: [codes1, codes2], maps, contributions: [first, second] })
    }
}

impl Iterator for FolderPairs {
    type Item = Result<FolderPair>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.pairs {
            return None;
        }
        let pair = self.read();
        self.next = if pair.is_ok() { self.next + 1 } else { self.pairs };
        Some(pair)
    }
}

/// The lines of a table that are not comments: number from 1, and columns.
fn lines(path: &Path) -> Result<impl Iterator<Item = Result<(usize, String)>> + use<>> {
    let path = path.to_path_buf();
    let reader = open_text(&path)?;
    Ok(reader.lines().enumerate().filter_map(move |(i, line)| match line {
        Ok(line) if line.starts_with('#') => None,
        Ok(line) => Some(Ok((i + 1, line))),
        Err(error) => Some(Err(Error::io(&path, error))),
    }))
}

fn read_labels(path: &Path, regions: bool) -> Result<Vec<PairLabel>> {
    let mut labels = Vec::new();
    for line in lines(path)? {
        let (number, line) = line?;
        let wrong = |what: &str| Error::input(path, format!("line {number}: {what}"));
        let columns: Vec<&str> = line.split('\t').collect();
        let (span, rest) = match (regions, &columns[..]) {
            (true, [chrom, start, end, rest @ ..]) => {
                let position = |text: &str| text.parse::<u64>().map_err(|_| wrong("start and end are no positions"));
                (Some(((*chrom).to_owned(), position(start)?, position(end)?)), rest)
            }
            (false, columns) => (None, columns),
            _ => return Err(wrong("has too few columns")),
        };
        let [name, hap1, hap2, ratio, variants, ..] = rest else { return Err(wrong("has too few columns")) };
        let value = |text: &str| match text {
            "." => Ok(f64::NAN),
            text => text.parse::<f64>().map_err(|_| wrong("has a prediction that is no number")),
        };
        labels.push(PairLabel {
            name: (*name).to_owned(),
            span,
            predicted: [value(hap1)?, value(hap2)?, value(ratio)?],
            variants: variants.parse().map_err(|_| wrong("has a number of variants that is none"))?,
        });
    }
    Ok(labels)
}

/// Reads the maps of alleles one after the other.
struct MapReader {
    path: PathBuf,
    lines: Box<dyn Iterator<Item = Result<(usize, String)>>>,
    waiting: Option<MapLine>,
    window: usize,
}

/// A line of the map: number of the pair, haplotype (1 or 2), piece, and whether the allele is read in reverse.
struct MapLine {
    pair: usize,
    haplotype: usize,
    piece: MappedPiece,
    reverse: Option<bool>,
}

impl MapLine {
    /// `pair haplotype offset length chrom start end strand`.
    fn parse(line: &str) -> Option<Self> {
        let columns: Vec<&str> = line.split('\t').collect();
        let &[pair, haplotype, offset, length, _, start, end, strand] = &columns[..] else { return None };
        let reverse = match strand {
            "+" => Some(false),
            "-" => Some(true),
            "." => None,
            _ => return None,
        };
        let length: usize = length.parse().ok()?;
        let reference = match (start, end) {
            (".", ".") => None,
            (start, end) => {
                let (start, end): (u64, u64) = (start.parse().ok()?, end.parse().ok()?);
                let bases = end.checked_sub(start)?;
                if bases != 0 && bases != length as u64 {
                    return None;
                }
                Some((start, end))
            }
        };
        let piece = MappedPiece { offset: offset.parse().ok()?, length, reference };
        Some(Self { pair: pair.parse().ok()?, haplotype: haplotype.parse().ok()?, piece, reverse })
    }
}

impl MapReader {
    fn open(path: PathBuf, window: usize) -> Result<Self> {
        let lines = Box::new(lines(&path)?);
        Ok(Self { path, lines, waiting: None, window })
    }

    /// The map of an allele; without a line it has no base.
    fn next(&mut self, pair: usize, haplotype: usize) -> Result<BaseMap> {
        let mut pieces: Vec<MappedPiece> = Vec::new();
        let mut reverse = false;
        loop {
            if self.waiting.is_none() {
                let Some(line) = self.lines.next() else { break };
                let (number, line) = line?;
                let parsed = MapLine::parse(&line);
                let wrong = || Error::input(&self.path, format!("line {number} is no piece of an allele"));
                self.waiting = Some(parsed.ok_or_else(wrong)?);
            }
            let Some(line) = self.waiting.take_if(|line| (line.pair, line.haplotype) == (pair, haplotype)) else {
                break;
            };
            let expected = pieces.last().map_or(0, |piece| piece.offset + piece.length);
            // Checked before it is added to: a file may say anything.
            let fits = line.piece.offset == expected && line.piece.length <= self.window - expected;
            if !fits {
                let place = format!("pair {pair}, haplotype {haplotype}");
                return Err(Error::input(&self.path, format!("{place}: pieces with gaps or beyond the window")));
            }
            reverse = line.reverse.unwrap_or(reverse);
            pieces.push(line.piece);
        }
        Ok(BaseMap::of_mapped(&pieces, reverse))
    }
}

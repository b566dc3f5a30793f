//! The MEME text format, versions 4 and 5: the minimal format, and the text output of MEME and STREME.
//!
//! ```text
//! MEME version 4
//!
//! ALPHABET= ACGT
//!
//! MOTIF MA0139.1 CTCF
//! letter-probability matrix: alength= 4 w= 2 nsites= 612 E= 0
//!  0.09 0.32 0.08 0.51
//!  0.18 0.16 0.45 0.21
//! URL https://...
//! ```
//!
//! `alength=`, `w=`, `nsites=` and `E=` may be absent, as the format allows; what is there is checked. Background
//! frequencies, strands, log-odds matrices, E-values and URLs are not kept. A space in a name is written as `%20`, and
//! control characters percent-encoded.

use std::io::Write;
use std::path::Path;

use ndarray::Array2;

use crate::error::{Error, Result};
use crate::io::output_file::{CompleteFiles, OutFile};
use crate::io::plain_text::plain;
use crate::motifs::motif::{why_not_a_length, why_not_probabilities, Motif};
use crate::motifs::motif_file::{number, Lines};

/// A name as a word of a line; [`unescape`] undoes it, except for control characters.
fn escape(name: &str) -> String {
    plain(name).replace("%25", "%2525").replace("%20", "%2520").replace(' ', "%20")
}

fn unescape(word: &str) -> String {
    word.replace("%20", " ").replace("%25", "%")
}

/// The motifs of a MEME file.
pub(crate) fn read(lines: &mut Lines) -> Result<Vec<Motif>> {
    read_version(lines)?;
    let mut motifs = Vec::new();
    // The motif whose matrix has not come yet, with its line.
    let mut pending: Option<(String, Option<String>, usize)> = None;
    while let Some(line) = lines.next()? {
        let line = line.trim();
        if let Some(rest) = line.strip_prefix("ALPHABET") {
            check_alphabet(rest.trim(), lines)?;
        } else if let Some(rest) = line.strip_prefix("letter-probability matrix:") {
            let Some((name, alt_name, _)) = pending.take() else {
                return Err(lines.wrong("a letter-probability matrix without a MOTIF line before it"));
            };
            let motif = read_matrix(&name, rest, lines)?;
            motifs.push(match alt_name {
                Some(alt_name) => motif.with_alt_name(alt_name),
                None => motif,
            });
        } else if let Some(rest) =
            line.strip_prefix("MOTIF").filter(|rest| rest.starts_with([' ', '\t']) || rest.is_empty())
        {
            without_matrix(&pending, lines)?;
            let mut words = rest.split_ascii_whitespace().map(unescape);
            let name = words.next().ok_or_else(|| lines.wrong("a MOTIF line without a name"))?;
            pending = Some((name, words.next(), lines.number));
        }
    }
    without_matrix(&pending, lines)?;
    Ok(motifs)
}

/// The first line.
fn read_version(lines: &mut Lines) -> Result<()> {
    let line = lines.next()?.unwrap_or_default();
    let version =
        line.trim().strip_prefix("MEME version").map(|rest| rest.trim().split(['.', ' ']).next().unwrap_or(""));
    match version {
        Some("4" | "5") => Ok(()),
        Some(other) => {
            let shown = other.escape_debug();
            Err(lines.wrong(format!("MEME version \"{shown}\" cannot be read, only versions 4 and 5")))
        }
        None => Err(lines.wrong(
            "is not a motif file; one in MEME format begins with \"MEME version\", in JASPAR format with \">\"",
        )),
    }
}

/// The alphabet must be that of DNA or RNA; `rest` is what follows `ALPHABET`: `= ACGT`, or the begin of a definition
/// that ends with `END ALPHABET`.
fn check_alphabet(rest: &str, lines: &mut Lines) -> Result<()> {
    let first = lines.number;
    let mut letters: Vec<char> = match rest.strip_prefix('=') {
        Some(letters) => letters.trim().chars().collect(),
        None => {
            let mut letters = Vec::new();
            loop {
                let Some(line) = lines.next()? else {
                    return Err(lines.wrong_at(first, "an alphabet without END ALPHABET"));
                };
                let line = line.trim();
                if line.starts_with("END ALPHABET") {
                    break;
                }
                // Ambiguity codes are defined with `=`, pairs of complementary letters with `~`.
                if !line.starts_with('#') && !line.contains('=') {
                    letters.extend(line.split('~').filter_map(|side| side.trim().chars().next()));
                }
            }
            letters
        }
    };
    letters.sort_unstable();
    match letters.iter().collect::<String>().as_str() {
        "ACGT" | "ACGU" => Ok(()),
        other => Err(lines.wrong_at(first, format!("the alphabet \"{}\" is not ACGT", other.escape_debug()))),
    }
}

/// The error of a MOTIF line without a matrix.
fn without_matrix(pending: &Option<(String, Option<String>, usize)>, lines: &Lines) -> Result<()> {
    match pending {
        Some((name, _, line)) => {
            let problem = format!("motif \"{}\" has no letter-probability matrix", name.escape_debug());
            Err(lines.wrong_at(*line, problem))
        }
        None => Ok(()),
    }
}

/// The matrix of the motif `name`; `rest` is what follows `letter-probability matrix:`.
fn read_matrix(name: &str, rest: &str, lines: &mut Lines) -> Result<Motif> {
    let first = lines.number;
    let shown = name.escape_debug();
    let spaced = rest.replace('=', " = ");
    let words: Vec<&str> = spaced.split_ascii_whitespace().collect();
    let (mut width, mut sites) = (None, None);
    for pair in words.chunks(3) {
        let &[key, "=", value] = pair else {
            return Err(lines.wrong(format!("\"{}\" is not a list of KEY= VALUE", rest.trim().escape_debug())));
        };
        let wrong = || lines.wrong(format!("\"{}\" is not a number for {key}=", value.escape_debug()));
        match key {
            "alength" if value != "4" => {
                return Err(
                    lines.wrong(format!("motif \"{shown}\" has alength= {} instead of 4", value.escape_debug()))
                );
            }
            "w" => width = Some(value.parse::<usize>().map_err(|_| wrong())?),
            "nsites" => sites = Some(number(value).filter(|n| *n >= 0.0).ok_or_else(wrong)?),
            _ => {}
        }
    }
    if let Some(problem) = width.and_then(why_not_a_length) {
        return Err(lines.wrong(format!("motif \"{shown}\" {problem}")));
    }
    let mut values = Vec::new();
    loop {
        let rows = values.len() / 4;
        let line = lines.next()?;
        let row =
            line.as_deref().and_then(|line| line.split_ascii_whitespace().map(number).collect::<Option<Vec<_>>>());
        let row = row.filter(|row| !row.is_empty());
        match (row, width) {
            (Some(_), Some(width)) if rows == width => {
                return Err(lines.wrong(format!("motif \"{shown}\" has more rows than w= {width}")));
            }
            (Some(row), _) => {
                if row.len() != 4 {
                    let problem = format!("motif \"{shown}\" has a row of {} numbers instead of 4", row.len());
                    return Err(lines.wrong(problem));
                }
                if let Some(problem) = why_not_probabilities(ndarray::aview1(&row)) {
                    return Err(lines.wrong(format!("motif \"{shown}\" {problem}")));
                }
                values.extend(row);
                if let Some(problem) = why_not_a_length(values.len() / 4) {
                    return Err(lines.wrong(format!("motif \"{shown}\" {problem}")));
                }
            }
            (None, Some(width)) if rows < width => {
                let problem = format!("motif \"{shown}\" has w= {width}, but {rows} rows of numbers");
                return Err(lines.wrong(problem));
            }
            (None, _) => {
                // A damaged row is not the end of the matrix.
                if line.as_deref().is_some_and(|line| line.trim().starts_with(|c: char| c.is_ascii_digit() || c == '.'))
                {
                    return Err(lines.wrong(format!("motif \"{shown}\" has a row that is not four numbers")));
                }
                if let Some(line) = line {
                    lines.give_back(line);
                }
                break;
            }
        }
    }
    let rows = values.len() / 4;
    let matrix = Array2::from_shape_vec((rows, 4), values).map_err(|e| lines.wrong_at(first, e))?;
    let motif = Motif::new(name, matrix).map_err(|e| lines.wrong_at(first, e.problem()))?;
    Ok(match sites {
        Some(sites) => motif.with_sites(sites),
        None => motif,
    })
}

/// Writes motifs in MEME minimal format, version 4, with a uniform background. What [`read_motifs`](super::read_motifs)
/// reads back is equal to the last digit, apart from counts, of which only the probabilities and the number of sites
/// are written.
pub struct MotifWriter {
    out: OutFile,
}

impl MotifWriter {
    /// Begin writing `path`; see [`OutFile`].
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn create(path: &Path) -> Result<Self> {
        let mut writer = Self { out: OutFile::create(path)? };
        writer.write_text(
            "MEME version 4\n\nALPHABET= ACGT\n\nstrands: + -\n\nBackground letter frequencies\n\
             A 0.25 C 0.25 G 0.25 T 0.25\n",
        )?;
        Ok(writer)
    }

    fn write_text(&mut self, text: &str) -> Result<()> {
        self.out.write_all(text.as_bytes()).map_err(|e| Error::io(self.out.path(), e))
    }

    /// Write one motif.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&mut self, motif: &Motif) -> Result<()> {
        let mut text = format!("\nMOTIF {}", escape(motif.name()));
        if let Some(alt_name) = motif.alt_name() {
            text += &format!(" {}", escape(alt_name));
        }
        text += &format!("\nletter-probability matrix: alength= 4 w= {}", motif.width());
        if let Some(sites) = motif.sites() {
            text += &format!(" nsites= {sites}");
        }
        text += " E= 0\n";
        for row in motif.probabilities().rows() {
            text += &format!(" {} {} {} {}\n", row[0], row[1], row[2], row[3]);
        }
        self.write_text(&text)
    }

    /// Write everything to the file and give it its name.
    ///
    /// # Errors
    /// Something cannot be written.
    pub fn finish(self) -> Result<()> {
        self.out.finish()
    }

    /// Write everything to the file, which has its temporary name until the returned set is renamed.
    ///
    /// # Errors
    /// Something cannot be written.
    pub fn complete(self) -> Result<CompleteFiles> {
        self.out.complete()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::motifs::motif_file::tests::read;
    use crate::motifs::read_motifs;
    use ndarray::array;
    use proptest::prelude::*;

    const START: &str = "MEME version 5.5.7\n\nALPHABET= ACGT\n\nstrands: + -\n\nBackground letter frequencies\n\
        A 0.25 C 0.25 G 0.25 T 0.25\n\n";

    #[test]
    fn minimal_format() {
        let text = format!(
            "{START}MOTIF MA0004.1 Arnt and more\nletter-probability matrix: alength= 4 w=2 nsites= 20 E= 0\n \
             0.2 0.8 0 0\n 1 0 0 0\nURL http://x\n\nMOTIF b\r\nletter-probability matrix:\r\n\
             0.25 0.25 0.25 0.25 \r\n\r\nMOTIF\tb\nletter-probability matrix: alength=4 nsites= 0\n0 0 0 1"
        );
        let motifs = read(text).unwrap();
        let found: Vec<_> = motifs.iter().map(|m| (m.name(), m.alt_name(), m.sites(), m.width())).collect();
        assert_eq!(found, [("MA0004.1", Some("Arnt"), Some(20.0), 2), ("b", None, None, 1), ("b", None, None, 1)]);
        assert_eq!(motifs[0].probabilities(), array![[0.2, 0.8, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]]);
        assert_eq!(motifs[2].probabilities(), array![[0.0, 0.0, 0.0, 1.0]]);
    }

    #[test]
    fn output_of_meme_itself() {
        let text = "MEME version 5.5.7 (Release date: x)\nALPHABET \"DNA\" DNA-LIKE\n\
            A \"Adenine\" CC0000 ~ T \"Thymine\" 008000\nC \"Cytosine\" 0000CC ~ G \"Guanine\" FFB300\n\
            N \"Any base\" = ACGT\nEND ALPHABET\n\nMOTIF CACGTG MEME-1\twidth =   1  sites =  18\n\
            \tMotif CACGTG MEME-1 log-odds matrix\nlog-odds matrix: alength= 4 w= 1 n= 9 bayes= 1 E= 2\n -1 2 3 -4\n\n\
            letter-probability matrix: alength= 4 w= 1 nsites= 18 E= 1e-9\n 0 1 0 0\n---\n";
        let motifs = read(text).unwrap();
        assert_eq!((motifs.len(), motifs[0].name(), motifs[0].alt_name()), (1, "CACGTG", Some("MEME-1")));
        assert_eq!(motifs[0].probabilities(), array![[0.0, 1.0, 0.0, 0.0]]);
    }

    #[test]
    fn wrong_files_are_named_with_their_line() {
        let matrix = |rest: &str| format!("{START}MOTIF x y\nletter-probability matrix:{rest}");
        let row = "0.25 0.25 0.25 0.25\n";
        for (text, part) in [
            ("MEME version 3\n".into(), "line 1: MEME version \"3\""),
            ("MEME version 4\nALPHABET= ACDEFGHIKLMNPQRSTVWY\n".into(), "line 2: the alphabet"),
            ("MEME version 4\nALPHABET \"P\" PROTEIN-LIKE\nA\nC\n".into(), "line 2: an alphabet without END"),
            ("MEME version 4\nALPHABET \"P\"\nA\nC\nEND ALPHABET\n".into(), "line 2: the alphabet \"AC\""),
            (format!("{START}letter-probability matrix: w= 1\n{row}"), "line 10: a letter-probability matrix without"),
            (format!("{START}MOTIF x\nMOTIF y\n"), "line 10: motif \"x\" has no letter-probability matrix"),
            (format!("{START}MOTIF x\n"), "line 10: motif \"x\" has no letter-probability matrix"),
            (format!("{START}MOTIF  \n"), "line 10: a MOTIF line without a name"),
            (matrix(" w= 2\n0.25 0.25 0.25 0.25\n"), "line 13: motif \"x\" has w= 2, but 1 rows of numbers"),
            (matrix(&format!(" w= 1\n{row}{row}")), "line 13: motif \"x\" has more rows than w= 1"),
            (matrix(&format!(" w= 2\n{row}\n{row}")), "line 13: motif \"x\" has w= 2, but 1 rows"),
            (matrix(" w= 0\n"), "line 11: motif \"x\" has no columns"),
            (matrix("\n\n"), "line 11: motif \"x\" has no columns"),
            (matrix(" w= 501\n"), "line 11: motif \"x\" has more than 500 columns"),
            (matrix(&format!("\n{}", row.repeat(501))), "line 512: motif \"x\" has more than 500 columns"),
            (matrix(" w= -1\n"), "line 11: \"-1\" is not a number for w="),
            (matrix(" w= 1 nsites= nan\n"), "line 11: \"nan\" is not a number for nsites="),
            (matrix(" w\n"), "line 11: \"w\" is not a list"),
            (matrix(" alength= 20 w= 1\n"), "line 11: motif \"x\" has alength= 20"),
            (matrix(" w= 1\n0.5 0.5 0\n"), "line 12: motif \"x\" has a row of 3 numbers"),
            (matrix(" w= 1\n0.5 0.5 0 0.02\n"), "line 12: motif \"x\" has probabilities whose sum is 1.0200"),
            (matrix(" w= 1\n0.5 0.5 0.5 -0.5\n"), "line 12: motif \"x\" has a value that is not a probability"),
            (matrix(" w= 1\n0.5 0.5 inf 0\n"), "line 12: motif \"x\" has w= 1, but 0 rows"),
            (matrix(&format!("\n{row}0.5 0.5 x 0\n")), "line 13: motif \"x\" has a row that is not four numbers"),
        ] {
            let message = read(&text).unwrap_err().to_string();
            assert!(message.contains(part), "{part}: {message}");
        }
    }

    fn round_trip(motifs: &[Motif]) -> Vec<Motif> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.meme.gz");
        let mut writer = MotifWriter::create(&path).unwrap();
        motifs.iter().for_each(|motif| writer.write(motif).unwrap());
        writer.finish().unwrap();
        read_motifs(&path).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_is_written_is_read_back(
            rows in prop::collection::vec([1e-9..1.0f64, 0.0..1.0f64, 0.0..1.0f64, 0.0..1.0f64], 1..12),
            name in "[ -~é]{0,12}[!-~]", alt in prop::option::of("[ -~]{0,8}[!-~]"),
            sites in prop::option::of(0.5..1e6f64),
        ) {
            let mut matrix = Array2::from_shape_fn((rows.len(), 4), |(i, b)| rows[i][b]);
            for mut row in matrix.rows_mut() {
                let sum = row.sum();
                row /= sum;
            }
            let mut motif = Motif::new(name, matrix).unwrap();
            if let Some(alt) = alt {
                motif = motif.with_alt_name(alt);
            }
            if let Some(sites) = sites {
                motif = motif.with_sites(sites);
            }
            prop_assert_eq!(round_trip(&[motif.clone(), motif.clone()]), [motif.clone(), motif]);
        }
    }

    #[test]
    fn control_characters_stay_encoded() {
        let motif = Motif::new("a\tb\n", array![[1.0, 0.0, 0.0, 0.0]]).unwrap();
        assert_eq!(round_trip(&[motif])[0].name(), "a%09b%0A");
    }
}

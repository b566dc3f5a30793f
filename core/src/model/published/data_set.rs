//! The layout of the published data sets: names of their parts, one-hot rows, and the logarithms of their values.
//! Reading and writing files is done elsewhere.

use crate::choice::choice;

/// Bases of allele A and B: n rows of L positions of the four channels A, C, G, T, left-aligned, zero to the right.
pub const SEQUENCES: [&str; 2] = ["B6_sequence", "Cast_sequence"];
/// Names of the rows: `chr{c}-{start}-{end}`, with `{gene}-` before it for RNA.
pub const PEAK_NAME: &str = "peak_name";
/// Genes of the rows of an RNA data set.
pub const GENE_NAME: &str = "gene_name";
/// Number of the row in the table of peaks, of an ATAC data set.
pub const PEAK_INDEX: &str = "original_peak_index";
/// What [`batches`] calls the sum over all conditions or samples.
pub const SUM: &str = "sum";

choice!(
    /// The assay.
    Assay, "assay",
    /// Accessibility: natural logarithms of counts, in batches.
    Atac "atac",
    /// ChIP: natural logarithms of counts, without batches.
    Chip "chip",
    /// Expression: normalised values in log2, by condition.
    Rna "rna",
);

impl Assay {
    /// The attribute `data_type` of a data set; RNA has none.
    pub fn data_type(self) -> Option<&'static str> {
        match self {
            Assay::Atac => Some("ATAC-seq"),
            Assay::Chip => Some("ChIP-seq"),
            Assay::Rna => None,
        }
    }

    /// The assay whose name is somewhere in `text`, in upper or lower case.
    pub fn find(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        Assay::ALL.into_iter().find(|assay| text.contains(assay.name()))
    }

    /// Length of a row as published; that of RNA depends on the sequences.
    pub fn length(self) -> Option<usize> {
        match self {
            Assay::Atac => Some(330),
            Assay::Chip => Some(551),
            Assay::Rna => None,
        }
    }

    /// The kind of its values: logarithms of counts can be inverted, expression stays in logarithms.
    pub fn values(self) -> Values {
        match self {
            Assay::Atac | Assay::Chip => Values::Counts,
            Assay::Rna => Values::Log,
        }
    }
}

choice!(
    /// The values outside of a data set; inside they are logarithms.
    Values, "kind of values",
    /// Counts x, of which the data set holds ln(x + 1).
    Counts "counts",
    /// The logarithms themselves.
    Log "log",
);

impl Values {
    /// A value as it is stored in the data set.
    pub fn to_stored(self, value: f64) -> f64 {
        match self {
            Values::Counts => value.ln_1p(),
            Values::Log => value,
        }
    }

    /// A value of the data set as users see it. Counts come back whole, or as halves, where rounding alone keeps
    /// them from it: [`Values::to_stored`] of the result is within 1e-14 of `stored`, relative above 1.
    pub fn from_stored(self, stored: f64) -> f64 {
        match self {
            Values::Log => stored,
            Values::Counts => {
                let value = stored.exp_m1();
                let half = (2.0 * value).round() / 2.0;
                match (half.ln_1p() - stored).abs() <= 8.0 * f64::EPSILON * stored.abs().max(1.0) {
                    true => half,
                    false => value,
                }
            }
        }
    }
}

/// Names of the values of allele A, of allele B and of their ratio; `batch` is None for ChIP.
pub fn value_names(batch: Option<&str>) -> [String; 3] {
    match batch {
        Some(batch) => ["B6", "CAST", "ratio"].map(|part| format!("{batch}.{part}")),
        None => ["B6_counts", "Cast_counts", "ratio"].map(String::from),
    }
}

/// The batches among the names of a data set's parts, in their order: those with values of both alleles.
pub fn batches(names: &[String]) -> Vec<&str> {
    let both = |batch: &&str| names.contains(&value_names(Some(batch))[1]);
    names.iter().filter_map(|name| name.strip_suffix(".B6")).filter(both).collect()
}

/// Chromosome of a row by the published rule: the part of its name between the first `chr` and the next `-`.
pub fn chromosome(peak: &str) -> Option<&str> {
    let rest = &peak[peak.find("chr")? + 3..];
    Some(&rest[..rest.find('-')?])
}

/// Gene of a row `{gene}-chr{c}-{start}-{end}`; the whole name when it has no chromosome.
pub fn gene(peak: &str) -> &str {
    peak.find("-chr").map_or(peak, |at| &peak[..at])
}

/// Write the one-hot form of `sequence` into `row`, (L, 4): A, C, G, T (U as T) by their channel, N as 0.25 in all four.
/// As published, every other letter is zero in all four, and so is the padding on the right.
///
/// # Panics
/// `row` is shorter than four times the sequence.
pub fn write_row(sequence: &[u8], row: &mut [f64]) {
    row.fill(0.0);
    for (letter, channels) in sequence.iter().zip(row[..4 * sequence.len()].chunks_exact_mut(4)) {
        match letter.to_ascii_uppercase() {
            b'A' => channels[0] = 1.0,
            b'C' => channels[1] = 1.0,
            b'G' => channels[2] = 1.0,
            b'T' | b'U' => channels[3] = 1.0,
            b'N' => channels.fill(0.25),
            _ => {}
        }
    }
}

/// Decode a one-hot row, (L, 4), without the padding on its right. A position of zeros between bases is a letter that
/// cannot be encoded: it becomes N. Returns the number of such positions.
///
/// # Errors
/// The row has no base, does not begin with one, or has a position that is not a base; the position is named, from 1.
pub fn read_row<T: Copy + Into<f64>>(row: &[T], sequence: &mut Vec<u8>) -> Result<usize, String> {
    sequence.clear();
    let (mut bases, mut unknown) = (0, 0);
    for (i, channels) in row.chunks_exact(4).enumerate() {
        let channels = [channels[0].into(), channels[1].into(), channels[2].into(), channels[3].into()];
        let letter = match channels {
            [1.0, 0.0, 0.0, 0.0] => b'A',
            [0.0, 1.0, 0.0, 0.0] => b'C',
            [0.0, 0.0, 1.0, 0.0] => b'G',
            [0.0, 0.0, 0.0, 1.0] => b'T',
            [0.25, 0.25, 0.25, 0.25] => b'N',
            [0.0, 0.0, 0.0, 0.0] => {
                sequence.push(b'N');
                continue;
            }
            [a, c, g, t] => return Err(format!("position {} is ({a}, {c}, {g}, {t}), which is not a base", i + 1)),
        };
        if bases == 0 && i > 0 {
            return Err(format!("begins with {i} empty positions; sequences must be left-aligned"));
        }
        // It was not padding.
        unknown = i - bases;
        bases += 1;
        sequence.push(letter);
    }
    if bases == 0 {
        return Err("has no base".into());
    }
    sequence.truncate(bases + unknown);
    Ok(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_as_published() {
        assert_eq!(value_names(Some("sum")), ["sum.B6", "sum.CAST", "sum.ratio"]);
        assert_eq!(value_names(None), ["B6_counts", "Cast_counts", "ratio"]);
        let names = ["sc.B6", "sc.CAST", "B6_sequence", "odd.B6", "odd.Cast", "a.b.B6", "a.b.CAST"].map(String::from);
        assert_eq!(batches(&names), ["sc", "a.b"]);
        for assay in Assay::ALL {
            assert_eq!(assay.name().parse::<Assay>().unwrap(), assay);
            assert_eq!(assay.data_type().map_or(Some(assay), Assay::find), Some(assay));
        }
        assert_eq!(Assay::find("bulk ATAC"), Some(Assay::Atac));
        assert_eq!(Assay::find("dnase"), None);
    }

    #[test]
    fn chromosomes_are_found_by_the_published_rule() {
        assert_eq!(chromosome("chr16-100-351"), Some("16"));
        assert_eq!(chromosome("H2-K1-chrX-5-9"), Some("X"));
        assert_eq!(chromosome("chr1_random-1-2"), Some("1_random"));
        for none in ["nan", "16-100-351", "chr16", ""] {
            assert_eq!(chromosome(none), None, "{none}");
        }
        assert_eq!(gene("H2-K1-chr17-5-9"), "H2-K1");
        assert_eq!(gene("Actb"), "Actb");
    }

    #[test]
    fn letters_padding_and_what_is_neither() {
        let mut row = [7.0; 28];
        write_row(b"aNRtU", &mut row);
        assert_eq!(row[..8], [1.0, 0.0, 0.0, 0.0, 0.25, 0.25, 0.25, 0.25]);
        assert_eq!(row[8..20], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
        assert!(row[20..].iter().all(|&x| x == 0.0));
        let mut sequence = vec![];
        assert_eq!(read_row(&row, &mut sequence), Ok(1));
        assert_eq!(sequence, b"ANNTT");
        let read = |row: &[f32]| read_row(row, &mut Vec::new()).unwrap_err();
        assert!(read(&[1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0]).contains("position 2 is (0, 1, 1, 0)"));
        assert!(read(&[0.5, 0.5, 0.0, 0.0]).contains("position 1"));
        assert!(read(&[f32::NAN, 0.0, 0.0, 0.0]).contains("NaN"));
        assert!(read(&[0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]).contains("begins with 1 empty"));
        assert!(read(&[0.0; 8]).contains("no base"));
        assert_eq!(read_row(&[0u8, 1, 0, 0], &mut sequence), Ok(0));
        assert_eq!(sequence, b"C");
    }

    #[test]
    fn counts_come_back_whole() {
        for twice in (0..4000).chain((1..50).map(|i| i * i * 7919)) {
            let count = twice as f64 / 2.0;
            assert_eq!(Values::Counts.from_stored(Values::Counts.to_stored(count)), count);
            // The published ratio is the logarithm of a quotient; its counts are ln(1 + x).
            assert_eq!(Values::Counts.from_stored((1.0 + count).ln()), count);
        }
        assert_eq!(Values::Log.from_stored(-1.25), -1.25);
    }

    proptest! {
        #[test]
        fn sequences_read_back(sequence in "[ACGTN]{1,40}", padding in 0usize..20) {
            // N at the right end is a base, not padding.
            let mut row = vec![0.0; 4 * (sequence.len() + padding)];
            write_row(sequence.as_bytes(), &mut row);
            let mut back = vec![];
            prop_assert_eq!(read_row(&row, &mut back), Ok(0));
            prop_assert_eq!(back, sequence.as_bytes());
        }

        #[test]
        fn stored_values_are_kept(stored in -0.6f64..30.0) {
            let back = Values::Counts.to_stored(Values::Counts.from_stored(stored));
            prop_assert!((back - stored).abs() <= 1e-14 * stored.abs().max(1.0), "{stored} {back}");
        }
    }
}

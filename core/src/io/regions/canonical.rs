//! The transcription start sites of genes: from gene lines, and from transcripts tagged as canonical.

use std::collections::HashMap;

use crate::io::regions::attributes::Style;

/// Tags of the one transcript of a gene, the strongest last. RefSeq writes a space for the underscore.
const TAGS: [&str; 2] = ["Ensembl_canonical", "MANE_Select"];

/// The rank of the strongest tag among the attributes of a line, from 1; 0 without any.
pub(super) fn rank(attributes: &str, style: Style) -> u8 {
    if !attributes.contains("canonical") && !attributes.contains("MANE") {
        return 0;
    }
    let of_tag = |tag: &str| {
        let plain = tag.trim().replace(' ', "_");
        TAGS.iter().position(|known| *known == plain).map_or(0, |i| i as u8 + 1)
    };
    let (key, end) = match style {
        Style::Gtf => ("tag \"", '"'),
        Style::Gff3 => ("tag=", ';'),
    };
    let values = attributes.match_indices(key).filter(|&(at, _)| {
        let before = attributes[..at].trim_end();
        before.is_empty() || before.ends_with(';')
    });
    values
        .flat_map(|(at, _)| attributes[at + key.len()..].split(end).next().unwrap_or("").split(','))
        .map(of_tag)
        .max()
        .unwrap_or(0)
}

type Span = (u64, u64);

/// What lines say about the start of one gene on one contig and strand.
#[derive(Default)]
struct Known {
    gene: Option<Span>,
    canonical: Option<(u8, Span)>,
}

/// Gene lines and tagged transcripts, by name of the gene, contig and strand.
#[derive(Default)]
pub(super) struct Starts(HashMap<(Box<str>, usize, u8), Known>);

fn union(a: Span, b: Span) -> Span {
    (a.0.min(b.0), a.1.max(b.1))
}

impl Starts {
    /// Take in a line of a gene: its own (`gene`), or with the rank of its tag one of a canonical transcript.
    pub(super) fn add(&mut self, name: &str, (contig, strand): (usize, u8), span: Span, gene: bool, rank: u8) {
        let known = self.0.entry((name.into(), contig, strand)).or_default();
        if gene {
            known.gene = Some(known.gene.map_or(span, |other| union(other, span)));
        }
        if rank > 0 {
            known.canonical = match known.canonical {
                Some((other, _)) if other > rank => known.canonical,
                Some((other, before)) if other == rank => Some((rank, union(before, span))),
                _ => Some((rank, span)),
            };
        }
    }

    /// The span whose 5' end is the TSS of a gene, and whether it is that of a canonical transcript.
    pub(super) fn span(&self, name: &str, (contig, strand): (usize, u8)) -> (Option<Span>, bool) {
        match self.0.get(&(name.into(), contig, strand)) {
            Some(Known { canonical: Some((_, span)), .. }) => (Some(*span), true),
            Some(Known { gene, .. }) => (*gene, false),
            None => (None, false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_both_styles_and_of_refseq() {
        for (attributes, style, expected) in [
            (r#"gene_id "g"; tag "basic"; tag "Ensembl_canonical";"#, Style::Gtf, 1),
            (r#"gene_id "g"; tag "Ensembl_canonical"; tag "MANE_Select";"#, Style::Gtf, 2),
            (r#"gene_id "g"; tag "MANE Select";"#, Style::Gtf, 2),
            (r#"gene_id "g"; note "MANE_Select";"#, Style::Gtf, 0),
            (r#"gene_id "g"; xtag "MANE_Select";"#, Style::Gtf, 0),
            (r#"gene_id "g"; tag "MANE_Plus_Clinical";"#, Style::Gtf, 0),
            ("ID=t;Parent=g;tag=basic,Ensembl_canonical", Style::Gff3, 1),
            ("ID=t;tag=MANE Select;Parent=g", Style::Gff3, 2),
            ("ID=t;canonical=1", Style::Gff3, 0),
            ("", Style::Gtf, 0),
        ] {
            assert_eq!(rank(attributes, style), expected, "{attributes}");
        }
    }

    #[test]
    fn the_strongest_tag_wins_and_spans_of_one_transcript_are_joined() {
        let mut starts = Starts::default();
        starts.add("g", (0, b'+'), (100, 900), true, 0);
        assert_eq!(starts.span("g", (0, b'+')), (Some((100, 900)), false));
        starts.add("g", (0, b'+'), (150, 200), false, 1);
        starts.add("g", (0, b'+'), (300, 400), false, 1);
        assert_eq!(starts.span("g", (0, b'+')), (Some((150, 400)), true));
        starts.add("g", (0, b'+'), (250, 300), false, 2);
        starts.add("g", (0, b'+'), (120, 800), false, 1);
        assert_eq!(starts.span("g", (0, b'+')), (Some((250, 300)), true));
        assert_eq!(starts.span("g", (1, b'+')), (None, false));
    }
}

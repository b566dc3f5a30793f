//! The attributes of GTF and GFF3, and the path from a feature to its gene.

use crate::io::plain_text::percent_decoded;
use std::borrow::Cow;
use std::collections::HashMap;

/// How the ninth column is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// `gene_id "x"; transcript_id "y";`
    Gtf,
    /// `ID=x;Parent=y`, with reserved characters percent-encoded.
    Gff3,
}

impl Style {
    /// By the first attribute of a file.
    pub(super) fn of(attributes: &str) -> Self {
        match attributes.trim_start().find(['=', ' ', '"', '\t']) {
            Some(at) if attributes.trim_start().as_bytes()[at] == b'=' => Style::Gff3,
            _ => Style::Gtf,
        }
    }
}

/// The value of attribute `key` without quotes, still percent-encoded; the first of several.
pub(super) fn value<'a>(attributes: &'a str, key: &str, style: Style) -> Option<&'a str> {
    let mut rest = attributes;
    loop {
        rest = rest.trim_start_matches([' ', ';']);
        if rest.is_empty() {
            return None;
        }
        let found = rest.strip_prefix(key);
        match style {
            Style::Gff3 => {
                let end = rest.find(';').unwrap_or(rest.len());
                if let Some(value) = found.and_then(|r| r.strip_prefix('=')) {
                    return Some(value.split(';').next().unwrap_or("").trim_end());
                }
                rest = &rest[end..];
            }
            Style::Gtf => {
                // A quoted value may contain semicolons.
                let space = rest.find([' ', ';']).unwrap_or(rest.len());
                let here = found.is_some() && space == key.len();
                let text = rest[space..].trim_start_matches(' ');
                let (value, after) = match text.strip_prefix('"') {
                    Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
                    None => {
                        let end = text.find(';').unwrap_or(text.len());
                        (text[..end].trim_end(), &text[end..])
                    }
                };
                if here {
                    return Some(value);
                }
                rest = after;
            }
        }
    }
}

/// A value percent-decoded, except for control characters, since names go into tables.
pub(super) fn decoded(value: &str, style: Style) -> Cow<'_, str> {
    if style == Style::Gtf || !value.contains('%') {
        return Cow::Borrowed(value);
    }
    match String::from_utf8(percent_decoded(value, |byte| !byte.is_ascii_control())) {
        Ok(text) => Cow::Owned(text),
        Err(_) => Cow::Borrowed(value),
    }
}

/// One ID of a GFF3.
#[derive(Default)]
struct Node {
    parent: Option<u32>,
    /// Its value of the attribute with the gene's name.
    name: Option<Box<str>>,
    /// It is a gene: its parents are ignored.
    gene: bool,
    /// Its line has been read.
    defined: bool,
}

/// The parent of each ID of a GFF3.
#[derive(Default)]
pub(super) struct Hierarchy {
    nodes: Vec<Node>,
    ids: HashMap<Box<str>, u32>,
    names: Vec<Box<str>>,
}

/// Features that are never parents, of which a genome has millions.
const LEAVES: [&str; 9] = [
    "exon",
    "CDS",
    "five_prime_UTR",
    "three_prime_UTR",
    "UTR",
    "start_codon",
    "stop_codon",
    "intron",
    "stop_codon_redefined_as_selenocysteine",
];

impl Hierarchy {
    /// The number of an ID, which may be defined later.
    pub(super) fn node(&mut self, id: &str) -> u32 {
        if let Some(&node) = self.ids.get(id) {
            return node;
        }
        let node = self.nodes.len() as u32;
        self.ids.insert(id.into(), node);
        self.names.push(id.into());
        self.nodes.push(Node::default());
        node
    }

    /// Add a line of a feature other than the wanted one. Of an ID on several lines the first counts.
    pub(super) fn define(&mut self, feature: &str, attributes: &str, gene_attribute: Option<&str>) {
        if LEAVES.contains(&feature) {
            return;
        }
        let Some(id) = value(attributes, "ID", Style::Gff3).filter(|id| !id.is_empty()) else { return };
        let node = self.node(id) as usize;
        if self.nodes[node].defined {
            return;
        }
        // The first of several parents: a transcript has one gene.
        let parent = value(attributes, "Parent", Style::Gff3).and_then(|p| p.split(',').find(|p| !p.is_empty()));
        let parent = parent.map(|p| self.node(p));
        let name = value(attributes, gene_attribute.unwrap_or("gene_id"), Style::Gff3).filter(|n| !n.is_empty());
        self.nodes[node] = Node {
            parent,
            name: name.map(|n| decoded(n, Style::Gff3).into()),
            gene: feature.ends_with("gene"),
            defined: true,
        };
    }

    /// The gene of `node`: the first value of the attribute among it and its ancestors, else the ID of the gene, or of the
    /// topmost ancestor.
    ///
    /// # Errors
    /// The parents form a circle, or none has the requested attribute.
    pub(super) fn gene(&self, node: u32, gene_attribute: Option<&str>) -> Result<Cow<'_, str>, String> {
        let mut at = node as usize;
        for _ in 0..=self.nodes.len().min(1000) {
            let here = &self.nodes[at];
            if let Some(name) = &here.name {
                return Ok(Cow::Borrowed(name));
            }
            match here.parent.filter(|_| !here.gene) {
                Some(parent) => at = parent as usize,
                None => {
                    return match gene_attribute {
                        None => Ok(decoded(&self.names[at], Style::Gff3)),
                        Some(key) => Err(format!(
                            "neither it nor a parent of it has the attribute \"{key}\"; name another with \
                             --gene-attribute"
                        )),
                    };
                }
            }
        }
        Err(format!("the parents of \"{}\" form a circle", self.names[node as usize]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_both_styles() {
        let gtf = r#"gene_name "a; b"; gene_id "G1"; n 5; tag "x";"#;
        let v = |key| value(gtf, key, Style::Gtf);
        assert_eq!(
            [v("gene_id"), v("gene_name"), v("n"), v("gene"), v("tag")],
            [Some("G1"), Some("a; b"), Some("5"), None, Some("x")]
        );
        let gff = "ID=e1;Parent=t1,t2; gene=A%3BB ;Name=x";
        let v = |key| value(gff, key, Style::Gff3);
        assert_eq!(
            [v("ID"), v("Parent"), v("gene"), v("Nam"), v("Name")],
            [Some("e1"), Some("t1,t2"), Some("A%3BB"), None, Some("x")]
        );
        for odd in ["", ";", "gene_id", "gene_id \"", "gene_id=", "=", "\"", "gene_id \"x", ";;gene_id ;"] {
            for style in [Style::Gtf, Style::Gff3] {
                let _ = value(odd, "gene_id", style);
            }
        }
        assert_eq!(value("gene_id \"x", "gene_id", Style::Gtf), Some("x"));
        // A key that no file can have.
        assert_eq!(value("a;b=c", "a;b", Style::Gff3), Some("c"));
        assert_eq!(value("a b", "", Style::Gtf), None);
    }

    #[test]
    fn values_are_percent_decoded_except_for_control_characters() {
        for (text, plain) in
            [("A%3BB", "A;B"), ("a%09b", "a%09b"), ("50%", "50%"), ("%zz", "%zz"), ("%C3%A9", "é"), ("%ff", "%ff")]
        {
            assert_eq!(decoded(text, Style::Gff3), plain, "{text}");
        }
        assert_eq!(decoded("A%3BB", Style::Gtf), "A%3BB");
    }

    #[test]
    fn the_style_is_that_of_the_first_attribute() {
        assert_eq!(Style::of("ID=x;Note=a b"), Style::Gff3);
        assert_eq!(Style::of("gene_id \"a=b\";"), Style::Gtf);
        assert_eq!(Style::of(""), Style::Gtf);
    }

    #[test]
    fn circles_end() {
        let mut h = Hierarchy::default();
        h.define("mRNA", "ID=a;Parent=b", None);
        h.define("mRNA", "ID=b;Parent=a", None);
        let node = h.node("a");
        assert!(h.gene(node, None).unwrap_err().contains("circle"));
    }
}

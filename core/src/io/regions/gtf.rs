//! Regions from gene annotation: SAF, GTF and GFF3. A gene is one region made of several blocks, its exons.

use std::collections::HashMap;
use std::path::Path;

use crate::error::{Error, Result};
use crate::io::regions::anchor::{five_prime_end, AnchorColumn};
use crate::io::regions::attributes::{self, Hierarchy, Style};
use crate::io::regions::canonical::{self, Starts};
use crate::io::regions::left_out::{clipped, LeftOut};
use crate::io::regions::lines::{is_browser_line, Lines};
use crate::io::regions::{Anchor, Block, Region, Regions, TssSource};
use crate::io::text_input::open_text;
use crate::io::Contigs;

/// What is taken from an annotation file, and under which name it is joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnnotationOptions {
    /// The feature (column 3 of GTF and GFF3) whose lines make the regions.
    pub feature: String,
    /// The attribute that names the gene. None: `gene_id`; in GFF3 the lines above (`Parent`) are asked too.
    pub gene_attribute: Option<String>,
    /// Whose 5' end is the transcription start site.
    pub tss: TssSource,
}

impl Default for AnnotationOptions {
    /// `exon`, joined by `gene_id`.
    fn default() -> Self {
        Self { feature: "exon".into(), gene_attribute: None, tss: TssSource::default() }
    }
}

impl AnnotationOptions {
    /// The default with genes' transcription start sites from `tss`.
    pub fn with_tss(tss: TssSource) -> Self {
        Self { tss, ..Self::default() }
    }
}

/// How a file of regions is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegionFormat {
    /// BED, narrowPeak or a count table: a line a region.
    Bed,
    /// GeneID, Chr, Start, End, Strand.
    Saf,
    /// GTF or GFF3; which of the two is seen at the attributes.
    Gff,
}

impl RegionFormat {
    /// By the name of a file, gzip suffixes aside. None when the name says nothing.
    fn of_name(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".bgz")).unwrap_or(&name);
        let (_, suffix) = name.rsplit_once('.')?;
        match suffix {
            "bed" | "narrowpeak" | "broadpeak" => Some(Self::Bed),
            "saf" => Some(Self::Saf),
            "gtf" | "gff" | "gff3" | "gff2" => Some(Self::Gff),
            _ => None,
        }
    }

    /// By a line that is no comment. A narrowPeak has numbers in columns 2 and 3, where the others have none.
    fn of_line(line: &str) -> Self {
        let columns: Vec<&str> = line.split('\t').collect();
        let number = |i: usize| columns.get(i).is_some_and(|c| c.parse::<u64>().is_ok());
        let strand = |i: usize| columns.get(i).is_some_and(|c| matches!(*c, "+" | "-" | "." | "?" | "*"));
        if columns.len() >= 8 && number(3) && number(4) && strand(6) && !(number(1) && number(2)) {
            return Self::Gff;
        }
        let header = is_saf_header(&columns);
        // In BED the fifth column is a score, so that `+` and `-` decide even where a contig is named `1`.
        let directed = columns.get(4).is_some_and(|c| matches!(*c, "+" | "-"));
        if header || (columns.len() >= 5 && number(2) && number(3) && strand(4) && (directed || !number(1))) {
            return Self::Saf;
        }
        Self::Bed
    }
}

fn is_saf_header(columns: &[&str]) -> bool {
    columns.len() >= 5 && columns[0].eq_ignore_ascii_case("GeneID") && columns[2].parse::<u64>().is_err()
}

impl Regions {
    /// Read regions of any kind: what [`Regions::read`] takes, SAF, GTF and GFF3, plain or gzip, `-` for standard
    /// input. The kind is told by the suffix of the name, else by the first line that is no comment.
    ///
    /// Lines of SAF with one GeneID, and features of GTF or GFF3 with one gene, make one region: its span is
    /// that of all of them, its name the gene's, and its blocks are theirs, merged where they overlap or touch. A
    /// gene with lines on several contigs or strands makes a region on each, all of the same name. Positions of
    /// these files are 1-based and inclusive. Their lines on contigs that `contigs` does not have are
    /// left out and counted in [`LeftOut`], since an annotation is that of a whole assembly; so are those beyond the end of a contig.
    ///
    /// # Errors
    /// A line that is wrong is named with its number; so is a file without any region.
    pub fn read_any(path: &Path, contigs: &Contigs, options: &AnnotationOptions) -> Result<Self> {
        let mut lines = Lines { reader: open_text(path)?, path, number: 0, line: Vec::new() };
        let mut format = RegionFormat::of_name(path);
        let mut genes: Option<Genes> = None;
        let mut regions = Self::empty(contigs);
        let mut column = AnchorColumn::default();
        while let Some((number, text)) = lines.next()? {
            if text == "##FASTA" && format != Some(RegionFormat::Bed) {
                break;
            }
            // A version line says what is coming; sequence without a ##FASTA line begins with >.
            if text.starts_with("##gff-version") {
                format = format.or(Some(RegionFormat::Gff));
            }
            if text.starts_with('#') {
                column.header(text).map_err(|problem| Error::input(path, format!("line {number}: {problem}")))?;
                continue;
            }
            if text.trim().is_empty() || is_browser_line(text) {
                continue;
            }
            let format = *format.get_or_insert_with(|| RegionFormat::of_line(text));
            if format == RegionFormat::Gff && text.starts_with('>') {
                break;
            }
            let added = match format {
                RegionFormat::Bed => regions.add_bed_line(number, text, &column),
                RegionFormat::Saf => genes.get_or_insert_with(|| Genes::new(contigs, options)).saf(text, number),
                RegionFormat::Gff => genes.get_or_insert_with(|| Genes::new(contigs, options)).gff(text, number),
            };
            added.map_err(|problem| Error::input(path, format!("line {number}: {problem}")))?;
        }
        match genes {
            Some(genes) => genes.finish(path),
            None if matches!(format, None | Some(RegionFormat::Bed)) => regions.finish_bed(path),
            None => Err(Error::input(path, "holds no region: there is no line but comments")),
        }
    }
}

/// The blocks of one gene on one contig and strand.
struct Gene {
    name: Box<str>,
    contig: usize,
    strand: u8,
    /// 0-based half-open, in the order of the file.
    blocks: Vec<(u64, u64)>,
    /// The next of the same name on another contig or strand.
    next: Option<u32>,
}

/// A block that belongs to whatever gene its parents lead to.
struct Orphan {
    parent: u32,
    line: u64,
    contig: usize,
    strand: u8,
    block: (u64, u64),
}

/// Collects lines into genes.
struct Genes<'a> {
    contigs: &'a Contigs,
    options: &'a AnnotationOptions,
    style: Option<Style>,
    list: Vec<Gene>,
    by_name: HashMap<Box<str>, u32>,
    last: u32,
    /// Name of the contig of the line before, and what it was matched to.
    contig: (String, Option<usize>),
    hierarchy: Hierarchy,
    orphans: Vec<Orphan>,
    starts: Starts,
    /// Lines that say where genes begin, whose gene their parents lead to.
    start_orphans: Vec<(Orphan, /* a gene line */ bool, /* rank of its tag */ u8)>,
    renamed: Option<(String, String)>,
    left_out: LeftOut,
    /// Lines that make regions, those on other contigs included.
    used: u64,
    /// Other features, a few of them, for a message.
    other_features: Vec<String>,
}

type Outcome = std::result::Result<(), String>;

impl<'a> Genes<'a> {
    fn new(contigs: &'a Contigs, options: &'a AnnotationOptions) -> Self {
        Self {
            contigs,
            options,
            style: None,
            list: Vec::new(),
            by_name: HashMap::new(),
            last: 0,
            contig: (String::new(), None),
            hierarchy: Hierarchy::default(),
            orphans: Vec::new(),
            starts: Starts::default(),
            start_orphans: Vec::new(),
            renamed: None,
            left_out: LeftOut::default(),
            used: 0,
            other_features: Vec::new(),
        }
    }

    fn saf(&mut self, text: &str, number: u64) -> Outcome {
        let mut columns = text.split('\t');
        let mut next = || columns.next();
        let (Some(gene), Some(contig), Some(start), Some(end), Some(strand)) = (next(), next(), next(), next(), next())
        else {
            let n = text.split('\t').count();
            return Err(format!("has {n} columns, but SAF has five, separated by tabs: GeneID Chr Start End Strand"));
        };
        if self.used == 0 && is_saf_header(&[gene, contig, start, end, strand]) {
            return Ok(());
        }
        self.used += 1;
        if gene.trim().is_empty() {
            return Err("has no GeneID".into());
        }
        let Some(contig) = self.find(contig, number) else { return Ok(()) };
        let (span, strand) = (span_of((start, end))?, strand_of(strand)?);
        let Some(block) = self.left_out.place(number, span, None, self.contigs, contig) else { return Ok(()) };
        self.add(gene, contig, strand, block);
        Ok(())
    }

    fn gff(&mut self, text: &str, number: u64) -> Outcome {
        let mut columns = text.split('\t');
        let mut next = || columns.next();
        let (Some(contig), Some(_), Some(feature), Some(start), Some(end), Some(_), Some(strand), Some(_)) =
            (next(), next(), next(), next(), next(), next(), next(), next())
        else {
            let n = text.split('\t').count();
            return Err(format!("has {n} columns, but GTF and GFF have nine, separated by tabs"));
        };
        let all = text;
        let text = next().unwrap_or("");
        if next().is_some_and(|tenth| !tenth.is_empty()) {
            let n = all.split('\t').count();
            return Err(format!("has {n} columns, but GTF and GFF have nine; is there a tab within an attribute?"));
        }
        let style = *self.style.get_or_insert_with(|| Style::of(text));
        self.start_of_gene(feature, (contig, start, end, strand), text, style, number);
        if feature != self.options.feature {
            if !self.other_features.iter().any(|f| f == feature) && self.other_features.len() < 6 {
                self.other_features.push(feature.to_owned());
            }
            if style == Style::Gff3 {
                self.hierarchy.define(feature, text, self.options.gene_attribute.as_deref());
            }
            return Ok(());
        }
        self.used += 1;
        let Some(contig) = self.find(contig, number) else { return Ok(()) };
        let (span, strand) = (span_of((start, end))?, strand_of(strand)?);
        let Some(block) = self.left_out.place(number, span, None, self.contigs, contig) else { return Ok(()) };
        let wanted = self.options.gene_attribute.as_deref();
        let own = attributes::value(text, wanted.unwrap_or("gene_id"), style);
        match own {
            Some(name) if !name.is_empty() => {
                self.add(&attributes::decoded(name, style), contig, strand, block);
                return Ok(());
            }
            Some(_) => return Err(format!("{} is empty", wanted.unwrap_or("gene_id"))),
            None => {}
        }
        let lacking = |what: &str| format!("the {feature} has no {what}; name another with --gene-attribute");
        if style == Style::Gtf {
            return Err(lacking(&format!("attribute \"{}\"", wanted.unwrap_or("gene_id"))));
        }
        if let Some(parents) =
            attributes::value(text, "Parent", style).filter(|p| !feature.ends_with("gene") && !p.is_empty())
        {
            for parent in parents.split(',').filter(|p| !p.is_empty()) {
                let parent = self.hierarchy.node(parent);
                self.orphans.push(Orphan { parent, line: number, contig, strand, block });
            }
            return Ok(());
        }
        let keys: &[&str] = if wanted.is_some() {
            &[]
        } else if feature.ends_with("gene") {
            &["ID", "gene"]
        } else {
            &["gene", "ID"]
        };
        let name = keys.iter().find_map(|key| attributes::value(text, key, style).filter(|v| !v.is_empty()));
        match (name, wanted) {
            (Some(name), _) => self.add(&attributes::decoded(name, style), contig, strand, block),
            (None, Some(wanted)) => return Err(lacking(&format!("attribute \"{wanted}\" and no Parent"))),
            (None, None) => return Err(lacking("gene_id, Parent, gene or ID")),
        }
        Ok(())
    }

    /// Take in what a line says about where its gene begins: a gene line, or one of a canonical transcript.
    fn start_of_gene(
        &mut self,
        feature: &str,
        (contig, start, end, strand): (&str, &str, &str, &str),
        text: &str,
        style: Style,
        line: u64,
    ) {
        let gene = feature == "gene" || (style == Style::Gff3 && feature.ends_with("gene"));
        let rank = match self.options.tss {
            TssSource::Gene => 0,
            TssSource::Canonical => canonical::rank(text, style),
        };
        if !gene && rank == 0 {
            return;
        }
        let Some(contig) = self.contigs.find(contig) else { return };
        // A line that makes no region is not checked.
        let (Ok(span), Ok(strand)) = (span_of((start, end)), strand_of(strand)) else { return };
        let Some(block) = clipped(span, self.contigs.length(contig)) else { return };
        let key = self.options.gene_attribute.as_deref();
        if gene && style == Style::Gff3 {
            // Its transcripts lead to it, also where gene lines make the regions.
            self.hierarchy.define(feature, text, key);
        }
        if let Some(name) = attributes::value(text, key.unwrap_or("gene_id"), style).filter(|name| !name.is_empty()) {
            self.starts.add(&attributes::decoded(name, style), (contig, strand), block, gene, rank);
        } else if style == Style::Gff3 {
            let own = attributes::value(text, if gene { "ID" } else { "Parent" }, style);
            if let Some(id) = own.and_then(|ids| ids.split(',').find(|id| !id.is_empty())) {
                let parent = self.hierarchy.node(id);
                self.start_orphans.push((Orphan { parent, line, contig, strand, block }, gene, rank));
            }
        }
    }

    /// Index of a contig; None for one that the other inputs do not have.
    fn find(&mut self, name: &str, line: u64) -> Option<usize> {
        if self.contig.0 != name {
            self.contig = (name.to_owned(), self.contigs.find(name));
            if let (Some(i), None) = (self.contig.1, &self.renamed) {
                if self.contigs.name(i) != name {
                    self.renamed = Some((name.to_owned(), self.contigs.name(i).to_owned()));
                }
            }
        }
        if self.contig.1.is_none() {
            self.left_out.on_other_contig(line, name, self.contigs);
        }
        self.contig.1
    }

    fn add(&mut self, name: &str, contig: usize, strand: u8, block: (u64, u64)) {
        let same = |g: &Gene| g.contig == contig && g.strand == strand;
        // The lines of a gene mostly follow each other.
        if let Some(gene) = self.list.get_mut(self.last as usize) {
            if same(gene) && &*gene.name == name {
                gene.blocks.push(block);
                return;
            }
        }
        let fresh = self.list.len() as u32;
        let mut at = match self.by_name.get(name) {
            Some(&first) => first,
            None => {
                self.by_name.insert(name.into(), fresh);
                fresh
            }
        };
        while let Some(gene) = self.list.get_mut(at as usize) {
            if same(gene) {
                gene.blocks.push(block);
                self.last = at;
                return;
            }
            at = *gene.next.get_or_insert(fresh);
        }
        self.last = fresh;
        self.list.push(Gene { name: name.into(), contig, strand, blocks: vec![block], next: None });
    }

    fn finish(mut self, path: &Path) -> Result<Regions> {
        let hierarchy = std::mem::take(&mut self.hierarchy);
        for orphan in std::mem::take(&mut self.orphans) {
            let name = hierarchy
                .gene(orphan.parent, self.options.gene_attribute.as_deref())
                .map_err(|problem| Error::input(path, format!("line {}: {problem}", orphan.line)))?;
            self.add(&name, orphan.contig, orphan.strand, orphan.block);
        }
        for (orphan, gene, rank) in std::mem::take(&mut self.start_orphans) {
            // A line whose gene has no name of this kind makes no region either.
            if let Ok(name) = hierarchy.gene(orphan.parent, self.options.gene_attribute.as_deref()) {
                self.starts.add(&name, (orphan.contig, orphan.strand), orphan.block, gene, rank);
            }
        }
        if self.list.is_empty() && self.left_out.other_contigs == self.used {
            return Err(Error::input(path, self.why_empty()));
        }
        self.left_out.check(path, self.list.len())?;
        if u32::try_from(self.list.len()).is_err() {
            return Err(Error::input(path, "has more than 4 billion genes"));
        }
        Ok(self.into_regions())
    }

    fn why_empty(&self) -> String {
        if self.used > 0 && self.left_out.other_contigs == self.used {
            let (theirs, ours) = (&self.contig.0, self.contigs.summary());
            return format!("holds nothing on a contig of the other inputs: it has {theirs}, they have {ours}");
        }
        if self.other_features.is_empty() {
            return "holds no region but comments and a header".into();
        }
        let (feature, has) = (&self.options.feature, self.other_features.join(", "));
        format!("holds no feature \"{feature}\" (it has {has}); name one of them with --feature-type")
    }

    fn into_regions(self) -> Regions {
        let mut genes = self.list;
        for gene in &mut genes {
            gene.blocks.sort_unstable();
            // Overlapping and touching ones are one.
            let mut kept = 0;
            for i in 1..gene.blocks.len() {
                let (start, end) = gene.blocks[i];
                if start <= gene.blocks[kept].1 {
                    gene.blocks[kept].1 = gene.blocks[kept].1.max(end);
                } else {
                    kept += 1;
                    gene.blocks[kept] = (start, end);
                }
            }
            gene.blocks.truncate(kept + 1);
        }
        let span = |g: &Gene| (g.contig, g.blocks[0].0, g.blocks[g.blocks.len() - 1].1);
        // Stable: equal spans keep the order of the file.
        genes.sort_by_key(span);
        let mut regions = Regions::empty(self.contigs);
        regions.renamed = self.renamed;
        regions.left_out = self.left_out;
        regions.genes = true;
        // SAF lists regions of any kind; genes of GTF and GFF3 have a TSS where all have a strand.
        if self.style.is_some() && genes.iter().all(|gene| gene.strand != b'.') {
            regions.anchor = Anchor::Tss;
        }
        let mut canonical = 0;
        for (i, gene) in genes.into_iter().enumerate() {
            let (contig, start, end) = span(&gene);
            let region = i as u32;
            let (known, tagged) = self.starts.span(&gene.name, (contig, gene.strand));
            canonical += u64::from(tagged);
            let tss = five_prime_end(known.unwrap_or((start, end)), gene.strand);
            regions.blocks.extend(gene.blocks.iter().map(|&(start, end)| Block { contig, start, end, region }));
            regions.list.push(Region {
                contig,
                start,
                end,
                name: gene.name.into(),
                score: ".".into(),
                strand: gene.strand,
                summit: None,
                tss,
            });
        }
        regions.canonical = (self.options.tss == TssSource::Canonical).then_some(canonical);
        regions.blocks.sort_unstable_by_key(|b| (b.contig, b.start, b.end, b.region));
        regions
    }
}

/// First and last base, 1-based, as a 0-based half-open span.
fn span_of((start, end): (&str, &str)) -> std::result::Result<(u64, u64), String> {
    let number = |text: &str, what: &str| match text.parse::<i64>() {
        Ok(n) if n >= 1 => Ok(n as u64),
        Ok(n) => Err(format!("{what} {n} is below 1")),
        Err(_) => Err(format!("{what} \"{text}\" is not a whole number")),
    };
    let (start, end) = (number(start, "start")?, number(end, "end")?);
    match end < start {
        true => Err(format!("end {end} is before start {start}")),
        false => Ok((start - 1, end)),
    }
}

fn strand_of(text: &str) -> std::result::Result<u8, String> {
    match text.trim_end() {
        "+" => Ok(b'+'),
        "-" => Ok(b'-'),
        "." | "?" | "*" | "" => Ok(b'.'),
        other => Err(format!("strand is \"{other}\"; it must be +, - or .")),
    }
}

#[cfg(test)]
#[path = "gtf_tests.rs"]
mod tests;

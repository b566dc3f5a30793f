//! FASTA, VCF and SAM text of a cross and its fragments.

use std::path::{Path, PathBuf};

use super::{truth, Cross, Fragment, Noise, Target};

impl Cross {
    /// The reference as indexed FASTA.
    pub fn fasta(&self, folder: &Path, name: &str) -> PathBuf {
        self.sequences(folder, name, Target::Reference)
    }

    /// Reference or haplotype (contigs keep their names) as indexed FASTA.
    pub fn sequences(&self, folder: &Path, name: &str, target: Target) -> PathBuf {
        let text = |p: &super::Pair| match target {
            Target::Reference => String::from_utf8_lossy(&p.contig.bases).into_owned(),
            Target::Haplotype(h) => String::from_utf8_lossy(&p.haplotypes[h]).into_owned(),
        };
        let list: Vec<(String, String)> = self.contigs.iter().map(|p| (p.contig.name.clone(), text(p))).collect();
        let list: Vec<(&str, &str)> = list.iter().map(|(n, s)| (n.as_str(), s.as_str())).collect();
        crate::fasta(folder, name, &list)
    }

    /// The variants as VCF text. Samples: `F1`, phased, haplotype 1 first; `P1` and `P2`, the inbred parents.
    pub fn vcf(&self) -> String {
        let mut text = String::from("##fileformat=VCFv4.2\n##FILTER=<ID=PASS,Description=\"All filters passed\">\n");
        for p in &self.contigs {
            text += &format!("##contig=<ID={},length={}>\n", p.contig.name, p.contig.bases.len());
        }
        text += "##FORMAT=<ID=GT,Number=1,Type=String,Description=\"Genotype\">\n";
        text += "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tF1\tP1\tP2\n";
        let mut number = 0;
        for p in &self.contigs {
            for v in &p.variants {
                number += 1;
                let alleles: Vec<_> = v.alleles.iter().map(|a| String::from_utf8_lossy(a)).collect();
                let [a, b] = v.haplotypes;
                text += &format!(
                    "{}\t{}\tv{number}\t{}\t{}\t.\tPASS\t.\tGT\t{a}|{b}\t{a}/{a}\t{b}/{b}\n",
                    p.contig.name,
                    v.start + 1,
                    alleles[0],
                    alleles[1..].join(",")
                );
            }
        }
        text
    }

    /// Fragments as sorted SAM text with a header, aligned to `target`. What cannot be aligned there is left
    /// out with its mate.
    pub fn sam<'a>(&self, fragments: impl IntoIterator<Item = &'a Fragment>, target: Target) -> String {
        let mut text = String::from("@HD\tVN:1.6\tSO:coordinate\n");
        for p in &self.contigs {
            let length = match target {
                Target::Reference => p.contig.bases.len(),
                Target::Haplotype(h) => p.haplotypes[h].len(),
            };
            text += &format!("@SQ\tSN:{}\tLN:{length}\n", p.contig.name);
        }
        text += "@RG\tID:sim\tSM:F1\n";
        let mut lines: Vec<(usize, usize, String)> =
            fragments.into_iter().filter_map(|f| self.lines(f, target)).flatten().collect();
        lines.sort_by_key(|line| (line.0, line.1));
        lines.into_iter().for_each(|l| text += &l.2);
        text
    }

    /// Contig, position and line of each record of a fragment.
    fn lines(&self, f: &Fragment, target: Target) -> Option<Vec<(usize, usize, String)>> {
        let pair = &self.contigs[f.contig];
        let name = &pair.contig.name;
        let placed: Option<Vec<_>> = f.reads.iter().map(|r| r.place(pair, f.haplotype, target)).collect();
        let placed = placed?;
        let paired = f.reads.len() == 2;
        let mate_unmapped = f.noise == Some(Noise::MateUnmapped);
        let from = placed.iter().map(|p| p.position).min()?;
        let to = placed.iter().map(|p| p.end()).max()?;
        let mut lines = Vec::new();
        for (i, read) in f.reads.iter().enumerate() {
            let p = &placed[i];
            let mut flags = read.reverse as u16 * 0x10;
            let mut mate = ("*", 0, 0i64);
            if paired {
                let other = if mate_unmapped { from } else { placed[1 - i].position };
                let size = if i == 0 { (to - from) as i64 } else { -((to - from) as i64) };
                mate = ("=", other + 1, if mate_unmapped { 0 } else { size });
                flags |= 0x1 | (f.reads[1 - i].reverse as u16 * 0x20);
                flags |= if (i == 1) != f.swapped { 0x80 } else { 0x40 };
                flags |= match (mate_unmapped, i) {
                    (false, _) => 0x2,
                    (true, 0) => 0x8,
                    _ => 0x4,
                };
            }
            flags |= match f.noise {
                Some(Noise::Duplicate) => 0x400,
                Some(Noise::QcFail) => 0x200,
                _ => 0,
            };
            let low = f.noise == Some(Noise::LowMapq) || f.noise == Some(Noise::MateLowMapq) && i == 1;
            let (bases, qualities) = read.sequenced();
            let quality_text = |q: &[u8]| q.iter().map(|q| (q + 33) as char).collect::<String>();
            let unmapped = mate_unmapped && i == 1;
            let (position, cigar) = if unmapped { (from, "*".into()) } else { (p.position, p.cigar_text()) };
            let mut line = |flags: u16, mapq: u8, cigar: &str, bases: &[u8], qualities: &[u8]| {
                let text = format!(
                    "{}\t{flags}\t{name}\t{}\t{mapq}\t{cigar}\t{}\t{}\t{}\t{}\t{}\tNM:i:{}\tAS:i:{}\tRG:Z:sim\n",
                    f.name,
                    position + 1,
                    mate.0,
                    mate.1,
                    mate.2,
                    String::from_utf8_lossy(bases),
                    quality_text(qualities),
                    p.distance,
                    p.score
                );
                lines.push((f.contig, position, text));
            };
            line(flags, if low { 3 } else { 60 }, &cigar, &bases, &qualities);
            if i == 0 && matches!(f.noise, Some(Noise::Secondary | Noise::Supplementary)) {
                // The other haplotype's base wherever an aligned base lies on one that differs.
                let shown = truth::with_other_letters(pair, f.haplotype, read);
                if f.noise == Some(Noise::Secondary) {
                    let shown = [&read.adapters[0][..], &shown, &read.adapters[1]].concat();
                    line(flags | 0x100, 60, &cigar, &shown, &qualities);
                } else {
                    let before = read.hard_clip + read.adapters[0].len();
                    let clip = |n: usize| if n > 0 { format!("{n}H") } else { String::new() };
                    let cigar = format!("{}{}M{}", clip(before), shown.len(), clip(read.adapters[1].len()));
                    if position + shown.len() < pair.contig.bases.len() {
                        line(flags | 0x800, 60, &cigar, &shown, &read.qualities);
                    }
                }
            }
        }
        Some(lines)
    }
}

//! A simulated cross written down and counted by the built commands, and the counts that its truth demands.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::{reads, truth, Cross, Fragment, Pair, Plan, ReadPlan, Target};
use crate::{deepallele, good_text, put, scratch, Table};

/// A cross and what was drawn from it, written down.
pub struct Case {
    pub folder: tempfile::TempDir,
    pub cross: Cross,
    pub fragments: Vec<Fragment>,
    pub fasta: PathBuf,
    pub vcf: PathBuf,
    pub bed: PathBuf,
    /// Contig, start, end of each region.
    pub regions: Vec<(usize, usize, usize)>,
}

impl Case {
    /// A cross as `plan` has it, with fragments drawn as `reads` has it.
    pub fn new(plan: &Plan, reads: &ReadPlan) -> Self {
        let cross = Cross::new(plan);
        let fragments = reads::draw(&cross, reads);
        Self::of(cross, fragments)
    }

    /// A cross and fragments that were made before.
    pub fn of(cross: Cross, fragments: Vec<Fragment>) -> Self {
        let folder = scratch();
        let fasta = cross.fasta(folder.path(), "reference.fa");
        let vcf = put(folder.path(), "variants.vcf", cross.vcf());
        // Every contig as a whole, and windows that overlap.
        let mut regions = Vec::new();
        for (contig, pair) in cross.contigs.iter().enumerate() {
            let length = pair.contig.bases.len();
            regions.push((contig, 0, length));
            regions.extend((0..length).step_by(150).map(|start| (contig, start, (start + 190).min(length))));
        }
        let line = |(number, r): (usize, &(usize, usize, usize))| {
            format!("{}\t{}\t{}\tr{number}\n", cross.contigs[r.0].contig.name, r.1, r.2)
        };
        let bed = put(folder.path(), "regions.bed", regions.iter().enumerate().map(line).collect::<String>());
        Self { folder, cross, fragments, fasta, vcf, bed, regions }
    }

    /// Fragments aligned to the reference, as SAM in the case's folder.
    pub fn sam(&self, name: &str, fragments: &[&Fragment]) -> PathBuf {
        let sam = self.cross.sam(fragments.iter().copied(), Target::Reference);
        put(self.folder.path(), name, sam)
    }

    /// `deepallele count` of the cross's F1 with both tables; gives back regions and variants.
    pub fn count(&self, alignments: &Path, options: &[&str]) -> Tables {
        let variants = self.folder.path().join("per_variant.tsv");
        let mut command = deepallele("count");
        command.arg(alignments).arg("-v").arg(&self.vcf).arg("-f").arg(&self.fasta).arg("-L").arg(&self.bed);
        let haplotypes: &[&str] =
            if options.iter().any(|o| o.contains("hap1") || *o == "--strain") { &[] } else { &["-s", "F1"] };
        command.args(haplotypes).args(options).arg("--per-variant").arg(&variants).arg("--quiet");
        let regions = good_text(&mut command);
        Tables { regions, variants: fs::read_to_string(variants).unwrap() }
    }

    /// hap1, hap2, uninformative and conflicting of every region, in the order of `regions`.
    pub fn by_region(&self, tables: &Tables) -> Vec<[usize; 4]> {
        let table = Table::parse(&tables.regions);
        assert_eq!(table.rows.len(), self.regions.len());
        let mut counts = vec![[0; 4]; self.regions.len()];
        for row in 0..table.rows.len() {
            let region: usize = table.text(row, "name")[1..].parse().unwrap();
            counts[region] = table.classes(row);
        }
        counts
    }

    /// The contig of a fragment.
    pub fn pair(&self, f: &Fragment) -> &Pair {
        &self.cross.contigs[f.contig]
    }

    /// hap1, hap2 and uninformative of every region by the truth, at least and at most.
    pub fn expected_regions(&self, fragments: &[&Fragment]) -> Vec<[[usize; 3]; 2]> {
        let mut counts = vec![[[0; 3]; 2]; self.regions.len()];
        for f in fragments.iter().filter(|f| f.counts()) {
            let must = truth::fragment_must_tell(self.pair(f), f);
            let may = truth::fragment_may_tell(self.pair(f), f);
            let blocks = f.blocks(self.pair(f));
            for (i, r) in self.regions.iter().enumerate() {
                if r.0 == f.contig && blocks.iter().any(|b| b.0 < r.2 && r.1 < b.1) {
                    counts[i][0][f.haplotype] += must as usize;
                    counts[i][1][f.haplotype] += may as usize;
                    counts[i][0][2] += !may as usize;
                    counts[i][1][2] += !must as usize;
                }
            }
        }
        counts
    }

    /// hap1 and hap2 of every record whose alleles differ, by contig and 1-based position: at least and at most.
    /// Fragments that tell the haplotypes apart by the records that stand close together (within 60 bases), and
    /// do so by this one alone, must count; those that do so only by all of them may.
    pub fn expected_variants(&self, fragments: &[&Fragment]) -> BTreeMap<(String, usize), [[usize; 2]; 2]> {
        let mut counts = BTreeMap::new();
        for (contig, pair) in self.cross.contigs.iter().enumerate() {
            let here: Vec<&&Fragment> = fragments.iter().filter(|f| f.contig == contig && f.counts()).collect();
            let variants = &pair.variants;
            let apart = |i: &usize| *i == 0 || variants[i - 1].end() + 60 <= variants[*i].start;
            let mut borders: Vec<usize> = (0..variants.len()).filter(apart).collect();
            borders.push(variants.len());
            for group in borders.windows(2).map(|b| b[0]..b[1]) {
                for i in group.clone().filter(|&i| variants[i].differs()) {
                    let (mut least, mut most) = ([0; 2], [0; 2]);
                    for f in &here {
                        let must = |g: std::ops::Range<usize>| truth::fragment_must_tell_variants(pair, f, g);
                        most[f.haplotype] += truth::fragment_may_tell_variants(pair, f, group.clone()) as usize;
                        least[f.haplotype] += (must(group.clone()) && must(i..i + 1)) as usize;
                    }
                    counts.insert((pair.contig.name.clone(), variants[i].start + 1), [least, most]);
                }
            }
        }
        counts
    }

    /// Demand that error-free fragments are counted as the truth has it, by region and by variant.
    pub fn demand_truth(&self, what: &str) {
        let tables = self.demand_regions(what);
        self.demand_variants(what, &tables);
    }

    /// All fragments.
    pub fn all(&self) -> Vec<&Fragment> {
        self.fragments.iter().collect()
    }

    /// [`Case::demand_truth`] for regions only; gives back both tables.
    pub fn demand_regions(&self, what: &str) -> Tables {
        let all = self.all();
        let tables = self.count(&self.sam("all.sam", &all), &[]);
        let mut wrong = Vec::new();
        for (region, (counted, expected)) in self.by_region(&tables).iter().zip(self.expected_regions(&all)).enumerate()
        {
            if !within(counted, &expected) {
                let (contig, start, end) = self.regions[region];
                wrong.push(format!("{}:{start}-{end}: {counted:?} counted, {expected:?} true", contig + 1));
            }
        }
        if !wrong.is_empty() {
            let found = self.culprits(false);
            panic!("{what}: {} regions differ, such as {}\n{found}", wrong.len(), wrong[0]);
        }
        tables
    }

    /// [`Case::demand_truth`] for the table of variants.
    pub fn demand_variants(&self, what: &str, tables: &Tables) {
        let wrong = self.wrong_variants(&self.all(), tables);
        if !wrong.is_empty() {
            let found = self.culprits(true);
            panic!(
                "{what}: {} variants differ, such as\n{}\n{found}",
                wrong.len(),
                wrong[..wrong.len().min(4)].join("\n")
            );
        }
    }

    /// Rows of the variant table that are not what the truth says of `fragments`.
    fn wrong_variants(&self, fragments: &[&Fragment], tables: &Tables) -> Vec<String> {
        let table = Table::parse(&tables.variants);
        let mut expected = self.expected_variants(fragments);
        let mut wrong = Vec::new();
        for row in 0..table.rows.len() {
            let place = (table.text(row, "chrom").to_string(), table.number(row, "pos") as usize);
            let Some(expected) = expected.remove(&place) else { continue };
            let counted = ["hap1", "hap2", "other", "conflicting"].map(|c| table.number(row, c) as usize);
            let [least, most] = expected;
            let fits = (0..2).all(|h| (least[h]..=most[h]).contains(&counted[h]));
            if !fits || counted[2] > 0 || counted[3] > 0 {
                wrong.push(format!("{}: {least:?} to {most:?} true", table.rows[row].join(" ")));
            }
        }
        wrong.extend(expected.keys().map(|place| format!("{place:?} has no row")));
        wrong
    }

    /// The first few fragments that are counted wrong when each is alone, as text to look into; by region, or by
    /// variant too.
    fn culprits(&self, by_variant: bool) -> String {
        let mut text = String::new();
        let mut shown = 0;
        // Halves are searched until single fragments are left.
        let mut stack = vec![self.all()];
        while let Some(part) = stack.pop() {
            if shown == 3 {
                break;
            }
            let tables = self.count(&self.sam("part.sam", &part), &[]);
            let counted = self.by_region(&tables);
            let wrong = if by_variant { self.wrong_variants(&part, &tables) } else { Vec::new() };
            let regions_right = counted.iter().zip(self.expected_regions(&part)).all(|(c, e)| within(c, &e));
            if regions_right && wrong.is_empty() {
                continue;
            }
            if let [f] = part[..] {
                text += &self.explain(f, &counted);
                wrong.iter().for_each(|line| text += &format!("  {line}\n"));
                shown += 1;
                continue;
            }
            let half = part.len() / 2;
            stack.push(part[half..].to_vec());
            stack.push(part[..half].to_vec());
        }
        text
    }

    fn explain(&self, f: &Fragment, counted: &[[usize; 4]]) -> String {
        let pair = self.pair(f);
        let tells = truth::fragment_tells(pair, f);
        let counted = [0, 1, 2, 3].map(|class| counted.iter().any(|c| c[class] > 0) as usize);
        let mut text = format!("{} tells: {tells}, counted [h1, h2, -, x]: {counted:?}\n", f.name);
        let sam = self.cross.sam([f], Target::Reference);
        sam.lines().filter(|l| !l.starts_with('@')).for_each(|l| text += &format!("  {l}\n"));
        let (from, to) = f.blocks(pair).iter().fold((usize::MAX, 0), |a, b| (a.0.min(b.0), a.1.max(b.1)));
        for v in pair.variants.iter().filter(|v| v.start < to + 30 && v.end() + 30 > from) {
            let alleles: Vec<_> = v.alleles.iter().map(|a| String::from_utf8_lossy(a)).collect();
            text += &format!("  {} {} {:?}\n", v.start + 1, alleles.join(","), v.haplotypes);
        }
        let from = from.saturating_sub(30);
        text + &format!(
            "  reference from {}: {}\n",
            from + 1,
            String::from_utf8_lossy(&pair.contig.bases[from..(to + 30).min(pair.contig.bases.len())])
        )
    }
}

/// True if hap1, hap2 and uninformative are within their limits, and nothing conflicts.
fn within(counted: &[usize; 4], limits: &[[usize; 3]; 2]) -> bool {
    counted[3] == 0 && (0..3).all(|i| (limits[0][i]..=limits[1][i]).contains(&counted[i]))
}

/// Both tables of a run.
pub struct Tables {
    pub regions: String,
    pub variants: String,
}

impl Case {
    /// hap1, hap2, uninformative and conflicting of these fragments, each once.
    pub fn classes<'a>(&self, fragments: impl Iterator<Item = &'a Fragment>) -> [usize; 4] {
        let part: Vec<&Fragment> = fragments.collect();
        let counts = self.by_region(&self.count(&self.sam("part.sam", &part), &[]));
        let whole = self.regions.iter().zip(counts).filter(|(r, _)| r.1 == 0 && r.2 == self.length(r.0));
        whole.fold([0; 4], |sum, (_, c)| [0, 1, 2, 3].map(|i| sum[i] + c[i]))
    }

    /// hap1, hap2, uninformative and conflicting of a whole contig by the truth.
    pub fn expected_whole(&self, contig: usize) -> [usize; 4] {
        let mut counts = [0; 4];
        for f in self.fragments.iter().filter(|f| f.contig == contig && f.counts()) {
            counts[if truth::fragment_tells(self.pair(f), f) { f.haplotype } else { 2 }] += 1;
        }
        counts
    }

    /// Bases of a contig.
    pub fn length(&self, contig: usize) -> usize {
        self.cross.contigs[contig].contig.bases.len()
    }

    /// How many of the fragments that can tell are counted for their haplotype, for the other, as
    /// uninformative, and as conflicting; and the same four for those that cannot tell, haplotype 1 and 2 first.
    pub fn verdicts(&self) -> ([usize; 4], [usize; 4]) {
        let tells = |f: &Fragment| truth::fragment_tells(self.pair(f), f);
        let of = |h: usize| self.fragments.iter().filter(move |f| f.counts() && f.haplotype == h && tells(f));
        let [one, two] = [self.classes(of(0)), self.classes(of(1))];
        let told = [one[0] + two[1], one[1] + two[0], one[2] + two[2], one[3] + two[3]];
        (told, self.classes(self.fragments.iter().filter(|f| f.counts() && !tells(f))))
    }
}

//! Fragments drawn from the haplotypes.

use rand::{Rng, SeedableRng};

use super::align::{place, ungapped, Ends, Placement};
use super::genome::{base, other_base};
use super::{truth, Cross, Dice, Pair, Target};

/// Which bases are wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errors {
    /// None; all qualities are 37.
    None,
    /// Qualities as of a sequencer (most 37, some 25, few 11 and 2), and as many errors as they say.
    ByQuality,
    /// One quality, and as many errors as it says.
    Fixed(u8),
}

/// Records that must not count, or not all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noise {
    Duplicate,
    QcFail,
    LowMapq,
    /// The second mate is not mapped.
    MateUnmapped,
    /// The second mate has a low mapping quality.
    MateLowMapq,
    /// The first read has a secondary alignment too, in which it shows the other haplotype.
    Secondary,
    /// The first read has a supplementary alignment too, hard-clipped, that shows the other haplotype.
    Supplementary,
}

impl Noise {
    pub const ALL: [Noise; 7] = [
        Noise::Duplicate,
        Noise::QcFail,
        Noise::LowMapq,
        Noise::MateUnmapped,
        Noise::MateLowMapq,
        Noise::Secondary,
        Noise::Supplementary,
    ];
}

/// What to draw.
#[derive(Clone, Debug)]
pub struct ReadPlan {
    pub seed: u64,
    /// Fragments of each contig.
    pub fragments: usize,
    /// Bases of a read.
    pub length: usize,
    /// Length of the fragment of a pair: at least, at most. Mates of short ones overlap.
    pub insert: (usize, usize),
    /// Share of pairs; the rest are single reads.
    pub paired: f64,
    /// Share of the single reads that are spliced.
    pub spliced: f64,
    pub errors: Errors,
    /// What happens to read ends: one of these a read.
    pub ends: Vec<Ends>,
    /// Share of reads whose gaps lie in another place that fits as well.
    pub shifted: f64,
    /// Share of reads with random bases at an end, clipped.
    pub adapters: f64,
    /// Share of reads that lost bases at their start to a hard clip.
    pub hard_clipped: f64,
    /// Share of fragments with a [`Noise`].
    pub noise: f64,
}

impl ReadPlan {
    /// Error-free single and paired reads of 100 bases, left-aligned to their ends, nothing else.
    pub fn clean(seed: u64) -> Self {
        Self {
            seed,
            fragments: 400,
            length: 100,
            insert: (110, 320),
            paired: 0.5,
            spliced: 0.0,
            errors: Errors::None,
            ends: vec![Ends::Keep],
            shifted: 0.0,
            adapters: 0.0,
            hard_clipped: 0.0,
            noise: 0.0,
        }
    }

    /// Everything an aligner's file has, with errors by quality.
    pub fn everything(seed: u64) -> Self {
        Self {
            spliced: 0.3,
            errors: Errors::ByQuality,
            ends: vec![Ends::Keep, Ends::Clip(8), Ends::Mismatch(4), Ends::Local],
            shifted: 0.5,
            adapters: 0.1,
            hard_clipped: 0.1,
            noise: 0.3,
            ..Self::clean(seed)
        }
    }
}

/// One read, in the direction of the reference.
#[derive(Clone, Debug)]
pub struct Read {
    /// Stretches of its haplotype, 0-based half-open; several if it is spliced.
    pub segments: Vec<(usize, usize)>,
    pub bases: Vec<u8>,
    pub qualities: Vec<u8>,
    pub reverse: bool,
    /// Which of `bases` are sequencing errors.
    pub errors: Vec<usize>,
    pub ends: Ends,
    /// Seed for moving the gaps, if they are moved.
    pub shift: Option<u64>,
    /// Random bases before and behind, which the aligner clips.
    pub adapters: [Vec<u8>; 2],
    /// Bases hard-clipped before.
    pub hard_clip: usize,
}

impl Read {
    /// Its alignment to `target`, clips of adapters and hard clips included. On the other haplotype a read that
    /// fits without any gap lies so, as an aligner would have it.
    pub fn place(&self, pair: &Pair, h: usize, target: Target) -> Option<Placement> {
        let (columns, sequence) = pair.map(h, target);
        let mut dice = self.shift.map(Dice::seed_from_u64);
        let whole = match (target, &self.segments[..]) {
            (Target::Haplotype(t), [segment]) if t != h => truth::place_on_other(pair, h, *segment),
            _ => None,
        };
        let mut p = match whole {
            Some(at) => ungapped(at, &self.bases, sequence),
            None => place(columns, &self.segments, &self.bases, sequence, self.ends, dice.as_mut())?,
        };
        for (before, adapter) in [(true, &self.adapters[0]), (false, &self.adapters[1])] {
            if adapter.is_empty() {
                continue;
            }
            let at = if before { 0 } else { p.cigar.len() - 1 };
            if p.cigar[at].1 == 'S' {
                p.cigar[at].0 += adapter.len();
            } else {
                p.cigar.insert(if before { 0 } else { at + 1 }, (adapter.len(), 'S'));
            }
        }
        if self.hard_clip > 0 {
            p.cigar.insert(0, (self.hard_clip, 'H'));
        }
        Some(p)
    }

    /// All bases with the adapters, and their qualities.
    pub fn sequenced(&self) -> (Vec<u8>, Vec<u8>) {
        let bases = [&self.adapters[0][..], &self.bases, &self.adapters[1]].concat();
        let [before, behind] = [0, 1].map(|i| vec![37; self.adapters[i].len()]);
        (bases, [&before[..], &self.qualities, &behind].concat())
    }
}

/// A molecule with its reads. The name says the truth: haplotype, contig, stretch on it, number.
#[derive(Clone, Debug)]
pub struct Fragment {
    pub name: String,
    pub contig: usize,
    /// 0 or 1.
    pub haplotype: usize,
    /// One, or two mates by position.
    pub reads: Vec<Read>,
    /// True if the first of `reads` is the second in the pair.
    pub swapped: bool,
    pub noise: Option<Noise>,
}

impl Fragment {
    /// False for duplicates and what else must not count at all.
    pub fn counts(&self) -> bool {
        !matches!(self.noise, Some(Noise::Duplicate | Noise::QcFail | Noise::LowMapq))
    }

    /// The reads that count.
    pub fn counted_reads(&self) -> impl Iterator<Item = &Read> {
        let n = match self.noise {
            Some(Noise::MateUnmapped | Noise::MateLowMapq) => 1,
            _ => self.reads.len(),
        };
        self.reads.iter().take(if self.counts() { n } else { 0 })
    }

    /// Aligned stretches of the reads that count, on the reference.
    pub fn blocks(&self, pair: &Pair) -> Vec<(usize, usize)> {
        let place = |r: &Read| r.place(pair, self.haplotype, Target::Reference).map(|p| p.blocks());
        self.counted_reads().filter_map(place).flatten().collect()
    }
}

/// Draw fragments, contig by contig.
pub fn draw(cross: &Cross, plan: &ReadPlan) -> Vec<Fragment> {
    let mut dice = Dice::seed_from_u64(plan.seed);
    let mut list = Vec::with_capacity(plan.fragments * cross.contigs.len());
    for (contig, pair) in cross.contigs.iter().enumerate() {
        let (mut made, mut tries) = (0, 0);
        while made < plan.fragments && tries < 50 * plan.fragments {
            tries += 1;
            if let Some(mut fragment) = one(&mut dice, pair, contig, plan) {
                fragment.name += &format!(":{}", list.len());
                list.push(fragment);
                made += 1;
            }
        }
    }
    list
}

fn one(dice: &mut Dice, pair: &Pair, contig: usize, plan: &ReadPlan) -> Option<Fragment> {
    let haplotype = dice.random_range(0..2);
    let length = pair.haplotypes[haplotype].len();
    let paired = dice.random_bool(plan.paired);
    let spliced = !paired && dice.random_bool(plan.spliced);
    let span = match (paired, spliced) {
        (true, _) => dice.random_range(plan.insert.0..=plan.insert.1),
        (_, true) => plan.length + dice.random_range(30..400),
        _ => plan.length,
    };
    if span + 2 > length {
        return None;
    }
    let start = dice.random_range(0..=length - span);
    let end = start + span;
    let mut segments = Vec::new();
    if spliced {
        let before = dice.random_range(10..=plan.length - 10);
        let (a, b) = (start + before, end - (plan.length - before));
        for columns in [&pair.to_reference[haplotype], &pair.to_other[haplotype]] {
            if !columns.smooth(a, 8) || !columns.smooth(b, 8) {
                return None;
            }
        }
        // Beside a change of length nobody could say where the splice is.
        let lengths = pair.variants.iter().zip(&pair.places[haplotype]);
        let mut lengths = lengths.filter(|(v, _)| v.alleles.iter().any(|a| a.len() != v.alleles[0].len()));
        if lengths.any(|(_, p)| [a, b].iter().any(|&at| p.0 < at + 40 && at < p.1 + 40)) {
            return None;
        }
        segments.push(vec![(start, a), (b, end)]);
    } else if paired {
        let n = plan.length.min(span);
        segments.push(vec![(start, start + n)]);
        segments.push(vec![(end - n, end)]);
    } else {
        segments.push(vec![(start, end)]);
    }
    let reverse = dice.random_bool(0.5);
    let mut reads = Vec::new();
    for (i, segments) in segments.into_iter().enumerate() {
        let reverse = if paired { i == 1 } else { reverse };
        let read = read(dice, pair, haplotype, segments, reverse, plan);
        read.place(pair, haplotype, Target::Reference)?;
        reads.push(read);
    }
    // A pair whose second read got placed before its first would not be named by position.
    let noise = dice.random_bool(plan.noise).then(|| Noise::ALL[dice.random_range(0..Noise::ALL.len())]);
    let mates_only = matches!(noise, Some(Noise::MateUnmapped | Noise::MateLowMapq));
    Some(Fragment {
        name: format!("h{}:{}:{start}-{end}", haplotype + 1, pair.contig.name),
        contig,
        haplotype,
        swapped: paired && dice.random_bool(0.5),
        noise: noise.filter(|_| paired || !mates_only),
        reads,
    })
}

fn read(dice: &mut Dice, pair: &Pair, h: usize, segments: Vec<(usize, usize)>, reverse: bool, plan: &ReadPlan) -> Read {
    let mut bases: Vec<u8> = segments.iter().flat_map(|&(s, e)| &pair.haplotypes[h][s..e]).copied().collect();
    let mut errors = Vec::new();
    let quality = |dice: &mut Dice| match plan.errors {
        Errors::None => 37,
        Errors::Fixed(q) => q,
        Errors::ByQuality => match dice.random_range(0..100) {
            0..90 => 37,
            90..97 => 25,
            97..99 => 11,
            _ => 2,
        },
    };
    let qualities: Vec<u8> = bases.iter().map(|_| quality(dice)).collect();
    if plan.errors != Errors::None {
        for (i, (b, &q)) in bases.iter_mut().zip(&qualities).enumerate() {
            if dice.random_bool(10f64.powf(-(q as f64) / 10.0).min(0.75)) {
                *b = other_base(dice, *b);
                errors.push(i);
            }
        }
    }
    let mut adapters = [vec![], vec![]];
    if dice.random_bool(plan.adapters) {
        let n = dice.random_range(3..=20);
        adapters[dice.random_range(0..2)] = (0..n).map(|_| base(dice)).collect();
    }
    Read {
        segments,
        bases,
        qualities,
        reverse,
        errors,
        ends: plan.ends[dice.random_range(0..plan.ends.len())],
        shift: dice.random_bool(plan.shifted).then(|| dice.random()),
        adapters,
        hard_clip: if dice.random_bool(plan.hard_clipped) { dice.random_range(1..=30) } else { 0 },
    }
}

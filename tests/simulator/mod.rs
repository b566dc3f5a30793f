//! Crosses with known truth, for tests only: a random reference with repeats, two haplotypes that differ from
//! it in every way a VCF can say, and fragments drawn from each, placed as an aligner would place them.
//! Everything follows from a seed.
//!
//! The pieces: [`genome`] makes references, [`variants`] puts variants on them, [`haplotypes`] has the two
//! sequences and the map between any two of reference, haplotype 1 and haplotype 2, [`reads`] draws
//! fragments, [`align`] gives them positions and CIGARs, [`truth`] says from the bare sequences which
//! fragments can tell the haplotypes apart, and [`files`] writes FASTA, VCF and SAM.

pub mod align;
pub mod case;
pub mod files;
pub mod genome;
pub mod haplotypes;
pub mod reads;
pub mod truth;
pub mod variants;

pub use align::Ends;
pub use case::{Case, Tables};
pub use genome::Contig;
pub use haplotypes::Target;
pub use reads::{Errors, Fragment, Noise, Read, ReadPlan};
pub use variants::{CrossKind, Kind, Variant};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// The generator of everything here: its stream is the same in every release.
pub type Dice = ChaCha8Rng;

/// How a cross is made.
#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    pub contigs: usize,
    /// Bases of each contig.
    pub length: usize,
    pub cross: CrossKind,
    /// Kinds of variants, drawn with equal chances.
    pub kinds: Vec<Kind>,
    /// Bases between one variant (or group of them) and the next: at least, at most.
    pub spacing: (usize, usize),
}

impl Plan {
    /// Variants of `kinds` 60 to 200 bases apart on four contigs of 6 kb.
    pub fn new(seed: u64, cross: CrossKind, kinds: &[Kind]) -> Self {
        Self { seed, contigs: 4, length: 6000, cross, kinds: kinds.to_vec(), spacing: (60, 200) }
    }
}

/// A contig and the two haplotypes on it.
pub struct Pair {
    pub contig: Contig,
    pub variants: Vec<Variant>,
    /// Sequences of haplotype 1 and 2.
    pub haplotypes: [Vec<u8>; 2],
    /// The stretch of each record on haplotype 1 and 2, 0-based half-open.
    pub places: [Vec<(usize, usize)>; 2],
    /// From each haplotype to the reference.
    pub to_reference: [haplotypes::Columns; 2],
    /// From each haplotype to the other.
    pub to_other: [haplotypes::Columns; 2],
    /// From each haplotype to itself.
    pub to_itself: [haplotypes::Columns; 2],
}

impl Pair {
    fn new(contig: Contig, variants: Vec<Variant>) -> Self {
        let haplotypes = [0, 1].map(|h| haplotypes::sequence(&contig.bases, &variants, h));
        let columns = |h: usize, target: Target| haplotypes::Columns::new(&contig.bases, &variants, h, target);
        Self {
            places: [0, 1].map(|h| haplotypes::places(&variants, h)),
            to_reference: [0, 1].map(|h| columns(h, Target::Reference)),
            to_other: [columns(0, Target::Haplotype(1)), columns(1, Target::Haplotype(0))],
            to_itself: [columns(0, Target::Haplotype(0)), columns(1, Target::Haplotype(1))],
            haplotypes,
            contig,
            variants,
        }
    }

    /// The map from haplotype `h` (0 or 1) to `target`, and the target's sequence.
    pub fn map(&self, h: usize, target: Target) -> (&haplotypes::Columns, &[u8]) {
        match target {
            Target::Reference => (&self.to_reference[h], &self.contig.bases),
            Target::Haplotype(t) if t == h => (&self.to_itself[h], &self.haplotypes[t]),
            Target::Haplotype(t) => (&self.to_other[h], &self.haplotypes[t]),
        }
    }
}

/// Two haplotypes on all contigs.
pub struct Cross {
    pub kind: CrossKind,
    pub contigs: Vec<Pair>,
}

impl Cross {
    /// Make what `plan` asks for.
    pub fn new(plan: &Plan) -> Self {
        let mut dice = Dice::seed_from_u64(plan.seed);
        let contigs = (0..plan.contigs)
            .map(|i| {
                let contig = Contig::random(&mut dice, format!("chr{}", i + 1), plan.length);
                let variants = variants::scatter(&mut dice, &contig, plan);
                Pair::new(contig, variants)
            })
            .collect();
        Self { kind: plan.cross, contigs }
    }

    /// A cross of given sequences and variants, for cases written out by hand. Variants are sorted, as in a VCF.
    pub fn by_hand(kind: CrossKind, contigs: Vec<(Contig, Vec<Variant>)>) -> Self {
        Self { kind, contigs: contigs.into_iter().map(|(c, v)| Pair::new(c, v)).collect() }
    }
}

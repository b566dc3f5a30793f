//! Pairs of reads drawn from a contig, and their records in order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::Write;
use std::path::Path;

use rand::{Rng, RngCore};
use rand_chacha::ChaCha8Rng;
use rust_htslib::bam::{self, header::HeaderRecord, record::Aux, Record};

use crate::contig::{other, Contig, Walk, READ};
use crate::{Options, Result};

/// No record is written before those that may still come to lie before it have come.
const MARGIN: i64 = 2000;

/// Qualities in the eight steps that sequencers report, worse towards the end of a read, each like the one before.
struct Qualities {
    errors: [u32; 64],
}

impl Qualities {
    const STEPS: [u8; 7] = [2, 12, 23, 27, 32, 37, 41];

    fn new() -> Self {
        let mut errors = [0; 64];
        for (q, e) in errors.iter_mut().enumerate() {
            *e = (10f64.powf(-(q as f64) / 10.0).min(0.75) * u32::MAX as f64) as u32;
        }
        Self { errors }
    }

    /// Qualities of a read and its errors, put into `bases`.
    fn draw(&self, dice: &mut ChaCha8Rng, bases: &mut [u8], qualities: &mut [u8], reverse: bool) {
        let n = bases.len();
        let mut step = 6usize;
        for i in 0..n {
            let roll = dice.next_u32() % 1000;
            let wear = (i / 8) as u32;
            if roll < 25 + 4 * wear {
                step = step.saturating_sub(1 + (roll % 2) as usize);
            } else if roll > 850 + 4 * wear {
                step = (step + 2).min(6);
            }
            let at = if reverse { n - 1 - i } else { i };
            qualities[at] = Self::STEPS[step];
            if dice.next_u32() < self.errors[Self::STEPS[step] as usize] {
                bases[at] = other(dice, bases[at]);
            }
        }
    }
}

struct Pending {
    record: Record,
    order: u64,
}

impl PartialEq for Pending {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}
impl Eq for Pending {}
impl PartialOrd for Pending {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Pending {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}
impl Pending {
    fn key(&self) -> (i64, u64) {
        (self.record.pos(), self.order)
    }
}

/// A BAM written in order of position from records that come nearly in order.
pub struct Sorted {
    writer: bam::Writer,
    waiting: BinaryHeap<Reverse<Pending>>,
    order: u64,
}

impl Sorted {
    /// A new file for contigs `chr1` and so on.
    pub fn create(path: &Path, lengths: &[usize]) -> Result<Self> {
        let mut header = bam::Header::new();
        header.push_record(HeaderRecord::new(b"HD").push_tag(b"VN", "1.6").push_tag(b"SO", "coordinate"));
        for (i, &length) in lengths.iter().enumerate() {
            let name = format!("chr{}", i + 1);
            header.push_record(HeaderRecord::new(b"SQ").push_tag(b"SN", &name).push_tag(b"LN", length));
        }
        header.push_record(HeaderRecord::new(b"RG").push_tag(b"ID", "sim").push_tag(b"SM", "F1"));
        let mut writer = bam::Writer::from_path(path, &header, bam::Format::Bam)?;
        writer.set_threads(2)?;
        Ok(Self { writer, waiting: BinaryHeap::new(), order: 0 })
    }

    fn put(&mut self, record: Record) {
        self.order += 1;
        self.waiting.push(Reverse(Pending { record, order: self.order }));
    }

    /// Write all that lies before `position`.
    fn flush(&mut self, position: i64) -> Result<()> {
        while self.waiting.peek().is_some_and(|p| p.0.record.pos() < position) {
            if let Some(Reverse(p)) = self.waiting.pop() {
                self.writer.write(&p.record)?;
            }
        }
        Ok(())
    }
}

/// Both mates of a fragment as records on `target`.
fn mates(contig: &Contig, tid: i32, f: &Drawn, target: usize) -> Result<[Record; 2]> {
    let mut walks = f.starts.map(|at| contig.walk(f.haplotype, target, at));
    for (i, walk) in walks.iter_mut().enumerate() {
        walk.mend(f.clips[i]);
    }
    let from = walks[0].position.min(walks[1].position);
    let size = (walks[0].end().max(walks[1].end()) - from) as i64;
    let mut records = [Record::new(), Record::new()];
    for (i, record) in records.iter_mut().enumerate() {
        let walk = &walks[i];
        record.set(&f.name, Some(&walk.cigar()), &f.bases[i][..walk.bases.len()], &f.qualities[i][..walk.bases.len()]);
        let mut flags = 0x3 | if i == 0 { 0x20 } else { 0x10 } | if (i == 0) == f.first_ahead { 0x40 } else { 0x80 };
        flags |= if f.duplicate { 0x400 } else { 0 };
        record.set_flags(flags);
        record.set_tid(tid);
        record.set_pos(walk.position as i64);
        record.set_mtid(tid);
        record.set_mpos(walks[1 - i].position as i64);
        record.set_insert_size(if i == 0 { size } else { -size });
        record.set_mapq(f.mapq);
        let sequence = &f.target_bases(contig, target, walk);
        let (distance, score) = tags(walk, &f.bases[i], sequence);
        record.push_aux(b"NM", Aux::U8(distance.min(255) as u8))?;
        record.push_aux(b"AS", Aux::U8(score.max(0) as u8))?;
        record.push_aux(b"RG", Aux::String("sim"))?;
    }
    Ok(records)
}

/// Edit distance and score (1 a match, -4 a mismatch, -6 and -1 a base a gap) against the target's bases.
fn tags(walk: &Walk, bases: &[u8], target: &[u8]) -> (usize, i64) {
    let (mut b, mut t, mut distance, mut score) = (0, 0, 0, 0i64);
    for &(kind, n) in &walk.runs {
        match kind {
            b'M' => {
                let differ = bases[b..b + n].iter().zip(&target[t..t + n]).filter(|(x, y)| x != y).count();
                distance += differ;
                score += n as i64 - 5 * differ as i64;
                b += n;
                t += n;
            }
            b'S' => b += n,
            b'I' | b'D' => {
                distance += n;
                score -= 6 + n as i64;
                *(if kind == b'I' { &mut b } else { &mut t }) += n;
            }
            _ => {}
        }
    }
    (distance, score)
}

/// A fragment, before it is aligned.
struct Drawn {
    name: Vec<u8>,
    haplotype: usize,
    /// Reference positions at which the mates begin.
    starts: [usize; 2],
    bases: [Vec<u8>; 2],
    qualities: [Vec<u8>; 2],
    clips: [bool; 2],
    first_ahead: bool,
    duplicate: bool,
    mapq: u8,
}

impl Drawn {
    /// The target's bases under an aligned read.
    fn target_bases(&self, contig: &Contig, target: usize, walk: &Walk) -> Vec<u8> {
        let (from, to) = (walk.position, walk.end());
        if target == 0 {
            return contig.reference[from..to].to_vec();
        }
        let mut next = contig.changes.partition_point(|c| c.strain + c.bases.len() <= from);
        let mut bases = Vec::with_capacity(to - from);
        // Reference position of the strain's base `at`, in between changes.
        let mut at = from;
        while at < to {
            let before = next.checked_sub(1).map(|i| &contig.changes[i]);
            let (mut own, mut reference) = before.map_or((0, 0), |c| (c.strain + c.bases.len(), c.end));
            reference += at - own.min(at);
            own = at;
            match contig.changes.get(next) {
                Some(c) if c.strain <= at => {
                    let some = &c.bases[at - c.strain..];
                    bases.extend_from_slice(&some[..some.len().min(to - at)]);
                    at = own + some.len();
                    next += 1;
                }
                c => {
                    let n = c.map_or(to, |c| c.strain.min(to)) - at;
                    bases.extend_from_slice(&contig.reference[reference..reference + n]);
                    at += n;
                }
            }
        }
        bases
    }
}

/// Draw the fragments of `contig` and write them, aligned to each genome, to `out`.
pub fn reads(dice: &mut ChaCha8Rng, contig: &Contig, tid: i32, o: &Options, out: &mut [Sorted]) -> Result<()> {
    let steps = Qualities::new();
    let usable = (contig.reference.len() - 3000) as f64;
    let pairs = o.pairs / o.contigs;
    let (mut at, gap) = (1000f64, usable / pairs as f64);
    for number in 0..pairs {
        at += 2.0 * gap * dice.random::<f64>();
        let start = (at as usize).min(contig.reference.len() - 1500);
        // Lengths about 250: a third of the mates overlap.
        let insert = 110 + (0..4).map(|_| dice.random_range(0..70usize)).sum::<usize>();
        let haplotype = dice.random_range(0..2);
        let starts = [start, start + insert - READ];
        let mut f = Drawn {
            name: Vec::new(),
            haplotype,
            starts,
            bases: starts.map(|at| contig.walk(haplotype, haplotype, at).bases),
            qualities: [vec![0; READ], vec![0; READ]],
            clips: [dice.random_bool(0.5), dice.random_bool(0.5)],
            first_ahead: dice.random_bool(0.5),
            duplicate: dice.random_bool(0.05),
            mapq: if dice.random_bool(0.95) { 60 } else { dice.random_range(0..60) },
        };
        write!(
            f.name,
            "SIM:7:HCROSS:{}:{}:{}:{number}",
            haplotype + 1,
            1101 + dice.random_range(0..78u32),
            1000 + dice.random_range(0..31_000u32)
        )?;
        for i in 0..2 {
            steps.draw(dice, &mut f.bases[i], &mut f.qualities[i], i == 1);
        }
        for (target, sorted) in out.iter_mut().enumerate() {
            let [one, two] = mates(contig, tid, &f, target)?;
            let reached = one.pos();
            sorted.put(one);
            sorted.put(two);
            sorted.flush(reached - MARGIN)?;
        }
    }
    out.iter_mut().try_for_each(|sorted| sorted.flush(i64::MAX))
}

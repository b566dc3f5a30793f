//! The input of the count benchmarks: a reference with repeats, its cross with a strain, and pairs of reads
//! as a sorted BAM, written contig by contig. Everything follows from the seed.
//!
//!     simulate_cross FOLDER [--contigs 8] [--length 25000000] [--variants 1000000] [--pairs 5000000]
//!                    [--seed 1] [--second-genome]
//!
//! FOLDER gets reference.fa, variants.bcf (sample F1 with phased calls, sample STRAIN homozygous), regions.bed
//! (one window of 1 kb every 4 kb) and reads.bam; with --second-genome also strain.fa and reads.strain.bam, the
//! same reads aligned to it. samtools and bcftools write the indexes. The fourth part of a read name is the true
//! haplotype, 1 (reference) or 2 (strain).

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rust_htslib::bam::record::{Aux, Cigar, CigarString};
use rust_htslib::bam::{self, header::HeaderRecord, Record};

const READ: usize = 100;
/// Gaps closer to a read's end than this are clipped or aligned through, as aligners do.
const NEAR: usize = 5;
/// No record is written before those that may still come to lie before it have come.
const MARGIN: i64 = 2000;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

struct Options {
    folder: PathBuf,
    contigs: usize,
    length: usize,
    variants: usize,
    pairs: usize,
    seed: u64,
    second: bool,
}

fn options() -> Result<Options> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("give a folder")?.into();
    let mut o = Options {
        folder,
        contigs: 8,
        length: 25_000_000,
        variants: 1_000_000,
        pairs: 5_000_000,
        seed: 1,
        second: false,
    };
    while let Some(name) = arguments.next() {
        if name == "--second-genome" {
            o.second = true;
            continue;
        }
        let value: usize = arguments.next().ok_or("an option lacks its value")?.parse()?;
        match name.as_str() {
            "--contigs" => o.contigs = value,
            "--length" => o.length = value,
            "--variants" => o.variants = value,
            "--pairs" => o.pairs = value,
            "--seed" => o.seed = value as u64,
            _ => return Err(format!("no option {name}").into()),
        }
    }
    Ok(o)
}

/// A difference of the strain: the bases behind reference `start..end` in its place, and where it begins there.
struct Change {
    start: usize,
    end: usize,
    bases: Vec<u8>,
    /// On the strain's contig.
    strain: usize,
}

struct Contig {
    name: String,
    reference: Vec<u8>,
    changes: Vec<Change>,
}

fn base(dice: &mut ChaCha8Rng) -> u8 {
    b"ACGT"[(dice.next_u32() >> 30) as usize]
}

fn other(dice: &mut ChaCha8Rng, than: u8) -> u8 {
    loop {
        let b = base(dice);
        if b != than {
            return b;
        }
    }
}

/// Random bases, with a homopolymer or tandem repeat every 300 bases or so.
fn reference(dice: &mut ChaCha8Rng, length: usize) -> Vec<u8> {
    let mut bases: Vec<u8> = (0..length).map(|_| base(dice)).collect();
    let mut at = 500;
    while at + 500 < length {
        let unit = if dice.random_bool(0.7) { 1 } else { dice.random_range(2..=4) };
        let copies = dice.random_range(if unit == 1 { 5..=15 } else { 3..=8 });
        for i in unit..unit * copies {
            bases[at + i] = bases[at + i - unit];
        }
        at += unit * copies + dice.random_range(50..550);
    }
    bases
}

/// A record of the VCF at about `at`, left-aligned: position, REF and ALT.
fn record(dice: &mut ChaCha8Rng, reference: &[u8], at: usize) -> (usize, Vec<u8>, Vec<u8>) {
    if dice.random_bool(0.85) {
        return (at, vec![reference[at]], vec![other(dice, reference[at])]);
    }
    // Indels are short for the most part; half of the insertions copy what stands beside them.
    let size = (1..20).find(|_| dice.random_bool(0.5)).unwrap_or(20);
    let (mut start, mut end, mut bases) = (at, at, Vec::new());
    if dice.random_bool(0.5) {
        end = at + size;
    } else if dice.random_bool(0.5) {
        bases = reference[at..at + size].to_vec();
    } else {
        bases = (0..size).map(|_| base(dice)).collect();
    }
    loop {
        let last = if bases.is_empty() { reference[end - 1] } else { bases[bases.len() - 1] };
        if start < 400 || reference[start - 1] != last {
            break;
        }
        (start, end) = (start - 1, end - 1);
        if !bases.is_empty() {
            bases.rotate_right(1);
        }
    }
    let before = reference[start - 1];
    (start - 1, reference[start - 1..end].to_vec(), [&[before][..], &bases].concat())
}

fn contig(dice: &mut ChaCha8Rng, number: usize, o: &Options, vcf: &mut impl Write) -> Result<Contig> {
    let name = format!("chr{number}");
    let reference = reference(dice, o.length);
    let spacing = o.length as f64 / (o.variants as f64 / o.contigs as f64);
    let (mut at, mut past, mut shift) = (500f64, 0, 0i64);
    let mut changes = Vec::new();
    loop {
        at += -spacing * (1.0 - dice.random::<f64>()).ln();
        if at as usize + 500 > o.length {
            break;
        }
        let (start, old, new) = record(dice, &reference, at as usize);
        if start < past {
            continue;
        }
        past = start + old.len();
        let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
        writeln!(vcf, "{name}\t{}\t.\t{}\t{}\t.\tPASS\t.\tGT\t0|1\t1/1", start + 1, text(&old), text(&new))?;
        let shared = if old.len() == new.len() { 0 } else { 1 };
        let (old, bases) = (old.len() - shared, new[shared..].to_vec());
        let first = start + shared;
        changes.push(Change { start: first, end: first + old, strain: (first as i64 + shift) as usize, bases });
        shift += (new.len() - shared) as i64 - old as i64;
    }
    Ok(Contig { name, reference, changes })
}

/// A read in the making: a run of each kind of operation.
struct Walk {
    bases: Vec<u8>,
    position: usize,
    runs: Vec<(u8, usize)>,
}

impl Contig {
    /// The read of [`READ`] bases of a haplotype (0 reference, 1 strain) that begins at reference base `at`,
    /// moved behind a change that `at` lies in; aligned to `target` (0 or 1).
    fn walk(&self, haplotype: usize, target: usize, at: usize) -> Walk {
        let mut next = self.changes.partition_point(|c| c.end.max(c.start + 1) <= at);
        let mut at = at;
        if let Some(c) = self.changes.get(next).filter(|c| c.start < at) {
            at = c.end;
            next += 1;
        }
        let position = if target == 0 { at } else { self.on_strain(at, next) };
        let mut walk = Walk { bases: Vec::with_capacity(READ + 32), position, runs: Vec::with_capacity(4) };
        while walk.bases.len() < READ {
            let Some(c) = self.changes.get(next) else {
                walk.copy(&self.reference[at..]);
                break;
            };
            walk.copy(&self.reference[at..c.start]);
            if walk.bases.len() >= READ {
                break;
            }
            let alleles = [&self.reference[c.start..c.end], &c.bases[..]];
            let (own, theirs) = (alleles[haplotype], alleles[target].len());
            let left = READ - walk.bases.len();
            let own = &own[..own.len().min(left)];
            walk.bases.extend_from_slice(own);
            walk.run(b'M', own.len().min(theirs));
            walk.run(b'I', own.len().saturating_sub(theirs));
            if walk.bases.len() < READ {
                walk.run(b'D', theirs.saturating_sub(own.len()));
            }
            at = c.end;
            next += 1;
        }
        walk
    }

    /// Where reference base `at` lies on the strain; `next` is the first change at or behind it.
    fn on_strain(&self, at: usize, next: usize) -> usize {
        match next.checked_sub(1).map(|i| &self.changes[i]) {
            Some(c) => c.strain + c.bases.len() + (at - c.end),
            None => at,
        }
    }

    fn strain(&self) -> Vec<u8> {
        let (mut bases, mut at) = (Vec::with_capacity(self.reference.len()), 0);
        for c in &self.changes {
            bases.extend_from_slice(&self.reference[at..c.start]);
            bases.extend_from_slice(&c.bases);
            at = c.end;
        }
        bases.extend_from_slice(&self.reference[at..]);
        bases
    }
}

impl Walk {
    fn copy(&mut self, from: &[u8]) {
        let n = from.len().min(READ - self.bases.len());
        self.bases.extend_from_slice(&from[..n]);
        self.run(b'M', n);
    }

    fn run(&mut self, kind: u8, n: usize) {
        match self.runs.last_mut() {
            _ if n == 0 => {}
            Some(last) if last.0 == kind => last.1 += n,
            _ => self.runs.push((kind, n)),
        }
    }

    /// What aligners do to gaps near an end: they clip there, or align through.
    fn mend(&mut self, clip: bool) {
        while let Some(&(kind, n)) = self.runs.first().filter(|r| matches!(r.0, b'I' | b'D')) {
            // Only a lone inserted stretch can be clipped; a read begins behind what is deleted.
            if kind == b'I' {
                self.runs[0].0 = b'S';
            } else {
                self.position += n;
                self.runs.remove(0);
            }
        }
        let plain = |runs: &[(u8, usize)]| runs[0].0 == b'M' && runs[2].0 == b'M';
        if self.runs.len() > 2 && self.runs[0].1 <= NEAR && plain(&self.runs[..3]) {
            let (first, gap, behind) = (self.runs[0].1, self.runs[1], self.runs[2].1);
            let inserted = if gap.0 == b'I' { gap.1 } else { 0 };
            let ahead = first + inserted;
            self.position += first + if gap.0 == b'D' { gap.1 } else { 0 };
            let replaced = if clip {
                vec![(b'S', ahead), (b'M', behind)]
            } else {
                self.position -= ahead;
                vec![(b'M', ahead + behind)]
            };
            self.runs.splice(..3, replaced);
        }
        if self.runs.last().is_some_and(|r| r.0 != b'M') {
            let last = self.runs.len() - 1;
            if self.runs[last].0 == b'I' {
                self.runs[last].0 = b'S';
            } else {
                self.runs.pop();
            }
        } else if self.runs.len() > 2
            && self.runs[self.runs.len() - 1].1 <= NEAR
            && plain(&self.runs[self.runs.len() - 3..])
        {
            let last = self.runs.len() - 1;
            let inserted = if self.runs[last - 1].0 == b'I' { self.runs[last - 1].1 } else { 0 };
            let behind = self.runs[last].1 + inserted;
            let before = self.runs[last - 2];
            let replaced = if clip { vec![before, (b'S', behind)] } else { vec![(b'M', before.1 + behind)] };
            self.runs.splice(last - 2.., replaced);
        }
    }

    fn cigar(&self) -> CigarString {
        let one = |&(kind, n): &(u8, usize)| match kind {
            b'M' => Cigar::Match(n as u32),
            b'I' => Cigar::Ins(n as u32),
            b'D' => Cigar::Del(n as u32),
            _ => Cigar::SoftClip(n as u32),
        };
        CigarString(self.runs.iter().map(one).collect())
    }

    fn end(&self) -> usize {
        self.position + self.runs.iter().filter(|r| matches!(r.0, b'M' | b'D')).map(|r| r.1).sum::<usize>()
    }
}

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
struct Sorted {
    writer: bam::Writer,
    waiting: BinaryHeap<Reverse<Pending>>,
    order: u64,
}

impl Sorted {
    fn create(path: &Path, lengths: &[usize]) -> Result<Self> {
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

fn reads(dice: &mut ChaCha8Rng, contig: &Contig, tid: i32, o: &Options, out: &mut [Sorted]) -> Result<()> {
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

fn fasta(file: &mut impl Write, name: &str, bases: &[u8]) -> Result<()> {
    writeln!(file, ">{name}")?;
    for line in bases.chunks(100) {
        file.write_all(line)?;
        file.write_all(b"\n")?;
    }
    Ok(())
}

fn bcf(path: &Path, o: &Options) -> Result<Child> {
    let mut command = Command::new("bcftools");
    command.args(["view", "--no-version", "-Ob", "-o"]).arg(path).arg("-").stdin(Stdio::piped());
    let mut child = command.spawn()?;
    let mut header = String::from("##fileformat=VCFv4.2\n##FILTER=<ID=PASS,Description=\"All filters passed\">\n");
    for i in 1..=o.contigs {
        header += &format!("##contig=<ID=chr{i},length={}>\n", o.length);
    }
    header += "##FORMAT=<ID=GT,Number=1,Type=String,Description=\"Genotype\">\n";
    header += "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tF1\tSTRAIN\n";
    child.stdin.as_mut().ok_or("no stdin")?.write_all(header.as_bytes())?;
    Ok(child)
}

fn must(command: &mut Command) -> Result<()> {
    match command.status()?.success() {
        true => Ok(()),
        false => Err(format!("{command:?} failed").into()),
    }
}

fn main() -> Result<()> {
    let o = options()?;
    std::fs::create_dir_all(&o.folder)?;
    let path = |name: &str| o.folder.join(name);
    let mut child = bcf(&path("variants.bcf"), &o)?;
    let mut vcf = BufWriter::new(child.stdin.take().ok_or("no stdin")?);
    let mut references = BufWriter::new(File::create(path("reference.fa"))?);
    let mut regions = BufWriter::new(File::create(path("regions.bed"))?);
    // The strain's BAM names its lengths in the header, so contigs are made before reads, from seeds of their own.
    let dice = |contig: usize, what: u64| ChaCha8Rng::seed_from_u64(o.seed * 1_000_003 + contig as u64 * 2 + what);
    let mut strain_lengths = Vec::new();
    let mut strains = if o.second { Some(BufWriter::new(File::create(path("strain.fa"))?)) } else { None };
    for number in 0..o.contigs {
        let contig = contig(&mut dice(number, 0), number + 1, &o, &mut vcf)?;
        fasta(&mut references, &contig.name, &contig.reference)?;
        if let Some(file) = &mut strains {
            let bases = contig.strain();
            strain_lengths.push(bases.len());
            fasta(file, &contig.name, &bases)?;
        }
        for start in (2000..o.length.saturating_sub(2000)).step_by(4000) {
            writeln!(regions, "{}\t{start}\t{}", contig.name, start + 1000)?;
        }
    }
    vcf.flush()?;
    drop(vcf);
    references.flush()?;
    regions.flush()?;
    if let Some(mut file) = strains {
        file.flush()?;
    }
    if !child.wait()?.success() {
        return Err("bcftools view failed".into());
    }
    let mut out = vec![Sorted::create(&path("reads.bam"), &vec![o.length; o.contigs])?];
    if o.second {
        out.push(Sorted::create(&path("reads.strain.bam"), &strain_lengths)?);
    }
    for number in 0..o.contigs {
        let contig = contig(&mut dice(number, 0), number + 1, &o, &mut std::io::sink())?;
        reads(&mut dice(number, 1), &contig, number as i32, &o, &mut out)?;
    }
    drop(out);
    must(Command::new("bcftools").arg("index").arg(path("variants.bcf")))?;
    must(Command::new("samtools").arg("faidx").arg(path("reference.fa")))?;
    must(Command::new("samtools").args(["index", "-@1"]).arg(path("reads.bam")))?;
    if o.second {
        must(Command::new("samtools").arg("faidx").arg(path("strain.fa")))?;
        must(Command::new("samtools").args(["index", "-@1"]).arg(path("reads.strain.bam")))?;
    }
    Ok(())
}

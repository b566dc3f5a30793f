//! Random records of every class, close to each other, in every mode of `deepallele annotate`, against windows that are
//! written out letter by letter from whole contigs. The network is linear: what it says of a window is a sum over its
//! bases, each place and base with its own weight, so that a window that is off by one base has another value.

use std::collections::HashMap;
use std::path::PathBuf;

use deepallele_tests::*;

const WINDOW: usize = LINEAR_WINDOW;

/// What an allele changes: start and end of the replaced bases, 0-based half-open, and the bases in their place.
type Edit = (usize, usize, String);

/// A record, 0-based.
struct Record {
    contig: usize,
    start: usize,
    reference: String,
    alternatives: Vec<String>,
    calls: [usize; 2],
    /// `/` in the call.
    unphased: bool,
}

struct World {
    /// As in the FASTA, with N and lower case.
    genome: Vec<(&'static str, String)>,
    records: Vec<Record>,
    /// Contig, start and end.
    regions: Vec<(usize, usize, usize)>,
    folder: tempfile::TempDir,
    model: PathBuf,
}

fn base_but(random: &mut Random, base: char) -> String {
    let others: Vec<char> = "ACGT".chars().filter(|b| *b != base).collect();
    random.of(&others).to_string()
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let truth: Vec<String> = [3000, 700, 90].map(|length| random.bases(length)).into();
        let mut records = Vec::new();
        for (contig, bases) in truth.iter().enumerate() {
            let mut at = 0;
            while at < bases.len() {
                records.push(Self::record(&mut random, contig, bases, at));
                at += random.of(&[0, 0, 1, 2, 5, 9, 20, 30]);
            }
        }
        // Two of another reference: they have no effect, and are in no haplotype.
        for record in [&mut 20, &mut 120].map(|i| *i) {
            let first = records[record].reference.chars().next().unwrap();
            let other = base_but(&mut random, first);
            records[record].reference.replace_range(..1, &other);
            records[record].alternatives = vec![if other == "A" { "C".into() } else { "A".into() }];
            records[record].calls = [1, 0];
        }
        let genome = truth.into_iter().map(|bases| Self::masked(&mut random, bases));
        let genome = ["c1", "c2", "c3"].into_iter().zip(genome).collect::<Vec<_>>();
        let mut regions = Vec::new();
        for (contig, (_, bases)) in genome.iter().enumerate() {
            for _ in 0..bases.len() / 60 {
                let (length, near_the_end) = (1 + random.below(130), random.below(5) == 0);
                let start = if near_the_end { bases.len() - 1 - random.below(20) } else { random.below(bases.len()) };
                regions.push((contig, start, (start + length).min(bases.len())));
            }
        }
        regions.sort();
        regions.dedup();
        let folder = scratch();
        let model = linear_network(folder.path(), "ln");
        let world = Self { genome, records, regions, folder, model };
        world.write();
        world
    }

    /// One of any class; `bases` have no N.
    fn record(random: &mut Random, contig: usize, bases: &str, start: usize) -> Record {
        let room = bases.len() - start;
        let old = |length: usize| bases[start..start + length.min(room)].to_owned();
        let first = bases[start..].chars().next().unwrap();
        let (reference, alternatives): (String, Vec<String>) = match random.below(15) {
            0..=3 => (old(1), vec![base_but(random, first)]),
            4 => {
                let inserted = 1 + random.below(8);
                (old(1), vec![old(1) + &random.bases(inserted)])
            }
            5 => (old(2 + random.below(7)), vec![old(1)]),
            // Draws much into the window, or is longer than it.
            6 => (old(20 + random.below(70)), vec![old(1)]),
            7 => (old(1), vec![old(1) + &random.bases(random.0 as usize % 5 + 60)]),
            8 => {
                let length = 2 + random.below(4);
                (old(length), vec![random.bases(length)])
            }
            9 => {
                let (from, to) = (1 + random.below(6), 1 + random.below(6));
                (old(from), vec![random.bases(to)])
            }
            // With bases of the reference around what changes.
            10 => {
                let reference = old(3 + random.below(5));
                let mut padded = reference.clone();
                let at = random.below(padded.len());
                let other = base_but(random, padded.chars().nth(at).unwrap());
                padded.replace_range(at..at + 1, &other);
                (reference, vec![padded])
            }
            // An SNV at one end, joined with a deletion and an insertion.
            11 => {
                let reference = old(8 + random.below(80));
                let last = reference.len() - 1;
                let other = base_but(random, reference.chars().last().unwrap());
                let snv = format!("{}{other}", &reference[..last]);
                let inserted = format!("{}{}{}", &reference[..1], random.bases(3), &reference[1..]);
                (reference, vec![snv, old(1), inserted])
            }
            12 => (old(1), vec![base_but(random, first), "*".into(), random.bases(3)]),
            13 => (old(1), vec![random.of(&["<DEL>", "<*>", ".", "N]c1:5]", "R"]).to_owned()]),
            _ => (old(3), vec![old(1), old(1) + "ACGTACGT"]),
        };
        // REF is not an alternative.
        let alternatives: Vec<String> = match alternatives.into_iter().filter(|a| *a != reference).collect::<Vec<_>>() {
            none if none.is_empty() => vec!["*".into()],
            some => some,
        };
        let has_sequence = |allele: usize| allele == 0 || alternatives[allele - 1].chars().all(|b| "ACGT".contains(b));
        let calls = [0, 1].map(|_| random.below(alternatives.len() + 1)).map(|a| if has_sequence(a) { a } else { 0 });
        Record { contig, start, reference, alternatives, calls, unphased: random.below(12) == 0 }
    }

    /// Stretches of N, single ambiguous bases, and soft-masked ones.
    fn masked(random: &mut Random, bases: String) -> String {
        let mut bases = bases.into_bytes();
        for _ in 0..bases.len() / 80 {
            let (at, length) = (random.below(bases.len()), 1 + random.below(12));
            match random.below(3) {
                0 => bases.iter_mut().skip(at).take(length).for_each(|b| *b = b'N'),
                1 => bases[at] = if b"AG".contains(&bases[at]) { b'R' } else { b'Y' },
                _ => bases.iter_mut().skip(at).take(length).for_each(|b| *b = b.to_ascii_lowercase()),
            }
        }
        String::from_utf8(bases).unwrap()
    }

    fn write(&self) {
        let list: Vec<(&str, &str)> = self.genome.iter().map(|(name, bases)| (*name, bases.as_str())).collect();
        fasta(self.folder.path(), "ref.fa", &list);
        let contigs: Vec<String> = list.iter().map(|(name, bases)| format!("{name},length={}", bases.len())).collect();
        let contigs: Vec<&str> = contigs.iter().map(String::as_str).collect();
        let mut vcf = vcf_header(&contigs, &["kid"]);
        for r in &self.records {
            let (name, alternatives) = (self.genome[r.contig].0, r.alternatives.join(","));
            let ([one, two], mark) = (r.calls, if r.unphased { '/' } else { '|' });
            let line = format!("{}\t.\t{}\t{alternatives}\t.\t.\t.\tGT\t{one}{mark}{two}", r.start + 1, r.reference);
            vcf += &format!("{name}\t{line}\n");
        }
        put(self.folder.path(), "v.vcf", vcf);
        let bed: String =
            self.regions.iter().map(|(contig, s, e)| format!("{}\t{s}\t{e}\n", self.genome[*contig].0)).collect();
        put(self.folder.path(), "r.bed", bed);
    }

    /// Whether REF is that of the FASTA, as far as the FASTA says.
    fn agrees(&self, r: &Record) -> bool {
        let bases = self.genome[r.contig].1[r.start..].to_ascii_uppercase();
        let stands_for = |code: char, base: char| match code {
            'N' => true,
            'R' => "AG".contains(base),
            'Y' => "CT".contains(base),
            code => code == base,
        };
        r.reference.len() <= bases.len() && r.reference.chars().zip(bases.chars()).all(|(b, code)| stands_for(code, b))
    }

    /// The window of these edits around a base, with REF of `known` where the FASTA has no base.
    fn window(&self, contig: usize, edits: &[Edit], known: Option<&Record>, centre: usize) -> String {
        let mut genome: Vec<u8> = self.genome[contig].1.to_ascii_uppercase().into_bytes();
        for (at, base) in known.into_iter().flat_map(|r| r.reference.bytes().enumerate().map(|(i, b)| (r.start + i, b)))
        {
            if !b"ACGT".contains(&genome[at]) {
                genome[at] = base;
            }
        }
        // Where each base of the genome is in the haplotype: of several bases that are replaced by another number of bases
        // at the last of these, of deleted ones before the deletion.
        let (mut bases, mut places): (Vec<u8>, Vec<i64>) = (Vec::new(), Vec::new());
        let end: Edit = (genome.len(), genome.len(), String::new());
        for (start, end, new) in edits.iter().chain([&end]) {
            for base in &genome[places.len()..*start] {
                places.push(bases.len() as i64);
                bases.push(*base);
            }
            let first = bases.len() as i64;
            bases.extend(new.bytes());
            let same_length = new.len() == end - start;
            let last = bases.len() as i64 - 1;
            places.extend((0..(end - start) as i64).map(|i| if same_length { first + i } else { last }));
        }
        let left = places[centre] - WINDOW as i64 / 2;
        let base = |i: i64| usize::try_from(i).ok().and_then(|i| bases.get(i)).map_or('N', |b| char::from(*b));
        (left..left + WINDOW as i64).map(base).collect()
    }

    fn value(&self, contig: usize, edits: &[Edit], known: Option<&Record>, centre: usize) -> f64 {
        linear_value(&self.window(contig, edits, known, centre), 0)
    }
}

fn change(r: &Record, alternative: &str) -> Edit {
    edits::change(r.start, &r.reference, alternative)
}

/// Its shortest record: start, end of REF, length of ALT. A base that both have stays where one would be empty.
fn shortest(r: &Record, alternative: &str) -> (usize, usize, usize) {
    let (start, end, new) = change(r, alternative);
    match start < end && !new.is_empty() {
        true => (start, end, new.len()),
        // The base before; at the left end of the record the one behind.
        false if start > r.start => (start - 1, end, new.len() + 1),
        false => (start, end + 1, new.len() + 1),
    }
}

fn shortest_start(r: &Record, alternative: &str) -> usize {
    if with_sequence(alternative) {
        shortest(r, alternative).0
    } else {
        r.start
    }
}

/// Neither `*` nor `<DEL>`. An ambiguous base is read as N.
fn with_sequence(alternative: &str) -> bool {
    alternative.chars().all(|b| "ACGTR".contains(b))
}

/// Whether an alternative is predicted at all.
fn predicted(alternative: &str, r: &Record) -> bool {
    with_sequence(alternative) && {
        let (start, end, new) = shortest(r, alternative);
        end - start <= WINDOW && new <= WINDOW
    }
}

/// Of two at one place, or that overlap.
fn clash(a: &Edit, b: &Edit) -> bool {
    a.0 < b.1 && b.0 < a.1 || (a.0, a.1) == (b.0, b.1)
}

/// Which records each haplotype of a contig carries, with what they change: first come, first served, insertions before
/// what replaces bases at the same place.
fn carried(world: &World, haplotypes: [Option<usize>; 2]) -> [HashMap<usize, Edit>; 2] {
    haplotypes.map(|haplotype| {
        let Some(haplotype) = haplotype else { return HashMap::new() };
        let mut edits: Vec<(usize, usize, Edit)> = Vec::new();
        for (i, r) in world.records.iter().enumerate() {
            let phased = !r.unphased || r.calls[0] == r.calls[1];
            if phased && r.calls[haplotype] > 0 && world.agrees(r) {
                edits.push((r.contig, i, change(r, &r.alternatives[r.calls[haplotype] - 1])));
            }
        }
        edits.sort_by_key(|(contig, _, edit)| (*contig, edit.0, edit.1 > edit.0));
        let (mut last, mut kept): (Option<(usize, usize, usize)>, _) = (None, HashMap::new());
        for (contig, i, edit) in edits {
            let overlaps = last.is_some_and(|l| l.0 == contig && (edit.0 < l.2 || (edit.0, edit.1) == (l.1, l.2)));
            if !overlaps {
                last = Some((contig, edit.0, edit.1));
                kept.insert(i, edit);
            }
        }
        kept
    })
}

/// The edits of a haplotype in order, without those that clash with `but`, and with `plus`.
fn edits_of(
    world: &World,
    contig: usize,
    haplotype: &HashMap<usize, Edit>,
    but: Option<&Edit>,
    plus: Option<&Edit>,
) -> Vec<Edit> {
    let of_contig = haplotype.iter().filter(|(i, _)| world.records[**i].contig == contig).map(|(_, edit)| edit);
    let mut edits: Vec<Edit> = of_contig.filter(|e| but.is_none_or(|b| !clash(e, b))).chain(plus).cloned().collect();
    edits.sort_by_key(|e| (e.0, e.1));
    edits
}

/// Of each record the values of these fields; of A fields those of each alternative.
fn fields(world: &World, more: &[&str], fields: &[&str]) -> Vec<Vec<Vec<String>>> {
    let mut command = deepallele("annotate");
    command.current_dir(world.folder.path()).arg("-m").arg(&world.model).args(["-f", "ref.fa"]);
    let out = good(command.args(more).arg("v.vcf"));
    let list: String = fields.iter().map(|field| format!("\t%{field}")).collect();
    let rows = query_bytes(&out, &format!("%POS{list}\n"));
    assert_eq!(rows.len(), world.records.len());
    let values = |row: &Vec<String>| row[1..].iter().map(|v| v.split(',').map(str::to_owned).collect()).collect();
    rows.iter().map(values).collect()
}

/// The entries of DA_ALL of a record: by the name of the region, for each alternative, its values.
fn by_region(entries: &[String]) -> HashMap<&str, Vec<Vec<&str>>> {
    let mut found: HashMap<&str, Vec<Vec<&str>>> = HashMap::new();
    for entry in entries.iter().filter(|entry| *entry != ".") {
        let parts: Vec<&str> = entry.split('|').collect();
        found.entry(parts[2]).or_default().push(parts[3..].to_vec());
    }
    found
}

/// A value, log2 of what the network says, or none.
#[track_caller]
fn same(found: &str, expected: Option<f64>, what: &str) {
    match expected {
        Some(value) => close(found.parse().unwrap_or(f64::NAN), value / std::f64::consts::LN_2, what),
        None => assert_eq!(found, ".", "{what}"),
    }
}

/// Without haplotypes: ALT and REF in the window of the reference genome.
fn in_the_reference(world: &World, r: &Record, alternative: &str, centre: usize) -> f64 {
    let alternative = change(r, alternative);
    let value = |edits: &[Edit]| world.value(r.contig, edits, Some(r), centre);
    value(std::slice::from_ref(&alternative)) - value(&[])
}

/// The effects in both haplotypes, with all that they carry but what clashes with the alternative.
fn in_both(
    world: &World,
    haplotypes: &[HashMap<usize, Edit>; 2],
    r: &Record,
    alternative: &str,
    centre: usize,
) -> [f64; 2] {
    let alternative = change(r, alternative);
    [0, 1].map(|h| {
        let value = |plus| {
            let edits = edits_of(world, r.contig, &haplotypes[h], Some(&alternative), plus);
            world.value(r.contig, &edits, Some(r), centre)
        };
        value(Some(&alternative)) - value(None)
    })
}

const HAPLOTYPES: [(&[&str], [Option<usize>; 2]); 3] = [
    (&["-s", "kid"], [Some(0), Some(1)]),
    (&["--hap1", "ref", "--hap2", "kid:2"], [None, Some(1)]),
    (&["--hap1", "kid:2", "--hap2", "kid:1", "-@", "2"], [Some(1), Some(0)]),
];

#[test]
fn windows_around_each_change() {
    for seed in 1..4 {
        let world = World::new(seed);
        let mut compared = 0;
        let found = fields(&world, &[], &["DA_LFC"]);
        let pairs = HAPLOTYPES.map(|(options, carry)| {
            (fields(&world, options, &["DA_LFC", "DA_LFC_BG1", "DA_LFC_BG2"]), carried(&world, carry))
        });
        for (i, r) in world.records.iter().enumerate() {
            for (k, alternative) in r.alternatives.iter().enumerate() {
                let what = format!("seed {seed}, {}:{} {}>{alternative}", r.contig, r.start + 1, r.reference);
                let of = |values: &'_ [String]| values.get(k).cloned().unwrap_or_else(|| ".".into());
                let visible = predicted(alternative, r) && world.agrees(r);
                let centre = shortest_start(r, alternative);
                let expected = visible.then(|| in_the_reference(&world, r, alternative, centre));
                same(&of(&found[i][0]), expected, &what);
                for (values, haplotypes) in &pairs {
                    let both = visible.then(|| in_both(&world, haplotypes, r, alternative, centre));
                    same(&of(&values[i][0]), both.map(|[a, b]| (a + b) / 2.0), &what);
                    same(&of(&values[i][1]), both.map(|[a, _]| a), &what);
                    same(&of(&values[i][2]), both.map(|[_, b]| b), &what);
                    compared += usize::from(both.is_some_and(|[a, b]| a != b));
                }
            }
        }
        assert!(world.records.len() > 300 && compared > 100, "{} {compared}", world.records.len());
    }
}

/// The number of the main variant's record.
enum Main {
    Is(usize),
    /// Two have the same part in the ratio but for rounding.
    Tie,
    None,
}

/// Of a region: the ratio of the pair, what single variants leave of it, and the main variant.
fn pair(world: &World, haplotypes: &[HashMap<usize, Edit>; 2], contig: usize, centre: usize) -> (f64, f64, Main) {
    let edits = |h: usize| edits_of(world, contig, &haplotypes[h], None, None);
    let value = |edits: &[Edit]| world.value(contig, edits, None, centre);
    let whole = [value(&edits(0)), value(&edits(1))];
    let mut contributions: Vec<(usize, f64)> = Vec::new();
    for i in (0..world.records.len()).filter(|&i| world.records[i].contig == contig) {
        let own = [0, 1].map(|h| haplotypes[h].get(&i));
        if own[0] == own[1] {
            continue;
        }
        // The other haplotype's allele put in its place.
        let equal = [0, 1].map(|h| {
            let but = own[1 - h].or(own[h]);
            let mut others = haplotypes[h].clone();
            others.remove(&i);
            value(&edits_of(world, contig, &others, but, own[1 - h]))
        });
        contributions.push((i, ((whole[0] - equal[0]) + (equal[1] - whole[1])) / 2.0));
    }
    let sum: f64 = contributions.iter().map(|c| c.1).sum();
    let mut sorted: Vec<(usize, f64)> = contributions.clone();
    sorted.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
    let main = match sorted[..] {
        [first, second, ..] if first.1.abs() == second.1.abs() && first.1 != 0.0 => Main::Tie,
        [first, ..] if first.1 != 0.0 => Main::Is(first.0),
        _ => Main::None,
    };
    (whole[0] - whole[1], whole[0] - whole[1] - sum, main)
}

#[test]
fn windows_of_regions() {
    for seed in 11..14 {
        let world = World::new(seed);
        let mut compared = [0; 3];
        let more = ["-L", "r.bed", "--all-regions"];
        let found = fields(&world, &more, &["DA_ALL"]);
        let pairs = HAPLOTYPES
            .map(|(options, carry)| (fields(&world, &[&more, options].concat(), &["DA_ALL"]), carried(&world, carry)));
        for &(contig, start, end) in &world.regions {
            let name = format!("{}:{}-{end}", world.genome[contig].0, start + 1);
            let centre = (start + end) / 2;
            let of_pair = pairs.each_ref().map(|(_, haplotypes)| pair(&world, haplotypes, contig, centre));
            let mut main_seen = [false; 3];
            for (i, r) in world.records.iter().enumerate().filter(|(_, r)| r.contig == contig) {
                let spans = r.alternatives.iter().map(|a| with_sequence(a).then(|| shortest(r, a)));
                let spans: Vec<_> = spans.collect();
                let mine = |span: &Option<(usize, usize, usize)>| span.is_some_and(|s| s.0 < end && s.1 > start);
                let in_region = match spans.iter().any(Option::is_some) {
                    true => spans.iter().any(mine),
                    false => r.start < end && r.start + r.reference.len() > start,
                };
                let entries = by_region(&found[i][0]);
                if !in_region || !world.agrees(r) || r.alternatives == ["."] || r.alternatives == ["<*>"] {
                    assert!(!entries.contains_key(&name[..]), "{name} of record {i}: {entries:?}");
                    continue;
                }
                for (k, alternative) in r.alternatives.iter().enumerate() {
                    let what = format!("seed {seed}, {name}, {} {}>{alternative}", r.start + 1, r.reference);
                    let seen = spans[k].is_some_and(|s| s.0 < centre + WINDOW / 2 && s.1 + WINDOW / 2 > centre);
                    let visible = predicted(alternative, r) && mine(&spans[k]) && seen;
                    let expected = visible.then(|| in_the_reference(&world, r, alternative, centre));
                    same(entries[&name[..]][k][0], expected, &what);
                    compared[0] += usize::from(visible);
                    for (p, (values, haplotypes)) in pairs.iter().enumerate() {
                        let both = visible.then(|| in_both(&world, haplotypes, r, alternative, centre));
                        let entries = by_region(&values[i][0]);
                        let entry = &entries[&name[..]][k];
                        same(entry[0], both.map(|[a, b]| (a + b) / 2.0), &what);
                        same(entry[1], both.map(|[a, _]| a), &what);
                        same(entry[2], both.map(|[_, b]| b), &what);
                        let (ratio, unexplained, main) = &of_pair[p];
                        same(entry[3], Some(*ratio), &what);
                        same(entry[4], Some(*unexplained), &what);
                        compared[1] += usize::from(unexplained.abs() > 1e-9);
                        if k > 0 || matches!(main, Main::Tie) {
                            continue;
                        }
                        // The first record that makes the change of the main variant.
                        let is_main = match main {
                            Main::Is(main) => r.alternatives.iter().any(|a| {
                                let same = |edit: &Edit| *edit == change(r, a);
                                predicted(a, r) && haplotypes.iter().filter_map(|h| h.get(main)).any(same)
                            }),
                            _ => false,
                        };
                        assert_eq!(entry[5], u8::from(is_main && !main_seen[p]).to_string(), "{what}");
                        main_seen[p] |= is_main;
                        compared[2] += usize::from(is_main);
                    }
                }
            }
        }
        assert!(compared[0] > 300 && compared[1] > 300 && compared[2] > 20, "{compared:?}");
    }
}

use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::explanation::seqlets::Seqlet;
use crate::motifs::tomtom::TomtomOptions;

/// Contributions of a motif of these letters: 1 for the letter, -1/3 for others.
fn matrix(letters: &str) -> Array2<f64> {
    let letters = letters.as_bytes();
    Array2::from_shape_fn((letters.len(), 4), |(i, base)| match letters[i] == b"ACGT"[base] {
        true => 1.0,
        false => -1.0 / 3.0,
    })
}

fn reversed(matrix: &Array2<f64>) -> Array2<f64> {
    matrix.slice(s![..;-1, ..;-1]).to_owned()
}

/// Two planted motifs in random order, each with noise and up to two more rows at either end, on both strands. The first is in two of three.
fn planted(number: usize, seed: u64) -> (Vec<PairSeqlet>, Vec<usize>) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let motifs = [matrix("TGACGTCATC"), matrix("CCACAAGGGG")];
    let mut seqlets = Vec::new();
    let mut kinds = Vec::new();
    for i in 0..number {
        let kind = usize::from(random.random_range(0..3) == 0);
        let (before, after) = (random.random_range(0..3usize), random.random_range(0..3usize));
        let core = &motifs[kind];
        let mut rows = Array2::from_shape_fn((before + core.nrows() + after, 4), |_| random.random_range(-0.3..0.3));
        let mut inner = rows.slice_mut(s![before..before + core.nrows(), ..]);
        inner += core;
        if random.random_bool(0.5) {
            rows = reversed(&rows);
        }
        // The second motif decreases.
        let mean = if kind == 0 { 0.5 } else { -0.25 };
        seqlets.push(PairSeqlet {
            seqlet: Seqlet { sequence: i / 2 * 2 + i % 2, start: 3, end: 3 + rows.nrows(), mean, p_value: None },
            other: None,
            common: i % 4 == 0,
            delta: 0.0,
            reference: None,
            reverse: false,
            contributions: rows.mapv(|v| v as f32),
        });
        kinds.push(kind);
    }
    (seqlets, kinds)
}

fn options(most_pairs: usize) -> MotifOptions {
    MotifOptions { most_pairs, ..MotifOptions::default() }
}

#[test]
fn planted_motifs_are_learned() {
    let (seqlets, kinds) = planted(120, 4);
    let clusters = cluster(&seqlets, &options(1 << 20)).unwrap();
    assert_eq!(clusters, cluster(&seqlets, &options(50)).unwrap());
    let learned = learned_motifs(&seqlets, &clusters, &options(1 << 20)).unwrap();
    assert_eq!((learned.motifs.len(), learned.clusters, learned.without_positions), (2, 2, 0));
    for (kind, (motif, letters)) in learned.motifs.iter().zip(["TGACGTCATC", "CCACAAGGGG"]).enumerate() {
        let members: Vec<usize> = (0..120).filter(|i| kinds[*i] == kind).collect();
        assert_eq!(motif.members, members);
        assert_eq!(
            (motif.motif.name(), motif.motif.sites()),
            (["motif_1", "motif_2"][kind], Some(members.len() as f64))
        );
        let mut regions: Vec<usize> = members.iter().map(|i| i / 2).collect();
        regions.dedup();
        assert_eq!(motif.regions, regions.len());
        assert_eq!(motif.common, members.iter().filter(|i| *i % 4 == 0).count());
        let decreases = kind == 1;
        assert_eq!(motif.direction(), if decreases { Direction::Decreases } else { Direction::Increases });
        assert_eq!((motif.effects.mean, motif.effects.negative > 0), (if decreases { -0.25 } else { 0.5 }, decreases));
        assert_eq!(motif.motif.width(), motif.contributions.nrows());
        // The letters, on one of the strands, are the most frequent bases.
        let letter = |row: ndarray::ArrayView1<f64>| {
            char::from(b"ACGT"[(0..4).max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap()])
        };
        let of = |motif: &Motif| motif.probabilities().rows().into_iter().map(letter).collect::<String>();
        let both = [of(&motif.motif), of(&motif.motif.reverse_complement())];
        assert!(both.iter().any(|found| found.contains(letters)), "{both:?}");
        // A member lies where its rows are those of the motif.
        for (member, placement) in motif.members.iter().zip(&motif.placements) {
            let own = seqlets[*member].contributions.mapv(f64::from);
            let own = if placement.reverse { reversed(&own) } else { own };
            let product: f64 = (0..motif.contributions.nrows())
                .filter_map(|row| Some((row, usize::try_from(row as isize - placement.offset).ok()?)))
                .filter(|(_, at)| *at < own.nrows())
                .map(|(row, at)| (&own.row(at) * &motif.contributions.row(row)).sum())
                .sum();
            assert!(product > 9.0, "{product}");
        }
    }
    let of = motif_of_seqlets(&learned.motifs, seqlets.len());
    assert!(of.iter().zip(&kinds).all(|(of, kind)| of.is_some_and(|(motif, _)| motif == *kind)));
    let few = MotifOptions { least_seqlets: 60, ..options(1 << 20) };
    let learned = learned_motifs(&seqlets, &clusters, &few).unwrap();
    assert_eq!((learned.motifs.len(), learned.clusters), (1, 2));
    assert_eq!(
        motif_of_seqlets(&learned.motifs, seqlets.len()).iter().flatten().count(),
        learned.motifs[0].members.len()
    );
}

#[test]
fn without_seqlets_there_are_no_motifs() {
    let clusters = cluster(&[], &options(9)).unwrap();
    let learned = learned_motifs(&[], &clusters, &options(9)).unwrap();
    assert_eq!(learned, Learned::default());
    let tree = motif_tree(&learned.motifs).unwrap();
    assert!(tree.leaves.is_empty() && tree.tree.joined.is_empty());
    assert!(cluster(&planted(4, 1).0, &MotifOptions { distance: 1.5, ..options(9) }).is_err());
}

#[test]
fn clusters_without_three_positions_are_counted() {
    let (mut seqlets, _) = planted(25, 2);
    for seqlet in &mut seqlets {
        seqlet.contributions = Array2::from_shape_fn((6, 4), |(row, base)| f32::from(u8::from(row == 2 && base == 1)));
    }
    let learned = learned_motifs(&seqlets, &[0; 25], &options(9)).unwrap();
    assert_eq!((learned.motifs.len(), learned.without_positions), (0, 1));
}

#[test]
fn the_best_matches_come_first() {
    let one = |name: &str, letters: &str| {
        let probabilities = matrix(letters).mapv(|v| if v > 0.0 { 0.91 } else { 0.03 });
        Motif::new(name, probabilities).unwrap()
    };
    let targets = ["TTTTTTT", "TGACGTC", "CCACAAG", "GACGTCA", "AAAAAAA", "CGCGCGC"];
    let targets: Vec<Motif> = targets.iter().map(|letters| one(letters, letters)).collect();
    let tomtom = Tomtom::new(&targets, TomtomOptions::default()).unwrap();
    let found = best_matches(&tomtom, &[one("x", "TGACGTC"), one("y", "CTTGTGG")], 3);
    assert!(found.iter().all(|matches| matches.len() == 3));
    // GACGTCA is the reverse complement of TGACGTC: equal p-values are in the order of the targets.
    assert_eq!((found[0][0].0, found[0][1].0, found[1][0].0), (1, 3, 2));
    let p: Vec<f64> = found[1].iter().map(|(_, m)| m.p_value).collect();
    assert!(p[0] < p[1] && p[1] <= p[2]);
}

#[test]
fn neighbours_in_the_tree_are_on_one_strand() {
    let (seqlets, _) = planted(120, 9);
    let clusters = cluster(&seqlets, &options(1 << 20)).unwrap();
    let mut motifs = learned_motifs(&seqlets, &clusters, &options(1 << 20)).unwrap().motifs;
    let mut turned = motifs[0].clone();
    turned.contributions = reversed(&turned.contributions);
    motifs.push(turned);
    let tree = motif_tree(&motifs).unwrap();
    assert_eq!(tree.tree.joined[0].clusters, [0, 2]);
    assert!(tree.tree.joined[0].distance.abs() < 1e-9);
    let place = |motif| tree.leaves.iter().position(|leaf| leaf.0 == motif).unwrap();
    let (first, third) = (place(0), place(2));
    assert_eq!(first.abs_diff(third), 1);
    assert_ne!(tree.leaves[first].1, tree.leaves[third].1);
}

#[test]
fn threads_do_not_change_motifs() {
    let (seqlets, _) = planted(90, 11);
    let with = |threads: usize| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| {
            let clusters = cluster(&seqlets, &options(100)).unwrap();
            learned_motifs(&seqlets, &clusters, &options(100)).unwrap()
        })
    };
    assert_eq!(with(1), with(3));
}

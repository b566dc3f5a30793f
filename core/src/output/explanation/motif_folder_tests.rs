use ndarray::{s, Array2};

use super::*;
use crate::explanation::attributions::base_map::BaseMap;
use crate::explanation::attributions::pairs::MappedPair;
use crate::explanation::attributions::settings::test_settings;
use crate::explanation::attributions::{Gauge, Head, PairAttributions};
use crate::explanation::learned_motifs::{cluster, learned_motifs, MotifOptions};
use crate::explanation::seqlets::of_pairs::{locate, Convention, Tracks};
use crate::explanation::seqlets::Seqlet;
use crate::genome::{HaplotypePiece, PiecePlace};
use crate::io::npz::read_npz;
use crate::io::text_input::open_text;
use crate::io::Contigs;
use crate::motifs::read_motifs;
use crate::output::explanation::attribution_folder::{AttributionFolder, ExplainedPair, PairOrigin};

const WINDOW: usize = 40;

/// A folder of regions on two contigs, whose windows overlap.
fn folder(path: &Path) -> ExplainedFolder {
    let contigs = Contigs::new(vec![("chr2".into(), 1000), ("chr10".into(), 1000)]);
    let settings = test_settings(4, WINDOW);
    let mut writer = AttributionFolder::create(path, settings, Some(contigs), &[], false).unwrap();
    for (number, (contig, start)) in [(0, 100), (0, 120), (1, 50), (1, 60)].into_iter().enumerate() {
        // The motif of the regions begins at base 5.
        let allele = format!("ACTTGTGACGTCATC{}", "GATTACAGATTACAGATTACAGATT");
        let mut pair = MappedPair::designed(allele.as_bytes(), allele.as_bytes(), WINDOW).unwrap();
        let place = PiecePlace::Reference(start);
        let piece = HaplotypePiece { start: 0, end: WINDOW, place };
        pair.maps = [0, 1].map(|_| BaseMap::of_pieces(vec![piece], WINDOW));
        let of = |sign: f32| {
            Array2::from_shape_fn((4, WINDOW), |(base, i)| match (5..15).contains(&i) {
                true if pair.codes[0][i] == base as u8 => sign * (0.75 + number as f32),
                true => -sign * (0.25 + number as f32 / 3.0),
                false => 0.0,
            })
        };
        let attributions = PairAttributions {
            contributions: [of(1.0), of(-1.0)],
            predicted: [1.0, 1.0, 0.0],
            agreement: None,
            not_finite: 0,
        };
        let name = format!("r{number}");
        let origin =
            PairOrigin::Region { contig, start, end: start + 40, anchor: start + 20, name: &name, complete_before: 0 };
        writer
            .add(&ExplainedPair {
                origin,
                codes: pair.codes.each_ref().map(|codes| &codes[..]),
                maps: pair.maps.each_ref(),
                variants: 0,
                attributions: &attributions,
            })
            .unwrap();
    }
    writer.complete().unwrap().rename().unwrap();
    ExplainedFolder::open(path).unwrap()
}

fn seqlets(folder: &ExplainedFolder) -> Vec<PairSeqlet> {
    let convention = Convention { head: Head::Ratio, gauge: Gauge::ZeroSum };
    let tracks = Tracks::read(folder.pairs().unwrap(), convention).unwrap();
    let own: Vec<Seqlet> = tracks.tracks.iter().enumerate().map(|(i, track)| Seqlet::of(i, 5, 15, track)).collect();
    locate(folder.pairs().unwrap(), convention, &tracks, own, 2).unwrap()
}

#[test]
fn files_hold_motifs_and_seqlets() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = folder(scratch.path());
    let seqlets = seqlets(&folder);
    let options = MotifOptions { least_seqlets: 5, ..MotifOptions::default() };
    let clusters = cluster(&seqlets, &options).unwrap();
    let learned = learned_motifs(&seqlets, &clusters, &options).unwrap();
    assert_eq!(learned.motifs.len(), 1);
    let known = [learned.motifs[0].motif.clone().with_alt_name("CREB\t1")];
    let found = Match { p_value: 1e-20, q_value: 2e-20, score: 5, offset: -1, overlap: 9, strand: Strand::Reverse };
    let matches = [vec![(0, found)]];
    let at = |name: &str| scratch.path().join(name);
    let text = |name: &str| std::io::read_to_string(open_text(&at(name)).unwrap()).unwrap();
    let mut results = MotifResults {
        folder: &folder,
        seqlets: &seqlets,
        motifs: &learned.motifs,
        known: &known,
        matches: &matches,
        header: &["##x=y".into()],
    };
    // A logo of an earlier run, and a file of the user.
    std::fs::create_dir(at(LOGOS)).unwrap();
    std::fs::write(at("motif_logos/motif_7.svg"), "old").unwrap();
    std::fs::write(at("motif_logos/motif_notes.svg"), "mine").unwrap();
    let set = results.complete().unwrap();
    assert!(!at("motifs.tsv").exists() && at("motif_logos/motif_7.svg").exists());
    set.rename().unwrap();
    assert!(!at("motif_logos/motif_7.svg").exists() && at("motif_logos/motif_notes.svg").exists());

    let motifs = read_motifs(&at("motifs.meme")).unwrap();
    assert_eq!((motifs[0].name(), motifs[0].alt_name()), ("motif_1", Some("CREB%091-like")));
    assert_eq!(motifs[0].probabilities(), learned.motifs[0].motif.probabilities());
    let array = read_npz::<f32>(&at("motifs.npz")).unwrap();
    let width = learned.motifs[0].contributions.nrows();
    assert_eq!(array.shape(), [1, 4, width]);
    let own = learned.motifs[0].contributions.t().mapv(|v| v as f32);
    assert_eq!(array.slice(s![0, .., ..]), own);
    let table = text("motifs.tsv");
    let mut lines = table.lines();
    assert_eq!(lines.next(), Some("##x=y"));
    assert!(lines
        .next()
        .unwrap()
        .starts_with("#motif\tn\tregions\tshare\tdirection\tmean_effect\tincrease\tdecrease\tcommon\tmatch1"));
    // Of both alleles, positive in both.
    let expected = "motif_1\t8\t4\t1\tincrease\t2.25\t8\t0\t1\tmotif_1 CREB%091\t1.0000e-20\t2.0000e-20\t-1\t9\t-";
    assert_eq!(lines.next().unwrap(), format!("{expected}{}", "\t.".repeat(12)));
    let seqlet_lines: Vec<String> = text("seqlets.tsv.gz").lines().skip(2).map(String::from).collect();
    let places: Vec<&str> = seqlet_lines.iter().map(|line| line.split("\tmotif_1").next().unwrap()).collect();
    let both = |place: &'static str| [place, place];
    let expected = ["chr2\t105\t115", "chr2\t125\t135", "chr10\t55\t65", "chr10\t65\t75"].into_iter().flat_map(both);
    assert_eq!(places, expected.collect::<Vec<_>>());
    let columns: Vec<&str> = seqlet_lines[1].split('\t').collect();
    // 0.75 of at most 3.75.
    assert_eq!(columns[3..5], ["motif_1", "200"]);
    assert_eq!(columns[6..12], ["r0", "2", "5", "10", "0.75", "."]);
    assert_eq!(columns[12..], ["motif_1", "1", "0", "5", "15"]);
    for name in ["motif_tree.svg", "motif_logos/motif_1.svg"] {
        assert!(std::fs::read_to_string(at(name)).unwrap().contains("motif_1: motif_1 CREB?1"), "{name}");
    }

    // Nothing found: valid tables without lines, and nothing of before.
    results.seqlets = &[];
    results.motifs = &[];
    results.matches = &[];
    results.complete().unwrap().rename().unwrap();
    assert!(!at("motif_tree.svg").exists() && !at("motif_logos/motif_1.svg").exists());
    assert!(read_motifs(&at("motifs.meme")).unwrap_err().to_string().contains("holds no motifs"));
    assert_eq!(read_npz::<f32>(&at("motifs.npz")).unwrap().shape(), [0, 4, 0]);
    assert_eq!((text("motifs.tsv").lines().count(), text("seqlets.tsv.gz").lines().count()), (2, 2));
}

use super::*;
use crate::explanation::attributions::folder::PairLabel;
use crate::io::npz::NpzWriter;

fn labels() -> Vec<PairLabel> {
    let label = |name: &str, start: u64| PairLabel {
        name: name.into(),
        span: Some(("c".into(), start, start + 100)),
        predicted: [0.0; 3],
        variants: 0,
    };
    vec![label("a", 0), label("b", 200), label("b", 400)]
}

fn put(folder: &tempfile::TempDir, name: &str, text: &str) -> std::path::PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn seqlets_belong_to_their_regions() {
    let folder = tempfile::tempdir().unwrap();
    let columns = "##h\n#chrom\tstart\tend\tregion\thaplotype\toffset\tlength\tmean\tmotif\tcommon\n";
    let lines = "c\t410\t420\tb\t2\t10\t6\t0.25\tmotif_1\t1\nc\t9\t20\ta\t1\t9\t11\t-0.5\t.\t0\n\
                 c\t9\t20\tz\t1\t9\t1\t1\t.\t0\n";
    let path = put(&folder, "seqlets.tsv.gz", &format!("{columns}{lines}"));
    let labels = labels();
    let names = RegionNames::new(&labels);
    let (found, header) = read_seqlets(&path, &names, |_| true).unwrap();
    assert_eq!((found.len(), &header[..]), (2, &["##h".to_owned()][..]));
    assert_eq!(found[&2], [(2, 10, 6, "motif_1".into(), "1".into(), "0.25".into())]);
    let path = put(&folder, "wrong.tsv", &format!("{columns}c\t9\t20\ta\t3\t9\t11\t-0.5\t.\t0\n"));
    assert!(read_seqlets(&path, &names, |_| true).unwrap_err().to_string().contains("line 3: haplotype is 1 or 2"));
}

#[test]
fn motifs_have_the_digits_of_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let columns = "#motif\tn\tregions\tshare\tdirection\tmean_effect\tincrease\tdecrease\tcommon\t\
                   match1\tmatch1_p\tmatch1_q\tmatch1_offset\tmatch1_overlap\tmatch1_strand\n";
    let rows = "motif_1\t7\t5\t0.500000\tincrease\t1.25\t7\t0\t1\tCTCF\t1e-9\t1e-8\t-1\t3\t+\n\
                motif_2\t3\t2\t0.2\tdecrease\t-1\t0\t3\t0\t.\t.\t.\t.\t.\t.\n";
    put(&folder, "motifs.tsv", &format!("{columns}{rows}"));
    let meme = "MEME version 4\n\nALPHABET= ACGT\n\nMOTIF motif_1 CTCF-like\n\
                letter-probability matrix: alength= 4 w= 2 nsites= 7 E= 0\n0.25 0.25 0.25 0.25\n1 0 0 0\n";
    put(&folder, "motifs.meme", meme);
    let mut npz = NpzWriter::<f32>::create(&folder.path().join("motifs.npz"), &[2, 4, 3]).unwrap();
    npz.write(&[1.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]).unwrap();
    npz.write(&[0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]).unwrap();
    npz.complete().unwrap().rename().unwrap();
    let (motifs, more, _) = read_motif_gallery(folder.path()).unwrap();
    assert_eq!((motifs.len(), more, &motifs[0].share[..], motifs[1].matches.len()), (2, 0, "0.500000", 0));
    assert_eq!((&motifs[0].matches[0].name[..], &motifs[0].matches[0].offset[..]), ("CTCF", "-1"));
    assert_eq!(motifs[0].frequencies, Some(vec![[0.25; 4], [1.0, 0.0, 0.0, 0.0]]));
    assert_eq!(motifs[0].contributions, Some(vec![[1.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0]]));
    assert_eq!((motifs[1].frequencies.clone(), motifs[1].contributions.as_ref().map(Vec::len)), (None, Some(3)));
    let mut npz = NpzWriter::<f32>::create(&folder.path().join("motifs.npz"), &[1, 4, 1]).unwrap();
    npz.write(&[1.0; 4]).unwrap();
    npz.complete().unwrap().rename().unwrap();
    assert!(read_motif_gallery(folder.path()).unwrap_err().to_string().contains("and motifs.tsv 2 motifs"));
}

#[test]
fn classes_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let columns =
        "#name\tmeasured\tpredicted\ttrusted\tmotif\tmotif_change\tclass\tmodel_motif\tmodel_change\tmodel_class\n";
    let class = RegionClass::ALL[0].name();
    let other = RegionClass::ALL[1].name();
    let line = |name: &str, class: &str| format!("{name}\t1\t.\t.\tCTCF\t-2.5\t{class}\t.\t.\t.\n");
    let text = format!("{columns}{}{}{}", line("a", class), line("b", class), line("z", other));
    let path = put(&folder, "mechanism_regions.tsv", &text);
    let labels = labels();
    let (found, classes, _) = read_classes(&path, &RegionNames::new(&labels)).unwrap();
    // The name b stands for two regions.
    assert_eq!((found.len(), &found[&0].motif_change[..], &found[&0].class[..]), (1, "-2.5", class));
    assert_eq!(classes.columns.len(), 2);
    assert_eq!(classes.rows, [[class.replace('_', " "), "2".into()], [other.replace('_', " "), "1".into()]]);
    assert!(classes.note.starts_with("3 regions"));
}

#[test]
fn the_likeliest_variant_has_the_highest_probability() {
    let folder = tempfile::tempdir().unwrap();
    let columns = "#chrom\tstart\tend\tname\thap1_count\thap2_count\tmeasured\tse\tvariants\tnone_probability\t\
                   variant\tpos\tref\talt\teffect_bg1\teffect_bg2\tprobability\tcredible\tcontribution\n";
    let line = |variant: &str, pos: u64, probability: &str| {
        format!("c\t400\t500\tb\t5\t3\t0.5\t0.1\t2\t0.1000\t{variant}\t{pos}\tA\tG\t0.3\t0.2\t{probability}\t1\t0.05\n")
    };
    let path = put(
        &folder,
        "cause.tsv",
        &format!("{columns}{}{}{}", line("rs1", 450, "0.2"), line(".", 460, "0.700"), line("rs3", 470, ".")),
    );
    let labels = labels();
    let (found, _) = read_causes(&path, &RegionNames::new(&labels), |_| true).unwrap();
    let cause = &found[&2];
    assert_eq!((cause.rows.len(), &cause.none[..], found.len()), (3, "0.1000", 1));
    assert_eq!((cause.columns.last(), &cause.rows[0][8..]), (Some(&"contribution"), &["0.05".to_owned()][..]));
    let expected = LikeliestVariant { variant: "460:A:G".into(), probability: "0.700".into() };
    assert_eq!(cause.likeliest, Some((0.7, expected)));
}

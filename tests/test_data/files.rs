//! The test data are what their README says.

use deepallele_tests::*;

#[test]
fn every_file_has_its_checksum() {
    let folder = data("SHA256SUMS").parent().unwrap().to_path_buf();
    good(tool("sha256sum", ["--check", "--quiet", "SHA256SUMS"]).current_dir(folder));
}

#[test]
fn the_script_makes_the_regions_again() {
    let made = good(tool("python3", [data("make_regions.py")]).env("PYTHONHASHSEED", "7"));
    assert!(made == std::fs::read(regions()).unwrap(), "make_regions.py makes other regions");
    let other = good(tool("python3", [data("make_regions.py")]).args(["--seed", "23"]));
    assert!(made != other, "the seed changes nothing");
}

#[test]
fn each_peak_has_a_background_window_of_its_width_outside_all_peaks() {
    let table = std::fs::read_to_string(regions()).unwrap();
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split('\t').collect()).collect();
    let of = |kind: &str| -> Vec<(u64, u64)> {
        let mut found: Vec<(u64, u64)> = rows
            .iter()
            .filter(|row| row[3].starts_with(kind))
            .map(|row| (row[1].parse().unwrap(), row[2].parse().unwrap()))
            .collect();
        found.sort_by_key(|(start, end)| (end - start, *start));
        found
    };
    let (peaks, background) = (of("ctcf_peak_"), of("background_"));
    assert_eq!((peaks.len(), background.len()), (652, 652));
    for (peak, window) in peaks.iter().zip(&background) {
        assert_eq!(peak.1 - peak.0, window.1 - window.0);
    }
    for (start, end) in background {
        assert!(peaks.iter().all(|(from, to)| *to <= start || *from >= end), "{start}-{end} overlaps a peak");
        assert!(!bases(start, end).contains('N'), "{start}-{end} holds N");
    }
}

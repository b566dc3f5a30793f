//! The names of the samples, one for each alignment file.

use std::collections::HashSet;
use std::path::Path;

use anyhow::Result;
use deepallele_common::usage;
use deepallele_core::io::text_input::is_stdio;

/// One name per file, all different: those `given`; else the sample of the file's read groups, if there is one and no
/// other file has the same; else the name of the file without its extension (`piped` for standard input), numbered if it
/// occurs twice. `files` are paths with the sample of their read groups.
pub fn sample_names(given: &[String], files: &[(&Path, Option<&str>)], piped: &str) -> Result<Vec<String>> {
    if !given.is_empty() {
        if given.len() != files.len() {
            let (n, m) = (given.len(), files.len());
            return Err(usage(format!("--sample-name gives {n} names for {m} alignment files")));
        }
        if let Some(twice) = given.iter().enumerate().find(|(i, name)| given[..*i].contains(name)) {
            return Err(usage(format!("--sample-name gives \"{}\" twice", twice.1)));
        }
        return Ok(given.to_vec());
    }
    let stem = |path: &Path| {
        let name = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        if is_stdio(path) {
            piped.to_string()
        } else {
            name.chars().map(|c| if c.is_control() { '_' } else { c }).collect()
        }
    };
    let unique_to_file = |sample: &str| files.iter().filter(|(_, other)| *other == Some(sample)).count() == 1;
    let mut taken = HashSet::new();
    let names = files.iter().map(|&(path, sample)| {
        let name = sample.filter(|s| unique_to_file(s)).map_or_else(|| stem(path), str::to_string);
        let mut unique = name.clone();
        let mut number = 2;
        while !taken.insert(unique.clone()) {
            unique = format!("{name}.{number}");
            number += 1;
        }
        unique
    });
    Ok(names.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(given: &[&str], files: &[(&str, Option<&str>)]) -> Option<Vec<String>> {
        let given: Vec<String> = given.iter().map(|s| s.to_string()).collect();
        let files: Vec<(&Path, Option<&str>)> = files.iter().map(|(p, s)| (Path::new(*p), *s)).collect();
        sample_names(&given, &files, "kid").ok()
    }

    #[test]
    fn every_file_has_a_different_name() {
        let of = |files| names(&[], files).unwrap();
        assert_eq!(of(&[("x/a.bam", Some("s"))]), ["s"]);
        assert_eq!(of(&[("x/a.bam", None), ("b.sorted.bam", Some("s"))]), ["a", "s"]);
        // Replicates of one individual are distinguished by their files.
        assert_eq!(of(&[("x/a.bam", Some("s")), ("y/b.bam", Some("s"))]), ["a", "b"]);
        assert_eq!(of(&[("x/a.bam", Some("s")), ("y/a.bam", Some("s")), ("z/a.bam", None)]), ["a", "a.2", "a.3"]);
        assert_eq!(of(&[("-", None)]), ["kid"]);
        assert_eq!(of(&[("tab\there.bam", None)]), ["tab_here"]);
    }

    #[test]
    fn given_names_must_be_one_per_file_and_different() {
        let files = [("a.bam", Some("s")), ("b.bam", None)];
        assert_eq!(names(&["x", "y"], &files).unwrap(), ["x", "y"]);
        assert_eq!(names(&["x"], &files), None);
        assert_eq!(names(&["x", "x"], &files), None);
    }
}

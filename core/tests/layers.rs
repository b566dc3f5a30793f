//! Imports between the modules of the crate point one way: the order of the table in `src/lib.rs`.

use std::fs;
use std::path::{Path, PathBuf};

/// Modules that each module may import from, besides itself, `error` and `choice`.
const MAY_IMPORT: [(&str, &[&str]); 12] = [
    ("io", &[]),
    ("stats", &[]),
    ("genome", &["io", "stats"]),
    ("motifs", &["io", "stats"]),
    ("assignment", &["io", "stats", "genome"]),
    ("counts", &["io", "stats", "genome", "assignment"]),
    ("model", &["io", "stats", "genome"]),
    ("training", &["io", "stats", "genome", "assignment", "counts", "model"]),
    ("effects", &["io", "stats", "genome", "assignment", "counts", "model", "training"]),
    ("explanation", &["io", "stats", "genome", "motifs", "model", "effects"]),
    ("evaluation", &["io", "stats", "genome", "assignment", "counts", "model", "training", "effects"]),
    (
        "output",
        &[
            "io",
            "stats",
            "genome",
            "motifs",
            "assignment",
            "counts",
            "model",
            "training",
            "effects",
            "explanation",
            "evaluation",
        ],
    ),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn no_import_points_up() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for (module, allowed) in MAY_IMPORT {
        let mut files = Vec::new();
        sources(&root.join(module), &mut files);
        assert!(!files.is_empty(), "no sources of {module}");
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            for (number, line) in text.lines().enumerate() {
                for after in line.split("crate::").skip(1) {
                    let name: String = after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                    let own = name == module || ["error", "choice", "Error", "Result"].contains(&name.as_str());
                    if !own && !allowed.contains(&name.as_str()) {
                        let place = file.strip_prefix(&root).unwrap().display();
                        wrong.push(format!("{place}:{}: {module} imports {name}", number + 1));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "imports against the order of modules:\n{}", wrong.join("\n"));
}

#[test]
fn folders_stay_readable() {
    fn check(folder: &Path) {
        let entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
        assert!(entries.len() <= 22, "{} lists {} entries", folder.display(), entries.len());
        entries.iter().filter(|p| p.is_dir()).for_each(|p| check(p));
    }
    check(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
}

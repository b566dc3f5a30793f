//! Which files a run reads and writes, and whether two of them are the same file.

use std::collections::HashMap;
use std::fs::{self, File, FileType, Metadata};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Component, Path, PathBuf};

use crate::error::Result;
use crate::io::output_file::destination::{check_folder, duplicate, folder_of, Destination};
use crate::io::paths::with_suffix;
use crate::io::text_input::{is_stdio, read_once};

/// What makes two names the same file, however they are spelled.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FileIdentity {
    /// A file that exists.
    Existing {
        /// Number of its device.
        device: u64,
        /// Number on the device.
        inode: u64,
    },
    /// A file that does not exist: its folder without links, and its name.
    Absent(PathBuf),
}

impl FileIdentity {
    /// The identity of the file `path`, links followed; None if it cannot be looked up.
    pub fn of(path: &Path) -> Option<Self> {
        Some(match Looked::up(path)? {
            Looked::Existing(found) => Self::existing(&found),
            Looked::Absent(path) => Self::Absent(path),
        })
    }

    /// The identity of an open file; None if the system does not give it.
    pub fn of_open(file: &File) -> Option<Self> {
        file.metadata().ok().map(|found| Self::existing(&found))
    }

    fn existing(found: &Metadata) -> Self {
        Self::Existing { device: found.dev(), inode: found.ino() }
    }
}

/// True for standard input by any name: `-`, and `/dev/stdin` or `/dev/fd/0` where it is a pipe. (Where it is a file, these
/// names open the file again.)
pub fn is_stdin(path: &Path) -> bool {
    let stdin = || duplicate(libc::STDIN_FILENO).ok().and_then(|file| FileIdentity::of_open(&file));
    is_stdio(path) || (read_once(path) && stdin().is_some_and(|stdin| FileIdentity::of(path) == Some(stdin)))
}

enum Looked {
    Existing(Metadata),
    Absent(PathBuf),
}

impl Looked {
    fn up(path: &Path) -> Option<Self> {
        if let Ok(found) = fs::metadata(path) {
            return Some(Self::Existing(found));
        }
        // A link that leads to nothing is the file at its end.
        let path = match Destination::of(path) {
            Ok(Destination::File(at)) => at,
            _ => path.to_path_buf(),
        };
        Some(Self::Absent(without_links(folder_of(&path))?.join(path.file_name()?)))
    }
}

/// `folder` without links and `..`; what does not exist of it is taken as it is written.
fn without_links(folder: &Path) -> Option<PathBuf> {
    let start = if folder.is_absolute() { PathBuf::from("/") } else { std::env::current_dir().ok()? };
    let mut at = start.canonicalize().ok()?;
    for part in folder.components() {
        match part {
            Component::ParentDir => {
                at.pop();
            }
            Component::Normal(name) => {
                at.push(name);
                at = at.canonicalize().unwrap_or(at);
            }
            _ => {}
        }
    }
    Some(at)
}

/// Indexes that are read with a file, by their suffixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Indexed {
    /// BAM and CRAM.
    Alignments,
    /// VCF and BCF.
    Variants,
    /// FASTA.
    Genome,
}

impl Indexed {
    /// Appended to the name of the file.
    fn suffixes(self) -> &'static [&'static str] {
        match self {
            Indexed::Alignments => &[".bai", ".csi", ".crai"],
            Indexed::Variants => &[".tbi", ".csi"],
            Indexed::Genome => &[".fai", ".gzi"],
        }
    }
}

struct RunFile {
    /// For messages: the option and the name.
    label: String,
    path: PathBuf,
    identity: Option<FileIdentity>,
    kind: Option<FileType>,
    /// The number of the open file that an output goes to.
    descriptor: Option<i32>,
    /// It is given by the user, not an index of such a file.
    main: bool,
    /// Its folder must exist.
    in_folder: bool,
}

impl RunFile {
    fn is(&self, kind: impl Fn(&FileType) -> bool) -> bool {
        self.kind.as_ref().is_some_and(kind)
    }

    /// A device that keeps nothing, such as /dev/null.
    fn keeps_nothing(&self) -> bool {
        let number = |path: &Path| fs::metadata(path).map(|m| m.rdev()).ok();
        self.is(FileType::is_char_device) && {
            let own = match self.descriptor {
                Some(open) => duplicate(open).and_then(|file| file.metadata()).map(|m| m.rdev()).ok(),
                None => number(&self.path),
            };
            own.is_some() && ["/dev/null", "/dev/zero", "/dev/full"].iter().any(|name| number(Path::new(name)) == own)
        }
    }
}

/// The files that a run reads and writes, indexes and by-products included, collected before anything is read.
///
/// A command names each with its option; [`RunFiles::conflict`] finds outputs that are inputs, or the same file twice, by
/// device and inode. Names of files that do not exist are compared by their folder, without links, and name.
#[derive(Default)]
pub struct RunFiles {
    inputs: Vec<RunFile>,
    outputs: Vec<RunFile>,
}

impl RunFiles {
    /// The file `path` of `option` is read; `-` is standard input.
    pub fn read(&mut self, option: &str, path: &Path) {
        let found = match is_stdio(path) {
            true => duplicate(libc::STDIN_FILENO).and_then(|file| file.metadata()).ok(),
            false => fs::metadata(path).ok(),
        };
        // A file that does not exist is an error of the one who opens it.
        let Some(found) = found else { return };
        self.inputs.push(RunFile {
            label: format!("the input {}", named(option, path)),
            path: path.into(),
            identity: Some(FileIdentity::existing(&found)),
            kind: Some(found.file_type()),
            descriptor: None,
            main: true,
            in_folder: false,
        });
    }

    /// The file `path` of `option` is read, by its index if it has one.
    pub fn read_indexed(&mut self, option: &str, path: &Path, kind: Indexed) {
        self.read(option, path);
        if is_stdio(path) || !path.is_file() {
            return;
        }
        let appended = kind.suffixes().iter().map(|suffix| with_suffix(path, suffix));
        // htslib also looks for x.bai next to x.bam.
        let replaced = kind.suffixes().iter().map(|suffix| path.with_extension(&suffix[1..])).filter(|p| p.exists());
        for index in appended.chain(replaced) {
            self.inputs.push(RunFile {
                label: format!("the index \"{}\" of the input {}", index.display(), named(option, path)),
                identity: FileIdentity::of(&index),
                kind: fs::metadata(&index).map(|m| m.file_type()).ok(),
                path: index,
                descriptor: None,
                main: false,
                in_folder: false,
            });
        }
    }

    /// The output `path` of `option` is written; `-` is standard output.
    pub fn write(&mut self, option: &str, path: &Path) {
        self.outputs.push(RunFile { in_folder: true, ..output(named(option, path), path) });
    }

    /// The output `path` of `option`, in a folder that the run creates if it does not exist.
    pub fn write_in_new_folder(&mut self, option: &str, path: &Path) {
        self.outputs.push(output(named(option, path), path));
    }

    /// As [`RunFiles::write`], with indexes of these suffixes next to it if it is a file.
    pub fn write_indexed(&mut self, option: &str, path: &Path, suffixes: &[&str]) {
        self.write(option, path);
        if matches!(Destination::of(path), Ok(Destination::File(_))) {
            for suffix in suffixes {
                let index = with_suffix(path, suffix);
                let label = format!("the index \"{}\" of {}", index.display(), named(option, path));
                self.outputs.push(RunFile { main: false, ..output(label, &index) });
            }
        }
    }

    /// The files that are read, indexes included.
    pub fn inputs(&self) -> impl Iterator<Item = &Path> {
        self.inputs.iter().map(|file| file.path.as_path())
    }

    /// The files that are written, indexes included.
    pub fn outputs(&self) -> impl Iterator<Item = &Path> {
        self.outputs.iter().map(|file| file.path.as_path())
    }

    /// The first output that is an input, or the same file as another output: a sentence that names both.
    pub fn conflict(&self) -> Option<String> {
        // What may be named twice: devices, since nothing of them is lost.
        let replaced = |file: &&RunFile| !file.is(FileType::is_char_device) && !file.is(FileType::is_socket);
        let mut read: HashMap<&FileIdentity, &RunFile> = HashMap::new();
        for input in self.inputs.iter().filter(replaced) {
            input.identity.iter().for_each(|identity| {
                read.entry(identity).or_insert(input);
            });
        }
        let mut written: HashMap<&FileIdentity, &RunFile> = HashMap::new();
        let mut open: HashMap<i32, &RunFile> = HashMap::new();
        for output in &self.outputs {
            let twice =
                |other: &RunFile| Some(format!("two outputs name the same file: {} and {}", other.label, output.label));
            if let Some(other) = output.descriptor.and_then(|number| open.insert(number, output)) {
                return twice(other);
            }
            let Some(identity) = &output.identity else { continue };
            if let Some(input) = read.get(identity).filter(|_| replaced(&output)) {
                return Some(format!(
                    "{} is {}, which it would replace: give the output another name",
                    output.label, input.label
                ));
            }
            if let Some(other) = written.insert(identity, output).filter(|_| !output.keeps_nothing()) {
                return twice(other);
            }
        }
        None
    }

    /// Check that every output can be begun: its folder exists, and it is not a folder itself.
    ///
    /// # Errors
    /// An output that cannot be begun.
    pub fn check_folders(&self) -> Result<()> {
        self.outputs.iter().filter(|output| output.in_folder).try_for_each(|output| check_folder(&output.path))
    }

    /// Outputs that somebody reads or keeps: indexes and devices that keep nothing are not counted.
    pub fn wanted(&self) -> usize {
        self.outputs.iter().filter(|output| output.main && !output.keeps_nothing()).count()
    }
}

fn named(option: &str, path: &Path) -> String {
    match is_stdio(path) {
        true => format!("{option} -"),
        false => format!("{option} \"{}\"", path.display()),
    }
}

fn output(label: String, path: &Path) -> RunFile {
    let descriptor = match Destination::of(path) {
        Ok(Destination::Descriptor(number)) => Some(number),
        _ => None,
    };
    let found = match descriptor {
        Some(number) => duplicate(number).and_then(|file| file.metadata()).ok(),
        None => fs::metadata(path).ok(),
    };
    let identity = match (&found, descriptor) {
        (Some(found), _) => Some(FileIdentity::existing(found)),
        (None, Some(_)) => None,
        (None, None) => FileIdentity::of(path),
    };
    let kind = found.map(|found| found.file_type());
    RunFile { label, path: path.into(), identity, kind, descriptor, main: true, in_folder: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// Files in a folder: `in.bam` with its index, a second name and a link for it.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["in.bam", "in.bam.bai", "in.bai", "other"] {
            fs::write(at(name), name).unwrap();
        }
        fs::create_dir(at("sub")).unwrap();
        fs::hard_link(at("in.bam"), at("hard")).unwrap();
        symlink("in.bam", at("soft")).unwrap();
        symlink(".", at("here")).unwrap();
        symlink("here/none", at("dangling")).unwrap();
        folder
    }

    #[test]
    fn outputs_that_are_inputs_are_found_by_every_name() {
        let folder = folder();
        let at = |name: &str| folder.path().join(name);
        let conflict = |output: &str| {
            let mut files = RunFiles::default();
            files.read_indexed("ALIGNMENTS", &at("in.bam"), Indexed::Alignments);
            files.read("-L", &at("none"));
            files.write("-o", &at(output));
            files.conflict()
        };
        for same in ["in.bam", "./in.bam", "sub/../in.bam", "here/here/in.bam", "soft", "hard"] {
            let said = conflict(same).unwrap_or_else(|| panic!("{same}"));
            assert!(said.starts_with("-o \"") && said.contains("the input ALIGNMENTS \""), "{said}");
        }
        for index in ["in.bam.bai", "in.bai", "here/in.bam.csi"] {
            assert!(conflict(index).unwrap_or_else(|| panic!("{index}")).contains("the index \""));
        }
        for other in ["other", "new", "in.sam", "sub/in.bam", "none", "in.csi"] {
            assert_eq!(conflict(other), None, "{other}");
        }
    }

    #[test]
    fn two_outputs_of_one_name_are_found() {
        let folder = folder();
        let at = |name: &str| folder.path().join(name);
        let conflict = |one: &Path, two: &Path| {
            let mut files = RunFiles::default();
            files.write_indexed("-o", one, &[".tbi"]);
            files.write("--bedgraph", two);
            files.conflict()
        };
        for (one, two) in [
            ("new", "new"),
            ("new", "./new"),
            ("none", "dangling"),
            ("sub/new", "here/sub/new"),
            ("absent/new", "sub/../absent/./new"),
            ("in.bam", "hard"),
            ("new", "new.tbi"),
        ] {
            let said = conflict(&at(one), &at(two)).unwrap_or_else(|| panic!("{one} {two}"));
            assert!(said.starts_with("two outputs name the same file: ") && said.contains("--bedgraph \""), "{said}");
        }
        assert_eq!(conflict(&at("new"), &at("other")), None);
        assert_eq!(conflict(Path::new("/dev/null"), Path::new("/dev/null")), None);
        assert!(conflict(Path::new("-"), Path::new("/dev/stdout")).is_some());
    }

    #[test]
    fn what_nobody_keeps_is_not_wanted() {
        let folder = folder();
        let mut files = RunFiles::default();
        files.write_indexed("-o", &folder.path().join("x.gz"), &[".tbi"]);
        files.write("--bedgraph", Path::new("/dev/null"));
        assert_eq!(files.wanted(), 1);
        files.write("--bigwig", &folder.path().join("none/x.bw"));
        assert_eq!(files.wanted(), 2);
        assert!(files.check_folders().unwrap_err().to_string().contains("folder does not exist"));
    }
}

//! A sample of which the tests know everything.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{bam, deepallele, put, scratch, vcf_gz};

/// Alignments and phased variants of the sample `kid`, in files of a scratch folder.
pub struct Kid {
    folder: tempfile::TempDir,
    pub bams: Vec<PathBuf>,
    pub vcf: PathBuf,
}

impl Kid {
    /// From VCF text and named SAM texts: `NAME.bam` of each, and `v.vcf.gz`.
    pub fn new(vcf: &str, sams: &[(&str, &str)]) -> Self {
        let folder = scratch();
        let bams = sams.iter().map(|(name, sam)| bam(folder.path(), &format!("{name}.bam"), sam)).collect();
        let vcf = vcf_gz(folder.path(), "v.vcf.gz", vcf);
        Self { folder, bams, vcf }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    pub fn put(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        put(self.folder(), name, content)
    }

    /// `deepallele count` of all alignments.
    pub fn count(&self, more: &[&str]) -> Command {
        self.count_files(&self.bams, more)
    }

    /// `deepallele count` of some alignments.
    pub fn count_files(&self, bams: &[PathBuf], more: &[&str]) -> Command {
        let mut command = deepallele("count");
        command.args(bams).arg("-v").arg(&self.vcf).args(["-s", "kid"]).args(more);
        command
    }
}

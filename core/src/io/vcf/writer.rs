//! Writing VCF and BCF: under a temporary name that becomes the final one, or to standard output, a device or a pipe.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use rust_htslib::htslib;

use crate::error::{Error, Result};
use crate::io::bgzf::{Bgzf, BgzfOptions};
use crate::io::output_file::{closed_pipe, index_failure, temporary_for, CompleteFiles, Destination, Unfinished};
use crate::io::paths::{c_path, with_suffix};
use crate::io::vcf::bcf_file::BcfFile;
use crate::io::vcf::record::{parse, Data};
use crate::io::vcf::VcfHeader;
use crate::io::vcf::VcfRecord;
use crate::io::vcf::{IndexKind, VcfFormat};

enum Sink {
    Text(BufWriter<File>),
    Bgzf(Bgzf),
    Bcf(BcfFile),
    /// A pipe whose reader has gone: what is written is dropped.
    Unread,
}

/// A VCF or BCF being written. Nothing has the final name before [`VcfWriter::finish`].
pub struct VcfWriter {
    path: PathBuf,
    sink: Sink,
    /// `None` for standard output, devices and pipes.
    unfinished: Option<Unfinished>,
    format: VcfFormat,
    threads: usize,
    order: Option<Order>,
}

/// What an index requires of the records: that they are sorted, and within its range.
struct Order {
    kind: IndexKind,
    contig: String,
    start: i64,
    seen: HashSet<String>,
}

impl Order {
    fn check(&mut self, record: &VcfRecord) -> std::result::Result<(), String> {
        let (contig, start) = (record.contig(), record.start());
        let sort = "an index needs sorted records: run bcftools sort first, or omit -W";
        if contig != self.contig {
            if !self.seen.insert(contig.to_owned()) {
                return Err(format!("comes after records of {}: {sort}", self.contig));
            }
            self.contig.clear();
            self.contig.push_str(contig);
        } else if start < self.start {
            return Err(format!("comes after position {}: {sort}", self.start + 1));
        }
        self.start = start;
        let end = start.saturating_add(record.alleles().first().map_or(1, Vec::len) as i64);
        if self.kind == IndexKind::Csi || end.max(record.info_end()) <= TBI_END {
            return Ok(());
        }
        Err(match end > TBI_END {
            true => format!("is beyond position {TBI_END}, the last of a tbi index: use -W=csi"),
            false => {
                let end = record.info_end();
                format!("has END={end}, beyond position {TBI_END}, the last of a tbi index: use -W=csi, or correct END")
            }
        })
    }
}

/// Bases of a contig that a tbi index covers.
const TBI_END: i64 = 1 << 29;

// SAFETY: the handles are owned by this value and reached through it alone.
unsafe impl Send for VcfWriter {}

impl VcfWriter {
    /// Begin `path` (`-`: standard output) with `header`; compressed by `threads` threads.
    ///
    /// # Errors
    /// The file cannot be created or written.
    pub fn create(path: &Path, format: VcfFormat, header: &VcfHeader, threads: usize) -> Result<Self> {
        let (file, unfinished) = Destination::of(path)?.open(path)?;
        let bcf = |file, mode: &str| BcfFile::create(file, path, mode, threads).map(Sink::Bcf);
        let sink = match format {
            VcfFormat::Vcf => Ok(Sink::Text(BufWriter::with_capacity(1 << 16, file))),
            VcfFormat::VcfGz(level) => {
                let options = BgzfOptions { level, threads: threads.saturating_sub(1), index: false };
                Bgzf::create(file, options).map(Sink::Bgzf)
            }
            VcfFormat::Bcf(level) => bcf(file, &format!("wb{}", level.map(|n| n.to_string()).unwrap_or_default())),
            VcfFormat::BcfUncompressed => bcf(file, "wbu"),
        };
        let sink = sink.map_err(|e| Error::io(path, e))?;
        let mut writer = Self { path: path.into(), sink, unfinished, format, threads, order: None };
        match &mut writer.sink {
            Sink::Bcf(out) => {
                // SAFETY: a valid header.
                let written = unsafe { out.write_header(header.inner) };
                writer.unless_unread(written)?;
            }
            _ => writer.put(header.text())?,
        }
        Ok(writer)
    }

    /// Refuse the first record that an index of this kind cannot hold, rather than fail when the file is complete.
    pub fn expect_index(mut self, kind: Option<IndexKind>) -> Self {
        self.order = kind.map(|kind| Order { kind, contig: String::new(), start: 0, seen: HashSet::new() });
        self
    }

    /// Write one record, which was read with `header`.
    ///
    /// # Errors
    /// The disk is full, the reader of a pipe is gone, a VCF line cannot become BCF (it uses contigs or fields that the
    /// header does not declare), or [`VcfWriter::expect_index`] was used and the index cannot hold the record.
    pub fn write(&mut self, record: &mut VcfRecord, header: &VcfHeader) -> Result<()> {
        let fits = self.order.as_mut().map_or(Ok(()), |order| order.check(record));
        fits.map_err(|e| self.cannot(record, &e))?;
        if !matches!(self.sink, Sink::Bcf(_)) {
            let line = record.to_line(header).map_err(|e| self.cannot(record, &e))?;
            self.put(&line)?;
            return self.put(b"\n");
        }
        if record.start() > i64::from(i32::MAX) {
            return Err(
                self.cannot(record, "cannot become BCF, whose positions end at 2147483647; write VCF (-Ov or -Oz)")
            );
        }
        let parsed = match &record.data {
            Data::Bcf(_) => None,
            Data::Text(line, _) => Some(parse(line, header).map_err(|e| self.cannot(record, &e))?),
        };
        let written = match (&mut self.sink, &record.data, &parsed) {
            // SAFETY: the record belongs to the header that was written.
            (Sink::Bcf(out), Data::Bcf(bcf), _) => unsafe { out.write(header.inner, bcf.0) },
            // SAFETY: as above.
            (Sink::Bcf(out), _, Some(parsed)) => unsafe { out.write(header.inner, parsed.0) },
            _ => Ok(()),
        };
        self.unless_unread(written)
    }

    fn cannot(&self, record: &VcfRecord, problem: &str) -> Error {
        Error::mismatch(format!("{} {problem}", record.place()))
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        let written = match &mut self.sink {
            Sink::Text(out) => out.write_all(bytes),
            Sink::Bgzf(out) => out.write(bytes),
            Sink::Bcf(_) | Sink::Unread => Ok(()),
        };
        self.unless_unread(written)
    }

    /// Drop what is written from now on, if `written` failed because the reader of this output has gone and others are
    /// still wanted.
    fn unless_unread(&mut self, written: io::Result<()>) -> Result<()> {
        let written = match written {
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => {
                self.sink = Sink::Unread;
                closed_pipe::reader_is_gone()
            }
            written => written,
        };
        written.map_err(|e| Error::io(&self.path, e))
    }

    /// Write everything to the file and make the index, if any; both keep temporary names until the returned set is
    /// renamed.
    ///
    /// # Errors
    /// Something cannot be written, or the file cannot be indexed.
    pub fn close(mut self, index: Option<IndexKind>) -> Result<CompleteFiles> {
        let closed = match std::mem::replace(&mut self.sink, Sink::Unread) {
            Sink::Text(mut out) => out.flush(),
            Sink::Bgzf(out) => out.close(None),
            Sink::Bcf(out) => out.close(),
            Sink::Unread => Ok(()),
        };
        self.unless_unread(closed)?;
        let Some(unfinished) = self.unfinished.take() else { return Ok(CompleteFiles::default()) };
        let index = match index {
            Some(kind) => self.index(&unfinished.temporary, kind)?,
            None => CompleteFiles::default(),
        };
        // The index after the data: next to data of an earlier run it would be wrong without a sign of it.
        Ok(CompleteFiles::unfinished(Some(unfinished), &self.path)?.and(index))
    }

    fn index(&self, temporary: &Path, kind: IndexKind) -> Result<CompleteFiles> {
        let named = with_suffix(&self.path, kind.suffix());
        let (file, scratch) = temporary_for(&named)?.into_parts();
        let (data, place) = (c_path(temporary)?, c_path(&scratch)?);
        let shift = if kind == IndexKind::Csi { 14 } else { 0 };
        let threads = self.threads as i32;
        // SAFETY: valid C strings and htslib's own VCF configuration.
        let code = unsafe {
            match self.format {
                VcfFormat::Bcf(_) => htslib::bcf_index_build3(data.as_ptr(), place.as_ptr(), shift, threads),
                _ => htslib::tbx_index_build3(data.as_ptr(), place.as_ptr(), shift, threads, &htslib::tbx_conf_vcf),
            }
        };
        match code {
            0 => CompleteFiles::of(scratch, &named),
            _ => Err(index_failure(&file, &named).unwrap_or_else(|| {
                let problem =
                    "cannot be indexed; sort the input with bcftools sort, and look for records whose END is \
                               beyond their contig";
                Error::input(&self.path, problem)
            })),
        }
    }

    /// [`VcfWriter::close`] followed by [`CompleteFiles::rename`].
    ///
    /// # Errors
    /// As these.
    pub fn finish(self, index: Option<IndexKind>) -> Result<()> {
        self.close(index)?.rename()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::vcf::{InfoValue, Restriction, VcfReader};
    use std::fs;

    const TEXT: &str = "##fileformat=VCFv4.2\n##FILTER=<ID=PASS,Description=\"All filters passed\">\n\
        ##INFO=<ID=AF,Number=A,Type=Float,Description=\"f\">\n##contig=<ID=chr1,length=1000>\n\
        ##contig=<ID=chr2,length=1000>\n##FORMAT=<ID=GT,Number=1,Type=String,Description=\"g\">\n\
        #CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS\n\
        chr1\t10\trs1\tA\tG,T\t0.50\tPASS\tAF=0.50,0.1\tGT\t0|1\n\
        chr1\t20\t.\tACCCCCCCCCC\tA\t.\t.\t.\tGT\t0/1\n\
        chr1\t25\t.\tC\tG\t.\t.\t.\tGT\t0/1\n\
        chr2\t5\t.\tC\t<DEL>\t.\t.\t.\tGT\t1|1\n";

    /// Copy, setting DA on records of chr1 that start below 20; returns the positions kept.
    fn copy(
        from: &Path,
        to: &Path,
        format: VcfFormat,
        index: Option<IndexKind>,
        by: Option<(bool, Restriction)>,
    ) -> Vec<i64> {
        let mut reader = VcfReader::open(from, 2).unwrap();
        let path = reader.path().to_path_buf();
        reader.header_mut().declare_info("DA", "A", "Float", "Description=\"d\"", &path).unwrap();
        match by {
            Some((true, r)) => reader.restrict_by_index(r).unwrap(),
            Some((false, r)) => reader.restrict_by_stream(r).unwrap(),
            None => {}
        }
        let mut writer = VcfWriter::create(to, format, reader.header(), 2).unwrap();
        let mut starts = Vec::new();
        while let Some(mut record) = reader.read().unwrap() {
            starts.push(record.start());
            if record.start() < 19 && record.contig() == "chr1" {
                let value = InfoValue::Floats(vec![Some(-1.5), None]);
                record.set_info(reader.header(), &[("DA", value)]).unwrap();
            }
            writer.write(&mut record, reader.header()).unwrap();
        }
        assert!(!to.exists(), "nothing has the final name before the end");
        writer.finish(index).unwrap();
        starts
    }

    fn body(path: &Path) -> String {
        let text = io::read_to_string(crate::io::text_input::open_text(path).unwrap()).unwrap();
        text.lines().filter(|l| !l.starts_with('#')).map(|l| format!("{l}\n")).collect()
    }

    #[test]
    fn every_format_has_the_same_records_and_text_is_unchanged() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("in.vcf"), TEXT).unwrap();
        copy(&at("in.vcf"), &at("a.vcf"), VcfFormat::Vcf, None, None);
        let plain = body(&at("a.vcf"));
        assert!(plain.starts_with("chr1\t10\trs1\tA\tG,T\t0.50\tPASS\tAF=0.50,0.1;DA=-1.5,.\tGT\t0|1\n"), "{plain}");
        assert!(TEXT.ends_with(plain.split_once('\n').unwrap().1));
        copy(&at("in.vcf"), &at("a.vcf.gz"), VcfFormat::VcfGz(None), Some(IndexKind::Tbi), None);
        assert_eq!(body(&at("a.vcf.gz")), plain);
        assert!(at("a.vcf.gz.tbi").exists());
        copy(&at("in.vcf"), &at("a.bcf"), VcfFormat::Bcf(Some(1)), Some(IndexKind::Csi), None);
        assert!(at("a.bcf.csi").exists());
        let normal = plain.replace("0.50", "0.5");
        copy(&at("a.bcf"), &at("b.vcf"), VcfFormat::Vcf, None, None);
        assert_eq!(body(&at("b.vcf")), normal);
        copy(&at("a.bcf"), &at("b.bcf"), VcfFormat::BcfUncompressed, None, None);
        copy(&at("b.bcf"), &at("c.vcf"), VcfFormat::Vcf, None, None);
        assert_eq!(body(&at("c.vcf")), normal);
    }

    #[test]
    fn restriction_by_index_keeps_what_overlaps_and_by_stream_what_starts_inside() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("in.vcf"), TEXT).unwrap();
        copy(&at("in.vcf"), &at("a.vcf.gz"), VcfFormat::VcfGz(None), Some(IndexKind::Csi), None);
        copy(&at("in.vcf"), &at("a.bcf"), VcfFormat::Bcf(None), Some(IndexKind::Csi), None);
        // The deletion at 19..30 overlaps both intervals and must come once.
        let by = |list: &[(&str, u64, u64)]| Restriction::new(list.iter().map(|&(c, s, e)| (c.to_owned(), s, e)));
        let both = by(&[("1", 26, 40), ("chr1", 21, 23)]);
        for name in ["a.vcf.gz", "a.bcf"] {
            let kept = copy(&at(name), &at(&format!("r.{name}")), VcfFormat::Vcf, None, Some((true, both.clone())));
            assert_eq!(kept, [19], "{name}");
            let kept = copy(
                &at(name),
                &at(&format!("t.{name}")),
                VcfFormat::Vcf,
                None,
                Some((false, by(&[("2", 0, 9), ("1", 19, 24)]))),
            );
            assert_eq!(kept, [19, 4], "{name}");
        }
        let mut reader = VcfReader::open(&at("a.bcf"), 1).unwrap();
        assert!(reader
            .restrict_by_stream(by(&[("chr9", 1, 2)]))
            .unwrap_err()
            .to_string()
            .contains("no contig \"chr9\""));
        let mut plain = VcfReader::open(&at("in.vcf"), 1).unwrap();
        assert!(plain.restrict_by_index(both).unwrap_err().to_string().contains("bgzip"));
    }

    #[test]
    fn wrong_files_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let error = |name: &str, content: &[u8]| -> String {
            fs::write(at(name), content).unwrap();
            let mut reader = match VcfReader::open(&at(name), 1) {
                Ok(reader) => reader,
                Err(error) => return error.to_string(),
            };
            loop {
                match reader.read() {
                    Ok(Some(_)) => {}
                    Ok(None) => return String::new(),
                    Err(error) => return error.to_string(),
                }
            }
        };
        assert!(error("x", b"").contains("empty"));
        assert!(error("x", b"hello there\n").contains("neither"));
        assert!(error("x", b"##fileformat=VCFv4.2\nchr1\t1").contains("line 2"));
        assert!(error("x", b"##fileformat=VCFv4.2\n").contains("#CHROM"));
        assert!(error("x", format!("{TEXT}chr1\t5\n").as_bytes()).contains("line 12: has 2 columns"));
        fs::write(at("in.vcf"), TEXT).unwrap();
        copy(&at("in.vcf"), &at("a.vcf.gz"), VcfFormat::VcfGz(None), None, None);
        copy(&at("in.vcf"), &at("a.bcf"), VcfFormat::Bcf(None), None, None);
        for name in ["a.vcf.gz", "a.bcf"] {
            let whole = fs::read(at(name)).unwrap();
            assert!(error("cut", &whole[..whole.len() - 28]).contains("truncated"), "{name}");
            assert!(error("cut", &whole[..whole.len() - 60]).contains("truncated"), "{name}");
        }
        assert!(VcfReader::open(&at("none"), 1).err().unwrap().to_string().contains("No such file"));
    }

    #[test]
    fn undeclared_fields_cannot_become_bcf_and_a_full_disk_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("in.vcf");
        fs::write(&path, TEXT.replace("AF=0.50,0.1", "ZZ=1")).unwrap();
        let mut reader = VcfReader::open(&path, 1).unwrap();
        let out = folder.path().join("o.bcf");
        let mut writer = VcfWriter::create(&out, VcfFormat::Bcf(None), reader.header(), 1).unwrap();
        let mut record = reader.read().unwrap().unwrap();
        let message = writer.write(&mut record, reader.header()).unwrap_err().to_string();
        assert!(message.contains("line 8 (chr1:10)") && message.contains("not declared"), "{message}");
        drop(writer);
        assert!(!out.exists());
        let mut again = VcfReader::open(&path, 1).unwrap();
        let record = again.read().unwrap().unwrap();
        assert!(record.check_bcf(again.header()).unwrap_err().contains("not declared"));
        for format in [VcfFormat::Vcf, VcfFormat::VcfGz(None), VcfFormat::Bcf(None)] {
            let written = VcfWriter::create(Path::new("/dev/full"), format, reader.header(), 1);
            assert!(written.and_then(|w| w.finish(None)).is_err(), "{format:?}");
        }
    }
}

//! Writing VCF and BCF: under a temporary name that becomes the final one, or to standard output.

use std::collections::HashSet;
use std::ffi::CString;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use rust_htslib::htslib;
use tempfile::TempPath;

use crate::error::{Error, Result};
use crate::io::output_file::{persist, temporary_for};
use crate::io::paths::{c_path, with_suffix};
use crate::io::text_input::is_stdio;
use crate::io::vcf::record::{parse, Data};
use crate::io::vcf::VcfHeader;
use crate::io::vcf::VcfRecord;
use crate::io::vcf::{IndexKind, VcfFormat};

enum Sink {
    Text(Box<dyn Write + Send>),
    Bgzf(*mut htslib::BGZF),
    Bcf(*mut htslib::htsFile),
}

/// A VCF or BCF being written. Nothing has the final name before [`VcfWriter::finish`].
pub struct VcfWriter {
    path: PathBuf,
    sink: Option<Sink>,
    /// `None` for standard output, and for devices and pipes named on the command line.
    temporary: Option<TempPath>,
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

impl Drop for VcfWriter {
    fn drop(&mut self) {
        match self.sink.take() {
            // SAFETY: closed here only when finish did not.
            Some(Sink::Bgzf(out)) => unsafe {
                htslib::bgzf_close(out);
            },
            // SAFETY: closed here only when finish did not.
            Some(Sink::Bcf(out)) => unsafe {
                htslib::hts_close(out);
            },
            _ => {}
        }
    }
}

impl VcfWriter {
    /// Begin `path` (`-`: standard output) with `header`; compressed by `threads` threads.
    ///
    /// # Errors
    /// The file cannot be created or written.
    pub fn create(path: &Path, format: VcfFormat, header: &VcfHeader, threads: usize) -> Result<Self> {
        let special = !is_stdio(path) && path.exists() && !path.is_file();
        if special && path.is_dir() {
            return Err(Error::input(path, "is a folder, not a file"));
        }
        let temporary = match is_stdio(path) || special {
            true => None,
            false => Some(temporary_for(path)?.into_temp_path()),
        };
        let target: &Path = temporary.as_deref().unwrap_or(path);
        let name = c_path(target)?;
        let level = |level: Option<u8>| level.map(|n| n.to_string()).unwrap_or_default();
        let mode = match format {
            VcfFormat::Vcf => String::new(),
            VcfFormat::VcfGz(n) => format!("w{}", level(n)),
            VcfFormat::Bcf(n) => format!("wb{}", level(n)),
            VcfFormat::BcfUncompressed => "wbu".into(),
        };
        let mode = CString::new(mode).unwrap_or_default();
        let sink = match format {
            VcfFormat::Vcf if is_stdio(path) => Sink::Text(Box::new(BufWriter::with_capacity(1 << 16, io::stdout()))),
            VcfFormat::Vcf => {
                let file = File::options().write(true).open(target).map_err(|e| Error::io(path, e))?;
                Sink::Text(Box::new(BufWriter::with_capacity(1 << 16, file)))
            }
            // SAFETY: valid C strings; results are checked.
            VcfFormat::VcfGz(_) => unsafe {
                let out = htslib::bgzf_open(name.as_ptr(), mode.as_ptr());
                if out.is_null() {
                    return Err(Error::io(path, io::Error::last_os_error()));
                }
                if threads > 1 {
                    htslib::bgzf_mt(out, (threads - 1) as i32, 64);
                }
                Sink::Bgzf(out)
            },
            // SAFETY: C strings; the handle is checked.
            VcfFormat::Bcf(_) | VcfFormat::BcfUncompressed => unsafe {
                let out = htslib::hts_open(name.as_ptr(), mode.as_ptr());
                if out.is_null() {
                    return Err(Error::io(path, io::Error::last_os_error()));
                }
                if threads > 1 {
                    htslib::hts_set_threads(out, (threads - 1) as i32);
                }
                Sink::Bcf(out)
            },
        };
        let mut writer = Self { path: path.into(), sink: Some(sink), temporary, format, threads, order: None };
        match &writer.sink {
            Some(Sink::Bcf(out)) => {
                // SAFETY: open file and valid header.
                if unsafe { htslib::bcf_hdr_write(*out, header.inner) } < 0 {
                    return Err(writer.failure());
                }
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
        let Some(Sink::Bcf(out)) = &self.sink else {
            let line = record.to_line(header).map_err(|e| self.cannot(record, &e))?;
            self.put(&line)?;
            return self.put(b"\n");
        };
        let out = *out;
        if record.start() > i64::from(i32::MAX) {
            return Err(
                self.cannot(record, "cannot become BCF, whose positions end at 2147483647; write VCF (-Ov or -Oz)")
            );
        }
        let code = match &record.data {
            // SAFETY: the record belongs to the header that was written.
            Data::Bcf(bcf) => unsafe { htslib::bcf_write(out, header.inner, bcf.0) },
            Data::Text(line, _) => {
                let parsed = parse(line, header).map_err(|e| self.cannot(record, &e))?;
                // SAFETY: as above.
                unsafe { htslib::bcf_write(out, header.inner, parsed.0) }
            }
        };
        match code < 0 {
            true => Err(self.failure()),
            false => Ok(()),
        }
    }

    fn cannot(&self, record: &VcfRecord, problem: &str) -> Error {
        Error::mismatch(format!("{} {problem}", record.place()))
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.sink {
            Some(Sink::Text(out)) => out.write_all(bytes).map_err(|e| Error::io(&self.path, e)),
            // SAFETY: the pointer is to as many bytes.
            Some(Sink::Bgzf(out)) => match unsafe { htslib::bgzf_write(*out, bytes.as_ptr().cast(), bytes.len() as _) }
            {
                n if usize::try_from(n) == Ok(bytes.len()) => Ok(()),
                _ => Err(self.failure()),
            },
            _ => Err(self.failure()),
        }
    }

    /// Why htslib failed to write, as far as it is known: its threads report no reason.
    fn failure(&self) -> Error {
        let error = io::Error::last_os_error();
        if error.kind() == io::ErrorKind::BrokenPipe || (is_stdio(&self.path) && reader_is_gone()) {
            return Error::io(&self.path, io::ErrorKind::BrokenPipe.into());
        }
        match error.raw_os_error() {
            Some(libc::ENOSPC | libc::EIO | libc::EDQUOT | libc::EFBIG) => Error::io(&self.path, error),
            _ => Error::input(&self.path, "cannot be written; is the disk full?"),
        }
    }

    /// Write everything to the file and make the index, if any; both keep temporary names.
    ///
    /// # Errors
    /// Something cannot be written, or the file cannot be indexed.
    pub fn close(mut self, index: Option<IndexKind>) -> Result<ClosedVcf> {
        let closed = match self.sink.take() {
            Some(Sink::Text(mut out)) => {
                out.flush().map_err(|e| Error::io(&self.path, e))?;
                0
            }
            // SAFETY: an open handle, closed once.
            Some(Sink::Bgzf(out)) => unsafe { htslib::bgzf_close(out) },
            // SAFETY: an open handle, closed once.
            Some(Sink::Bcf(out)) => unsafe { htslib::hts_close(out) },
            None => 0,
        };
        if closed < 0 {
            return Err(self.failure());
        }
        let Some(temporary) = self.temporary.take() else { return Ok(ClosedVcf(Vec::new())) };
        let index = match index {
            Some(kind) => Some(self.index(&temporary, kind)?),
            None => None,
        };
        // The index after the data: an index older than its file counts as stale.
        Ok(ClosedVcf([(temporary, self.path.clone())].into_iter().chain(index).collect()))
    }

    fn index(&self, temporary: &Path, kind: IndexKind) -> Result<(TempPath, PathBuf)> {
        let suffix = match kind {
            IndexKind::Csi => ".csi",
            IndexKind::Tbi => ".tbi",
        };
        let named = with_suffix(&self.path, suffix);
        let scratch = temporary_for(&named)?.into_temp_path();
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
            0 => Ok((scratch, named)),
            _ => Err(Error::input(&self.path, "cannot be indexed; sort the input with bcftools sort, and look for records whose END is beyond their contig")),
        }
    }

    /// [`VcfWriter::close`] followed by [`ClosedVcf::persist`].
    ///
    /// # Errors
    /// As these.
    pub fn finish(self, index: Option<IndexKind>) -> Result<()> {
        self.close(index)?.persist()
    }
}

/// A complete file with its index, under temporary names.
pub struct ClosedVcf(Vec<(TempPath, PathBuf)>);

impl ClosedVcf {
    /// Give the files their final names.
    ///
    /// # Errors
    /// They cannot be renamed.
    pub fn persist(self) -> Result<()> {
        self.0.into_iter().try_for_each(|(temporary, path)| persist(temporary, &path))
    }
}

/// True when standard output is a pipe whose other end is closed.
fn reader_is_gone() -> bool {
    let mut output = libc::pollfd { fd: 1, events: libc::POLLOUT, revents: 0 };
    // SAFETY: one entry, no waiting.
    unsafe { libc::poll(&mut output, 1, 0) > 0 && output.revents & (libc::POLLERR | libc::POLLHUP) != 0 }
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

//! Whole records one by one, from the start or by the index.

use std::collections::HashMap;
use std::path::Path;

use crate::error::{Error, Result};
use crate::io::text_input::read_once;
use crate::io::vcf::record::{Bcf, Spare};
use crate::io::vcf::source::VcfSource;
use crate::io::vcf::Restriction;
use crate::io::vcf::VcfHeader;
use crate::io::vcf::VcfRecord;
use crate::io::Contigs;

/// A VCF (plain, gzip, BGZF) or BCF being read; `-` is standard input.
pub struct VcfReader {
    source: VcfSource,
    /// Columns that a line has at least.
    columns: usize,
    /// Of [`VcfReader::restrict_by_stream`]: intervals by contig name as the file has it.
    targets: Option<HashMap<String, Vec<(i64, i64)>>>,
    /// See [`VcfReader::recycle`].
    spares: Vec<Spare>,
}

impl VcfReader {
    /// Open a file and read its header. Of `threads`, all but the caller's decompress.
    ///
    /// # Errors
    /// The file is missing, neither VCF nor BCF, or its header is broken.
    pub fn open(path: &Path, threads: usize) -> Result<Self> {
        let source = VcfSource::open(path, threads)?;
        let columns = source.header().columns();
        Ok(Self { source, columns, targets: None, spares: Vec::new() })
    }

    /// The header; lines may be added to it before it is written.
    pub fn header_mut(&mut self) -> &mut VcfHeader {
        self.source.header_mut()
    }

    /// The header.
    pub fn header(&self) -> &VcfHeader {
        self.source.header()
    }

    /// The name given to [`VcfReader::open`].
    pub fn path(&self) -> &Path {
        self.source.path()
    }

    /// Keep only records whose position is in one of the intervals, reading through everything.
    ///
    /// # Errors
    /// The header declares contigs, and that of an interval is not among them.
    pub fn restrict_by_stream(&mut self, restriction: Restriction) -> Result<()> {
        let declared = self.header().contigs();
        let contigs = Contigs::from_names(declared.clone());
        let mut by_name = HashMap::new();
        for (name, list) in restriction.0 {
            let name = match contigs.find(&name) {
                Some(i) => contigs.name(i).to_owned(),
                None if declared.is_empty() => name,
                None => return Err(self.unknown(&name, &contigs)),
            };
            by_name.insert(name, list);
        }
        self.targets = Some(by_name);
        Ok(())
    }

    /// Read only records that overlap one of the intervals, by the index of the file.
    ///
    /// # Errors
    /// There is no index, or it does not know a contig.
    pub fn restrict_by_index(&mut self, restriction: Restriction) -> Result<()> {
        let refused = |problem: &str| Error::input(self.path(), problem);
        if read_once(self.path()) {
            return Err(refused("a pipe has no index; use -t or -T instead of -r or -R"));
        }
        if !self.source.is_bcf() && !self.source.is_bgzf() {
            return Err(refused("is not compressed with bgzip and so has no index; use -t or -T instead of -r or -R"));
        }
        let index = self.source.index().map_err(|why| {
            let name = self.path().display();
            refused(&format!("{why}; make it with: bcftools index -f {name} (or use -t or -T, which need none)"))
        })?;
        let indexed = Contigs::from_names(index.contigs(self.header()));
        let declared = Contigs::from_names(self.header().contigs());
        let mut intervals = Vec::new();
        for (name, list) in restriction.0 {
            let Some(known) = indexed.find(&name) else {
                // A contig may be declared and have no record, and is then not in the index.
                match declared.find(&name) {
                    Some(_) => continue,
                    None => return Err(self.unknown(&name, &indexed)),
                }
            };
            let number = index.number(self.header(), indexed.name(known));
            intervals.extend(list.into_iter().map(|(start, end)| (number, start, end)));
        }
        self.source.restrict(index, intervals);
        Ok(())
    }

    fn unknown(&self, name: &str, contigs: &Contigs) -> Error {
        Error::input(self.path(), format!("has no contig \"{name}\" (it has {})", contigs.summary()))
    }

    /// The next record, `None` at the end.
    ///
    /// # Errors
    /// A broken record, named by its line or number, or a truncated file.
    pub fn read(&mut self) -> Result<Option<VcfRecord>> {
        loop {
            let Some(record) = self.read_next()? else { return Ok(None) };
            if let Some(targets) = &self.targets {
                let list = targets.get(record.contig()).map(Vec::as_slice).unwrap_or_default();
                let at = list.partition_point(|&(_, end)| end <= record.start());
                if list.get(at).is_none_or(|&(start, _)| start > record.start()) {
                    continue;
                }
            }
            if record.start() >= self.source.read_until() {
                return Ok(Some(record));
            }
        }
    }

    fn read_next(&mut self) -> Result<Option<VcfRecord>> {
        let mut spare = self.spares.pop().unwrap_or_default();
        let record = if self.source.is_bcf() {
            let Some(record) = spare.bcf.take().or_else(Bcf::new) else {
                return Err(Error::input(self.path(), "cannot be read: there is no memory for a record"));
            };
            // SAFETY: a record of htslib's.
            if !unsafe { self.source.next(record.0)? } {
                return Ok(None);
            }
            VcfRecord::from_bcf(record, spare, self.source.header(), self.source.place())
        } else {
            // SAFETY: a VCF needs no record.
            if !unsafe { self.source.next(std::ptr::null_mut())? } {
                return Ok(None);
            }
            spare.line.clear();
            spare.line.extend_from_slice(self.source.line());
            VcfRecord::from_line(spare, self.source.place(), self.columns)
        };
        record.map(Some).map_err(|problem| self.source.wrong(&problem))
    }

    /// Take back a record that is no longer needed, so that the next one is read into its memory.
    pub fn recycle(&mut self, record: VcfRecord) {
        self.spares.push(record.into_spare());
    }
}

//! Writing BAM (SAM specification, section 4.2).

use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::io::bam::reader::reference_length;
use crate::io::bam::tags;
use crate::io::bam::Alignment;
use crate::io::bgzf::{Bgzf, BgzfOptions};
use crate::io::output_file::{closed_pipe, CompleteFiles, Destination, Unfinished};
use crate::io::Contigs;

/// An alignment as in a BAM file, without the leading block size. Fields about its mate are set by
/// [`BamRecord::join`].
#[derive(Clone, Debug, Default)]
pub struct BamRecord(Vec<u8>);

const UNMAPPED: u16 = 4;
const MATE_UNMAPPED: u16 = 8;

impl BamRecord {
    /// `read` at another contig (index, -1 if unplaced) and position (0-based, -1 if unplaced), with another CIGAR, as in
    /// BAM; with an empty one it is unmapped. Optional fields named in `dropped` are left out.
    pub fn new(read: &Alignment, contig: i32, position: i32, cigar: &[u32], dropped: &[[u8; 2]]) -> Self {
        // A BAM cannot hold a longer name.
        let name = &read.name[..read.name.len().min(254)];
        let spans: i64 = cigar.iter().map(|&c| reference_length(c)).sum();
        let end = i64::from(position) + spans.max(1);
        let bases = read.qualities.len() as u32;
        let long = cigar.len() > u16::MAX as usize;
        let stand_in = [bases << 4 | 4, (spans as u32) << 4 | 3];
        let short: &[u32] = if long { &stand_in } else { cigar };
        let flags = if cigar.is_empty() { read.flags & !2 | UNMAPPED } else { read.flags & !UNMAPPED };
        let mut to = Vec::with_capacity(40 + name.len() + read.fields().len() + 2 * read.qualities.len());
        to.extend_from_slice(&contig.to_le_bytes());
        to.extend_from_slice(&position.to_le_bytes());
        to.push(name.len() as u8 + 1);
        to.push(read.mapping_quality);
        to.extend_from_slice(&bin(i64::from(position), end).to_le_bytes());
        to.extend_from_slice(&(short.len() as u16).to_le_bytes());
        to.extend_from_slice(&flags.to_le_bytes());
        to.extend_from_slice(&bases.to_le_bytes());
        to.extend_from_slice(&(-1i32).to_le_bytes());
        to.extend_from_slice(&(-1i32).to_le_bytes());
        to.extend_from_slice(&0i32.to_le_bytes());
        to.extend_from_slice(name);
        to.push(0);
        short.iter().for_each(|c| to.extend_from_slice(&c.to_le_bytes()));
        to.extend_from_slice(read.packed_bases());
        to.extend_from_slice(read.qualities);
        for (field, bytes) in tags::split(read.fields()) {
            if !dropped.contains(&field) {
                to.extend_from_slice(bytes);
            }
        }
        if long {
            to.extend_from_slice(b"CGBI");
            to.extend_from_slice(&(cigar.len() as u32).to_le_bytes());
            cigar.iter().for_each(|c| to.extend_from_slice(&c.to_le_bytes()));
        }
        Self(to)
    }

    fn four(&self, at: usize) -> i32 {
        i32::from_le_bytes([self.0[at], self.0[at + 1], self.0[at + 2], self.0[at + 3]])
    }

    fn set_four(&mut self, at: usize, value: i32) {
        self.0[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }

    fn flags(&self) -> u16 {
        u16::from_le_bytes([self.0[14], self.0[15]])
    }

    fn set_flags(&mut self, flags: u16) {
        self.0[14..16].copy_from_slice(&flags.to_le_bytes());
    }

    /// Contig and position.
    fn place(&self) -> (i32, i32) {
        (self.four(0), self.four(4))
    }

    fn set_place(&mut self, place: (i32, i32)) {
        self.set_four(0, place.0);
        self.set_four(4, place.1);
        let begin = i64::from(place.1);
        self.0[10..12].copy_from_slice(&bin(begin, begin + 1).to_le_bytes());
    }

    fn is_mapped(&self) -> bool {
        self.flags() & UNMAPPED == 0
    }

    /// End of the aligned bases on the reference, 0-based exclusive.
    fn end(&self) -> i64 {
        let first = 32 + usize::from(self.0[8]);
        let n = usize::from(u16::from_le_bytes([self.0[12], self.0[13]]));
        let operation = |i: usize| self.four(first + 4 * i) as u32;
        i64::from(self.four(4)) + (0..n).map(|i| reference_length(operation(i))).sum::<i64>()
    }

    /// Append an optional field of type `C`.
    pub fn add_number(&mut self, name: &[u8; 2], value: u8) {
        self.0.extend_from_slice(name);
        self.0.extend_from_slice(&[b'C', value]);
    }

    /// Set the mate fields of two mates: position, whether mapped, and the length of the template. An unmapped read is
    /// placed at its mate.
    pub fn join(first: &mut Self, second: &mut Self) {
        match (first.is_mapped(), second.is_mapped()) {
            (false, true) => first.set_place(second.place()),
            (true, false) => second.set_place(first.place()),
            _ => {}
        }
        let length = match first.is_mapped() && second.is_mapped() && first.four(0) == second.four(0) {
            true => {
                let start = first.four(4).min(second.four(4));
                let length = first.end().max(second.end()) - i64::from(start);
                let length = i32::try_from(length).unwrap_or(0);
                // Positive for the leftmost read.
                if first.four(4) <= second.four(4) {
                    length
                } else {
                    -length
                }
            }
            false => 0,
        };
        let facts = |r: &Self| (r.place(), r.is_mapped());
        let (one, two) = (facts(first), facts(second));
        for (read, mate, length) in [(first, two, length), (second, one, -length)] {
            read.set_four(20, mate.0 .0);
            read.set_four(24, mate.0 .1);
            read.set_four(28, length);
            let flags = read.flags() & !MATE_UNMAPPED | if mate.1 { 0 } else { MATE_UNMAPPED };
            read.set_flags(if mate.1 && read.is_mapped() { flags } else { flags & !2 });
        }
    }
}

/// The bin of reference `start..end` (0-based half-open), as in the specification.
fn bin(start: i64, end: i64) -> u16 {
    if start < 0 {
        return 4680;
    }
    let last = end - 1;
    for (shift, first) in [(14, 4681), (17, 585), (20, 73), (23, 9), (26, 1)] {
        if start >> shift == last >> shift {
            return (first + (start >> shift)) as u16;
        }
    }
    0
}

/// A BAM file being written; it has no final name before the set of [`BamWriter::finish`] is renamed. Standard output,
/// devices and pipes are written directly.
pub struct BamWriter {
    path: PathBuf,
    /// None when the reader of a pipe has gone.
    file: Option<Bgzf>,
    unfinished: Option<Unfinished>,
}

impl BamWriter {
    /// Begin `path` with the lines of `header`, which has no `@SQ`, and `contigs`; compressed by `threads` threads.
    ///
    /// # Errors
    /// The file cannot be written, or a contig is longer than BAM allows.
    pub fn create(path: &Path, header: &str, contigs: &Contigs, threads: usize) -> Result<Self> {
        let (file, unfinished) = Destination::of(path)?.open(path)?;
        let options = BgzfOptions { threads: if threads > 1 { threads } else { 0 }, ..BgzfOptions::default() };
        let file = Some(Bgzf::create(file, options).map_err(|e| Error::io(path, e))?);
        let mut writer = Self { path: path.to_path_buf(), file, unfinished };
        let (mut text, mut list) = (String::new(), Vec::new());
        let (head, rest): (Vec<&str>, Vec<&str>) = header.lines().partition(|line| line.starts_with("@HD"));
        head.iter().for_each(|line| text += &format!("{line}\n"));
        for (name, length) in contigs.iter() {
            let size = i32::try_from(length)
                .map_err(|_| Error::input(path, format!("cannot hold {name}: it is too long for BAM")))?;
            text += &format!("@SQ\tSN:{name}\tLN:{length}\n");
            list.extend_from_slice(&(name.len() as u32 + 1).to_le_bytes());
            list.extend_from_slice(name.as_bytes());
            list.push(0);
            list.extend_from_slice(&size.to_le_bytes());
        }
        rest.iter().for_each(|line| text += &format!("{line}\n"));
        let mut bytes = b"BAM\x01".to_vec();
        bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
        bytes.extend_from_slice(text.as_bytes());
        bytes.extend_from_slice(&(contigs.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&list);
        writer.with_file(|file| file.write(&bytes).and_then(|()| file.flush()))?;
        Ok(writer)
    }

    /// Write by `write`, unless the reader of the output has gone.
    fn with_file(&mut self, write: impl FnOnce(&mut Bgzf) -> io::Result<()>) -> Result<()> {
        let written = match &mut self.file {
            Some(file) => write(file),
            None => Ok(()),
        };
        let written = match written {
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => {
                self.file = None;
                closed_pipe::reader_is_gone()
            }
            written => written,
        };
        written.map_err(|e| Error::io(&self.path, e))
    }

    /// Append a record.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&mut self, record: &BamRecord) -> Result<()> {
        let size = u32::try_from(record.0.len()).map_err(|_| Error::input(&self.path, "cannot hold so long a read"))?;
        self.with_file(|file| {
            file.keep_together(record.0.len() + 4)?;
            file.write(&size.to_le_bytes())?;
            file.write(&record.0)
        })
    }

    /// Write everything to the file, which is then complete, but does not have its final name yet.
    ///
    /// # Errors
    /// Something cannot be written.
    pub fn finish(mut self) -> Result<CompleteFiles> {
        self.with_file(Bgzf::flush)?;
        if let Some(file) = self.file.take() {
            file.close(None).map_err(|e| Error::io(&self.path, e))?;
        }
        CompleteFiles::unfinished(self.unfinished, &self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::bam::test_reads::{cigar, Made};
    use crate::io::bam::Alignments;

    fn contigs() -> Contigs {
        Contigs::new(vec![("c".into(), 1_000_000), ("d".into(), 5000)])
    }

    #[test]
    fn bins_are_those_of_the_specification() {
        assert_eq!([bin(0, 1), bin(16383, 16385), bin(1 << 20, (1 << 20) + 9)], [4681, 585, 4745]);
        assert_eq!([bin(-1, 0), bin(0, 1 << 29), bin((1 << 26) - 1, (1 << 26) + 1)], [4680, 0, 0]);
    }

    #[test]
    fn what_is_written_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.bam");
        let made = Made::new(0, "5M", "ACGTN", 30);
        let fields = b"NMC\x02XAZa\0";
        let read = made.read().with_fields(fields);
        let mut out = BamWriter::create(&path, "@HD\tVN:1.6\n@CO\tx\n", &contigs(), 1).unwrap();
        let mut first = BamRecord::new(&read, 0, 100, &cigar("2M3D3M"), &[*b"NM"]);
        first.add_number(b"HP", 2);
        let mut second = BamRecord::new(&read, 0, 90, &[], &[]);
        BamRecord::join(&mut first, &mut second);
        // More operations than BAM's field can count.
        let long: Vec<u32> = (0..80_001).map(|i| 1 << 4 | if i % 2 == 0 { 0 } else { 2 }).collect();
        let bases = "A".repeat(40_001);
        let many = Made::new(0, "40001M", &bases, 20);
        let third = BamRecord::new(&many.read(), 0, 200, &long, &[]);
        [&first, &second, &third].iter().for_each(|r| out.write(r).unwrap());
        assert!(!path.exists());
        out.finish().unwrap().rename().unwrap();

        let mut back = Alignments::open(&path, None, 1).unwrap();
        assert_eq!(back.contigs(), &contigs());
        assert_eq!(back.header_text(), "@HD\tVN:1.6\n@SQ\tSN:c\tLN:1000000\n@SQ\tSN:d\tLN:5000\n@CO\tx\n");
        let read = back.next_read().unwrap().unwrap();
        assert_eq!((read.contig, read.position, read.end(), read.flags), (0, 100, 108, 8));
        assert_eq!((read.mate_contig, read.mate_position, read.template_length), (0, 100, 0));
        assert_eq!((read.name, read.base(1), read.qualities), (&b"read"[..], b'C', &[30u8; 5][..]));
        assert_eq!(read.cigar, cigar("2M3D3M"));
        use crate::io::bam::Tag;
        assert_eq!([read.tag(b"NM"), read.tag(b"HP")], [None, Some(Tag::Int(2))]);
        assert_eq!(read.tag(b"XA"), Some(Tag::Text(b"a")));
        let read = back.next_read().unwrap().unwrap();
        assert_eq!((read.position, read.flags, read.cigar.len()), (100, 4, 0));
        let read = back.next_read().unwrap().unwrap();
        assert_eq!((read.cigar, read.qualities.len()), (&long[..], 40_001));
        assert!(back.next_read().unwrap().is_none());
    }

    #[test]
    fn mates_know_the_length_of_their_template() {
        let made = Made::new(0, "5M", "ACGTN", 30);
        let record = |contig, position| BamRecord::new(&made.read(), contig, position, &cigar("5M"), &[]);
        let (mut first, mut second) = (record(0, 100), record(0, 60));
        BamRecord::join(&mut first, &mut second);
        assert_eq!((first.four(28), second.four(28)), (-45, 45));
        assert_eq!((first.four(24), second.four(24)), (60, 100));
        let (mut first, mut second) = (record(0, 100), record(1, 60));
        BamRecord::join(&mut first, &mut second);
        assert_eq!((first.four(28), first.four(20), second.four(20)), (0, 1, 0));
    }
}

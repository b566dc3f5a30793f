//! Alignments for the tests of this module.

use crate::io::bam::Alignment;

pub const OPERATIONS: &str = "MIDNSHP=X";

pub fn cigar(text: &str) -> Vec<u32> {
    let mut list = Vec::new();
    let mut length = 0;
    for c in text.chars() {
        match c.to_digit(10) {
            Some(d) => length = length * 10 + d,
            None => {
                list.push(length << 4 | OPERATIONS.find(c).unwrap() as u32);
                length = 0;
            }
        }
    }
    list
}

pub fn pack(bases: &[u8]) -> Vec<u8> {
    let code = |b: u8| b"=ACMGRSVTWYHKDBN".iter().position(|c| *c == b).unwrap() as u8;
    bases.chunks(2).map(|two| code(two[0]) << 4 | two.get(1).map_or(0, |b| code(*b))).collect()
}

/// What an alignment borrows.
pub struct Made {
    pub packed: Vec<u8>,
    pub cigar: Vec<u32>,
    pub qualities: Vec<u8>,
    pub position: i64,
}

impl Made {
    pub fn new(position: i64, cigar: &str, bases: &str, quality: u8) -> Self {
        let bases = bases.as_bytes();
        Self { packed: pack(bases), cigar: self::cigar(cigar), qualities: vec![quality; bases.len()], position }
    }

    pub fn read(&self) -> Alignment<'_> {
        Alignment::made(&self.packed, &self.cigar, &self.qualities, self.position)
    }
}

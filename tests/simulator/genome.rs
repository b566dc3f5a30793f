//! Random references with repeats planted in them.

use rand::Rng;

use super::Dice;

/// A stretch of equal units: a homopolymer (unit of 1) or a short tandem repeat.
#[derive(Clone, Copy, Debug)]
pub struct Repeat {
    /// First base, 0-based.
    pub start: usize,
    /// Bases of a unit.
    pub unit: usize,
    pub copies: usize,
}

/// A reference sequence.
#[derive(Clone, Debug)]
pub struct Contig {
    pub name: String,
    /// Upper case ACGT.
    pub bases: Vec<u8>,
    /// What was planted, by position.
    pub repeats: Vec<Repeat>,
}

/// One of the four bases.
pub fn base(dice: &mut Dice) -> u8 {
    b"ACGT"[dice.random_range(0..4)]
}

/// Another base than `than`.
pub fn other_base(dice: &mut Dice, than: u8) -> u8 {
    loop {
        let b = base(dice);
        if b != than {
            return b;
        }
    }
}

impl Contig {
    /// Random bases with a homopolymer of 5 to 14 or a repeat of 3 to 7 units of 2 to 4 every hundred bases
    /// or so.
    pub fn random(dice: &mut Dice, name: String, length: usize) -> Self {
        let mut bases: Vec<u8> = (0..length).map(|_| base(dice)).collect();
        let mut repeats = Vec::new();
        let mut at = 40;
        while at + 40 < length {
            let homopolymer = dice.random_bool(0.6);
            let unit = if homopolymer { 1 } else { dice.random_range(2..=4) };
            let copies = if homopolymer { dice.random_range(5..=14) } else { dice.random_range(3..=7) };
            let letters: Vec<u8> = (0..unit).map(|_| base(dice)).collect();
            for i in 0..unit * copies {
                bases[at + i] = letters[i % unit];
            }
            // The base before and behind ends the repeat.
            bases[at - 1] = other_base(dice, letters[unit - 1]);
            bases[at + unit * copies] = other_base(dice, letters[0]);
            repeats.push(Repeat { start: at, unit, copies });
            at += unit * copies + dice.random_range(40..140);
        }
        Self { name, bases, repeats }
    }
}

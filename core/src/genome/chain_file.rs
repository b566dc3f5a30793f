//! Chain files of UCSC: whole-contig maps for liftOver, CrossMap and others.

use std::fmt::Write;

use crate::genome::CoordinateMap;

/// Which way a chain leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainDirection {
    /// From haplotype to reference.
    ToReference,
    /// From reference to haplotype.
    ToHaplotype,
}

/// The chain of one contig with number `id`, or nothing where no base corresponds.
///
/// The chain's target is where positions come from and its query where they go to (the two are called so in
/// <https://genome.ucsc.edu/goldenPath/help/chain.html>; liftOver and CrossMap read them this way). The score
/// is the number of corresponding bases.
pub fn chain(name: &str, lift: &CoordinateMap, way: ChainDirection, id: usize) -> String {
    // (from, to, length) of each block.
    let turned = |b: crate::genome::MapBlock| match way {
        ChainDirection::ToReference => (b.haplotype, b.reference, b.length),
        ChainDirection::ToHaplotype => (b.reference, b.haplotype, b.length),
    };
    let (size, other) = match way {
        ChainDirection::ToReference => (lift.haplotype_length(), lift.reference_length()),
        ChainDirection::ToHaplotype => (lift.reference_length(), lift.haplotype_length()),
    };
    let (mut score, mut body, mut ends) = (0, String::new(), None::<((u64, u64), (u64, u64, u64))>);
    for block in lift.blocks().map(turned) {
        score += block.2;
        ends = match ends {
            None => Some(((block.0, block.1), block)),
            Some((first, (from, to, length))) => {
                // Writing to a string cannot fail.
                let _ = writeln!(body, "{length}\t{}\t{}", block.0 - from - length, block.1 - to - length);
                Some((first, block))
            }
        };
    }
    let Some(((from, to), last)) = ends else { return String::new() };
    let (from_end, to_end) = (last.0 + last.2, last.1 + last.2);
    format!("chain {score} {name} {size} + {from} {from_end} {name} {other} + {to} {to_end} {id}\n{body}{}\n\n", last.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_and_gaps_add_up() {
        let mut lift = CoordinateMap::new(20);
        lift.add(0, 1, 0);
        lift.add(5, 8, 1);
        lift.add(15, 15, 3);
        assert_eq!(
            chain("c", &lift, ChainDirection::ToReference, 1),
            "chain 16 c 20 + 0 20 c 20 + 1 20 1\n4\t1\t3\n7\t3\t0\n5\n\n"
        );
        assert_eq!(
            chain("c", &lift, ChainDirection::ToHaplotype, 2),
            "chain 16 c 20 + 1 20 c 20 + 0 20 2\n4\t3\t1\n7\t0\t3\n5\n\n"
        );
        let mut nothing = CoordinateMap::new(4);
        nothing.add(0, 4, 0);
        assert_eq!(chain("c", &nothing, ChainDirection::ToHaplotype, 1), "");
    }
}

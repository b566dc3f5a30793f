//! UCSC chain files: whole-contig coordinate maps for liftOver, CrossMap and others.

use std::fmt::Write;

use crate::genome::CoordinateMap;

/// Direction of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainDirection {
    /// From haplotype to reference.
    ToReference,
    /// From reference to haplotype.
    ToHaplotype,
}

/// The chain of the contig `name` with the number `id`, or an empty string if no base corresponds.
///
/// Positions are mapped from the target to the query of the chain, as in
/// <https://genome.ucsc.edu/goldenPath/help/chain.html> and as liftOver and CrossMap read them. The score is the number of
/// corresponding bases.
pub fn chain(name: &str, map: &CoordinateMap, direction: ChainDirection, id: usize) -> String {
    // (from, to, length) of each block.
    let directed = |b: crate::genome::MapBlock| match direction {
        ChainDirection::ToReference => (b.haplotype, b.reference, b.length),
        ChainDirection::ToHaplotype => (b.reference, b.haplotype, b.length),
    };
    let (size, other) = match direction {
        ChainDirection::ToReference => (map.haplotype_length(), map.reference_length()),
        ChainDirection::ToHaplotype => (map.reference_length(), map.haplotype_length()),
    };
    let (mut score, mut body, mut ends) = (0, String::new(), None::<((u64, u64), (u64, u64, u64))>);
    for block in map.blocks().map(directed) {
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
        let mut map = CoordinateMap::new(20);
        map.add(0, 1, 0);
        map.add(5, 8, 1);
        map.add(15, 15, 3);
        assert_eq!(
            chain("c", &map, ChainDirection::ToReference, 1),
            "chain 16 c 20 + 0 20 c 20 + 1 20 1\n4\t1\t3\n7\t3\t0\n5\n\n"
        );
        assert_eq!(
            chain("c", &map, ChainDirection::ToHaplotype, 2),
            "chain 16 c 20 + 1 20 c 20 + 0 20 2\n4\t3\t1\n7\t0\t3\n5\n\n"
        );
        let mut nothing = CoordinateMap::new(4);
        nothing.add(0, 4, 0);
        assert_eq!(chain("c", &nothing, ChainDirection::ToHaplotype, 1), "");
    }
}

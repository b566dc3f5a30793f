//! Which fragments can tell the haplotypes apart, from the bare sequences: a read tells if its bases, free of
//! errors, are found nowhere near its place in the other haplotype. This knows nothing of alignments.

use std::ops::Range;

use super::{Fragment, Pair, Read, Variant};

/// How far from its place a read is looked for: more than any change of length.
const SLACK: usize = 64;

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|w| w == word)
}

/// Stretches of `bases` joined, the first and last lengthened outwards by `SLACK`.
fn around(bases: &[u8], spans: &[(usize, usize)]) -> Vec<u8> {
    let mut joined = Vec::new();
    for (i, &(mut start, mut end)) in spans.iter().enumerate() {
        if i == 0 {
            start = start.saturating_sub(SLACK);
        }
        if i + 1 == spans.len() {
            end = (end + SLACK).min(bases.len());
        }
        joined.extend_from_slice(&bases[start.min(end)..end]);
    }
    joined
}

fn spelled(pair: &Pair, h: usize, segments: &[(usize, usize)]) -> Vec<u8> {
    segments.iter().flat_map(|&(start, end)| &pair.haplotypes[h][start..end]).copied().collect()
}

/// Where an unspliced read of haplotype `h` lies on the other haplotype without any difference, if it does.
pub fn place_on_other(pair: &Pair, h: usize, segment: (usize, usize)) -> Option<usize> {
    let map = &pair.to_other[h];
    let from = map.near(segment.0, false).saturating_sub(SLACK);
    let to = (map.near(segment.1 - 1, true) + 1 + SLACK).min(pair.haplotypes[1 - h].len());
    let word = &pair.haplotypes[h][segment.0..segment.1];
    pair.haplotypes[1 - h][from..to].windows(word.len()).position(|w| w == word).map(|at| from + at)
}

/// True if a read of haplotype `h` over `segments` cannot be from the other haplotype.
pub fn read_tells(pair: &Pair, h: usize, segments: &[(usize, usize)]) -> bool {
    let map = &pair.to_other[h];
    let spans: Vec<_> = segments.iter().map(|&(s, e)| (map.near(s, false), map.near(e - 1, true) + 1)).collect();
    !contains(&around(&pair.haplotypes[1 - h], &spans), &spelled(pair, h, segments))
}

/// True if the read cannot be from its own haplotype with the other's alleles at records `group` alone.
pub fn read_tells_variants(pair: &Pair, h: usize, segments: &[(usize, usize)], group: Range<usize>) -> bool {
    let variants = &pair.variants[group.clone()];
    if !variants.iter().any(Variant::differs) {
        return false;
    }
    let (start, end) = (pair.places[h][group.start].0, pair.places[h][group.end - 1].1);
    if !segments.iter().any(|&(s, e)| s < end && e > start) {
        return false;
    }
    let (mut other, mut at) = (Vec::new(), variants[0].start);
    for v in variants {
        other.extend_from_slice(&pair.contig.bases[at..v.start]);
        other.extend_from_slice(v.allele(1 - h));
        at = v.end();
    }
    let flipped = [&pair.haplotypes[h][..start], &other, &pair.haplotypes[h][end..]].concat();
    let moved = |at: usize, inside: usize| match at {
        _ if at <= start => at,
        _ if at >= end => at - end + start + other.len(),
        _ => inside,
    };
    let spans: Vec<_> = segments.iter().map(|&(s, e)| (moved(s, start), moved(e, start + other.len()))).collect();
    !contains(&around(&flipped, &spans), &spelled(pair, h, segments))
}

/// Bases before an adapter of which nobody can say that they are not its first: an adapter shows the bases of a
/// haplotype by chance, one in four, five in a row less than once in a thousand reads, as often as a base of quality
/// 30 is wrong.
const LIKE_ADAPTER: usize = 4;

/// The stretches of a read that are no adapter beyond doubt: without the last bases before one. Whoever has only the
/// bare read does not know where the adapter begins.
fn beyond_doubt(read: &Read) -> Vec<(usize, usize)> {
    let mut segments = read.segments.clone();
    let doubtful = |adapter: &[u8]| if adapter.is_empty() { 0 } else { LIKE_ADAPTER };
    let [before, behind] = [0, 1].map(|i| doubtful(&read.adapters[i]));
    segments[0].0 = (segments[0].0 + before).min(segments[0].1 - 1);
    let last = segments.len() - 1;
    segments[last].1 = segments[last].1.saturating_sub(behind).max(segments[last].0 + 1);
    segments
}

/// The stretches of its haplotype that the bare read shows: an adapter may begin with the bases that follow there.
fn as_seen(pair: &Pair, h: usize, read: &Read) -> Vec<(usize, usize)> {
    let mut segments = read.segments.clone();
    let haplotype = &pair.haplotypes[h];
    let alike = |a: &(&u8, &u8)| a.0 == a.1;
    let before = haplotype[..segments[0].0].iter().rev().zip(read.adapters[0].iter().rev());
    segments[0].0 -= before.take_while(alike).count();
    let last = segments.len() - 1;
    let behind = haplotype[segments[last].1..].iter().zip(&read.adapters[1]);
    segments[last].1 += behind.take_while(alike).count();
    segments
}

/// True if the read cannot be from its own haplotype with the other's allele at record `v` alone.
pub fn read_tells_variant(pair: &Pair, h: usize, segments: &[(usize, usize)], v: usize) -> bool {
    read_tells_variants(pair, h, segments, v..v + 1)
}

/// True if any read of the fragment that counts can tell.
pub fn fragment_tells(pair: &Pair, fragment: &Fragment) -> bool {
    fragment.counted_reads().any(|r| read_tells(pair, fragment.haplotype, &r.segments))
}

/// True if any read of the fragment that counts can tell, and would wherever an adapter begins in it.
pub fn fragment_must_tell(pair: &Pair, fragment: &Fragment) -> bool {
    fragment.counted_reads().any(|r| read_tells(pair, fragment.haplotype, &beyond_doubt(r)))
}

/// True if any read of the fragment that counts can tell, or looks as if it could by how its adapter begins.
pub fn fragment_may_tell(pair: &Pair, fragment: &Fragment) -> bool {
    let h = fragment.haplotype;
    fragment.counted_reads().any(|r| read_tells(pair, h, &as_seen(pair, h, r)))
}

/// [`fragment_must_tell`] for the alleles at records `group`.
pub fn fragment_must_tell_variants(pair: &Pair, fragment: &Fragment, group: Range<usize>) -> bool {
    let h = fragment.haplotype;
    fragment.counted_reads().any(|r| read_tells_variants(pair, h, &beyond_doubt(r), group.clone()))
}

/// [`fragment_may_tell`] for the alleles at records `group`.
pub fn fragment_may_tell_variants(pair: &Pair, fragment: &Fragment, group: Range<usize>) -> bool {
    let h = fragment.haplotype;
    fragment.counted_reads().any(|r| read_tells_variants(pair, h, &as_seen(pair, h, r), group.clone()))
}

/// True if any read of the fragment that counts tells the alleles of record `v`.
pub fn fragment_tells_variant(pair: &Pair, fragment: &Fragment, v: usize) -> bool {
    fragment.counted_reads().any(|r| read_tells_variant(pair, fragment.haplotype, &r.segments, v))
}

/// The bases of a read with the letter of the other haplotype at every base that has a partner there: what an
/// alignment that must not count should show, so that counting it is noticed.
pub fn with_other_letters(pair: &Pair, h: usize, read: &Read) -> Vec<u8> {
    let places = read.segments.iter().flat_map(|&(start, end)| start..end);
    let letter = |(own, place): (&u8, usize)| {
        let column = pair.to_other[h].list[pair.to_other[h].at(place)];
        column.target.map_or(*own, |t| pair.haplotypes[1 - h][t as usize])
    };
    read.bases.iter().zip(places).map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Contig, Cross, CrossKind, Variant};
    use super::*;

    #[test]
    fn a_read_tells_only_past_the_repeat() {
        //           0         10        20
        let bases = b"GCTACGTGCATTTTTTGACCATGCAGGATCA".to_vec();
        let contig = Contig { name: "a".into(), bases, repeats: vec![] };
        let variants = vec![Variant::new(9, &["AT", "A"], [0, 1]), Variant::new(26, &["G", "C"], [0, 1])];
        let cross = Cross::by_hand(CrossKind::Strain, vec![(contig, variants)]);
        let pair = &cross.contigs[0];
        // Haplotype 1 has six T, haplotype 2 five.
        assert!(!read_tells(pair, 1, &[(2, 15)]));
        assert!(read_tells(pair, 1, &[(2, 16)]));
        assert!(!read_tells(pair, 1, &[(10, 20)]));
        assert!(!read_tells(pair, 0, &[(2, 15)]));
        assert!(read_tells(pair, 0, &[(2, 16)]));
        assert!(read_tells(pair, 0, &[(12, 27)]));
        assert!(!read_tells_variant(pair, 0, &[(12, 27)], 0));
        assert!(read_tells_variant(pair, 0, &[(12, 27)], 1));
        assert!(read_tells_variant(pair, 1, &[(2, 30)], 0));
        // Spliced over the repeat, up to the SNV.
        assert!(!read_tells(pair, 0, &[(2, 6), (20, 26)]));
        assert!(read_tells(pair, 0, &[(2, 6), (20, 27)]));
    }

    #[test]
    fn a_read_does_not_know_where_its_adapter_begins() {
        let contig = Contig { name: "a".into(), bases: b"GCTACGTGCATTAGTTGACCATGCAGGATCA".to_vec(), repeats: vec![] };
        let cross = Cross::by_hand(CrossKind::Strain, vec![(contig, vec![Variant::new(15, &["T", "C"], [0, 1])])]);
        let pair = &cross.contigs[0];
        let read = |end: usize, adapter: &[u8]| {
            let read = Read {
                segments: vec![(2, end)],
                bases: pair.haplotypes[0][2..end].to_vec(),
                qualities: vec![37; end - 2],
                reverse: false,
                errors: vec![],
                ends: super::super::Ends::Keep,
                shift: None,
                adapters: [vec![], adapter.to_vec()],
                hard_clip: 0,
            };
            let (reads, name) = (vec![read], "r".into());
            Fragment { name, contig: 0, haplotype: 0, reads, swapped: false, noise: None }
        };
        let told = |f: &Fragment| (fragment_must_tell(pair, f), fragment_may_tell(pair, f));
        // The base is the last of the read, the fourth before an adapter, the fifth.
        assert_eq!(told(&read(16, b"")), (true, true));
        assert_eq!(told(&read(19, b"TTT")), (false, true));
        assert_eq!(told(&read(20, b"TTT")), (true, true));
        // An adapter that begins as the haplotype goes on.
        assert_eq!(told(&read(15, b"CAG")), (false, false));
        assert_eq!(told(&read(15, b"TCG")), (false, true));
    }
}

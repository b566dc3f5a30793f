//! A part of a read against both haplotypes, with every phased record there: those that both haplotypes have
//! are spelt on both. What all of it says is one say about the fragment. Each site has its own in the counts of its
//! records: what it costs to exchange its alleles alone.

use std::ops::Range;

use super::*;
use crate::assignment::local_haplotypes::spell;
use crate::assignment::observe::ends::Piece;
use crate::assignment::realign::gap_opening;
use crate::genome::Edit;

/// A record, or a base of one, that the haplotypes have in place of the reference.
struct Change<'a> {
    edits: [Option<Edit<'a>>; 2],
    /// Reference span (0-based half-open) that it changes.
    span: (i64, i64),
    /// The site that it belongs to, by its index in the piece, if it belongs to one.
    site: Option<usize>,
    /// Number of the record, where several make a site.
    record: Option<u64>,
}

/// The haplotypes around a piece.
struct Spelling<'a> {
    /// Position of the first base of `reference`.
    low: i64,
    reference: Vec<u8>,
    changes: Vec<Change<'a>>,
}

impl<'a> Spelling<'a> {
    fn new(piece: &Piece, sites: &'a Sites, low: i64, reference: Vec<u8>) -> Self {
        let high = low + reference.len() as i64;
        let mut changes = Vec::new();
        for (i, &number) in piece.sites.iter().enumerate() {
            let mut put = |position: i64, first: &'a u8, second: &'a u8| {
                let edit = |base: &'a u8| {
                    let start = position as u64;
                    Some(Edit { start, end: start + 1, bases: std::slice::from_ref(base) })
                };
                let edits = [edit(first), edit(second)];
                changes.push(Change { edits, span: (position, position + 1), site: Some(i), record: None });
            };
            let site = sites.get(number);
            match &site.tells {
                Tells::Base(first, second) => put(site.start, first, second),
                Tells::Bases(list) => list.iter().for_each(|(p, first, second)| put(*p, first, second)),
                Tells::Local(_) => {}
            }
        }
        // Whatever lies in or beside insertions and deletions, and what both haplotypes have.
        for item in sites.known().filter(|i| i.end > low && i.start < high) {
            let of = |n: &u32| item.record.is_some_and(|r| sites.get(*n).records.as_slice().contains(&r));
            let edits = [item.edit(1), item.edit(2)];
            let site = piece.sites.iter().position(of);
            changes.push(Change { edits, span: item.changes(), site, record: item.record });
        }
        Self { low, reference, changes }
    }

    /// Of each change what is chosen, sorted.
    fn edits(&self, choose: impl Fn(&Change<'a>) -> Option<Edit<'a>>) -> Vec<Edit<'a>> {
        let mut edits: Vec<Edit> = self.changes.iter().filter_map(choose).collect();
        edits.sort_by_key(|e| (e.start, e.end));
        edits
    }

    fn sequence(&self, edits: &[Edit]) -> Vec<u8> {
        spell(&self.reference, self.low, edits, self.low, self.low).0
    }

    /// Haplotype `h` (0 or 1).
    fn haplotype(&self, h: usize) -> Vec<u8> {
        self.sequence(&self.edits(|c| c.edits[h]))
    }

    /// Haplotype `h` with the other's alleles at a site.
    fn exchanged(&self, h: usize, site: usize) -> Vec<u8> {
        self.sequence(&self.edits(|c| c.edits[if c.site == Some(site) { 1 - h } else { h }]))
    }

    /// Haplotype `h`, unknown at a site of bases.
    fn unknown(&self, h: usize, site: usize) -> Vec<u8> {
        let unknown = |e: Edit<'a>| Edit { bases: b"N", ..e };
        self.sequence(&self.edits(|c| match c.site == Some(site) {
            true => c.edits[h].map(unknown),
            false => c.edits[h],
        }))
    }

    /// Index in haplotype `h` of a reference position.
    fn place(&self, h: usize, position: i64) -> i64 {
        let edits = self.changes.iter().filter_map(|c| c.edits[h]);
        let before = edits.filter(|e| e.start as i64 >= self.low && e.end as i64 <= position);
        position - self.low + before.map(|e| gain(&e)).sum::<i64>()
    }

    /// Which records of a site haplotype `h` has within `reach` of its sequence, as in [`Observation::covered`].
    fn covered(&self, h: usize, index: usize, site: &Site, reach: (usize, usize)) -> u16 {
        let within = |c: &&Change| {
            let (start, end) = c.span;
            // What is inserted at the first position belongs to the change.
            let inserted = self.changes.iter().filter_map(|c| c.edits[h]);
            let inserted = inserted.filter(|e| e.start as i64 == start && e.start == e.end);
            let from = self.place(h, start) - inserted.map(|e| gain(&e)).sum::<i64>();
            from < reach.1 as i64 && self.place(h, end).max(from + 1) > reach.0 as i64
        };
        let here = self.changes.iter().filter(|c| c.site == Some(index)).filter(within);
        let bit = |c: &Change| match c.record {
            None => u16::MAX,
            Some(r) => {
                let number = site.records.as_slice().iter().position(|&n| n == r);
                number.filter(|i| *i < 16).map_or(0, |i| 1 << i)
            }
        };
        here.fold(0, |all, c| all | bit(c))
    }
}

/// By how many bases an edit makes a haplotype longer.
fn gain(edit: &Edit) -> i64 {
    edit.bases.len() as i64 - (edit.end - edit.start) as i64
}

impl Look<'_> {
    /// Compare a piece with both haplotypes. What its sites show goes into `evidence`, and their numbers into
    /// `laid`, unless the piece fits neither haplotype.
    ///
    /// # Errors
    /// What the reference does not let be read.
    pub(super) fn lay(
        &mut self,
        read: &Alignment,
        piece: &Piece,
        sites: &mut Sites,
        evidence: &mut Evidence,
    ) -> Result<()> {
        let n = piece.to.saturating_sub(piece.from);
        // A free end needs a little more of the haplotype than the read has.
        let room = |end: End| if end == End::Fixed { 0 } else { ROOM as i64 };
        let (low, high) = (piece.low - room(piece.left), piece.high + room(piece.right));
        if n == 0 || piece.to > read.qualities.len() || ((high - low) as usize + n).saturating_mul(n) > MOST_CELLS {
            return Ok(());
        }
        let Some(reference) = sites.bases(low, high)? else { return Ok(()) };
        let sites = &*sites;
        let spelling = Spelling::new(piece, sites, low, reference);
        let units = sites.known().filter(|i| i.end > low && i.start < high).map(|i| i.units).max();
        let opening = gap_opening(units.unwrap_or(1)).min(LOUDEST);
        self.bases.clear();
        self.bases.extend((piece.from..piece.to).map(|i| read.base(i)));
        self.qualities.clear();
        self.qualities.extend_from_slice(&read.qualities[piece.from..piece.to]);

        let both = [0, 1].map(|h| spelling.haplotype(h));
        let mut costs = [&both[0], &both[1]].map(|h| self.cost(h, piece, opening, opening));
        if costs[0].min(costs[1]) > 0 && costs[0].max(costs[1]) >= opening {
            costs = [&both[0], &both[1]].map(|h| self.cost(h, piece, opening, Cost::MAX));
        }
        let [one, two] = costs;
        let joint = (two - one).clamp(-opening, opening);
        let (own, least) = (usize::from(joint < 0), one.min(two));
        let unfit = least - foreign(piece.left) - foreign(piece.right);
        if (unfit >= UNFIT && unfit > joint.abs()) || (piece.plain && joint.abs() < DECISIVE) {
            return Ok(());
        }
        // Where the read lies on its haplotype.
        let length = both[own].len();
        let reach = match (piece.left, piece.right) {
            (End::Fixed, End::Fixed) => (0, length),
            (End::Fixed, _) => (0, n),
            (_, End::Fixed) => (length.saturating_sub(n), length),
            _ => (0, length),
        };
        // Where the bases that are not clipped lie on it, if base lies by base.
        let by_base = least <= opening && reach.1 - reach.0 == n && !piece.is_free();
        let aligned = by_base.then(|| (reach.0, piece.left.clipped()..n - piece.right.clipped()));
        let before = evidence.observations.len();
        for (i, &number) in piece.sites.iter().enumerate() {
            let site = sites.get(number);
            let of_bases = !matches!(site.tells, Tells::Local(_));
            let covered = spelling.covered(own, i, site, reach);
            if covered == 0 && of_bases {
                continue;
            }
            let contrast = if piece.sites.len() == 1 {
                joint
            } else {
                let cost = self.cost(&spelling.exchanged(own, i), piece, opening, least + opening) - least;
                (if own == 0 { cost } else { -cost }).clamp(-opening, opening)
            };
            let mut seen =
                Observation { site: number, base: 0, quality: 0, other: false, contrast, said: contrast, covered };
            match aligned.as_ref().and_then(|a| self.letter(site, spelling.place(own, site.start), a)) {
                // What the aligner did not clip has a letter, though it may lie elsewhere.
                Some((base, quality)) => (seen.base, seen.quality) = (base, quality),
                // Another base than those of the haplotypes.
                None if of_bases && contrast.abs() < DECISIVE => {
                    let unknown = self.cost(&spelling.unknown(own, i), piece, opening, Cost::MAX);
                    seen.other = least - unknown >= DECISIVE;
                }
                None => {}
            }
            evidence.observations.push(seen);
        }
        let seen = &mut evidence.observations[before..];
        let against = |o: &&Observation| !o.other && o.contrast.abs() >= DECISIVE && (o.contrast < 0) != (joint < 0);
        if seen.iter().filter(against).count() == 0 {
            // Beside what letters say, one end has one say, that of its most telling site.
            let loudness = |o: &Observation| (!matches!(sites.get(o.site).tells, Tells::Local(_)), -o.contrast.abs());
            let silent = |i: &usize| seen[*i].other || seen[*i].base != 0;
            let loudest = (0..seen.len()).filter(|i| !silent(i)).min_by_key(|&i| loudness(&seen[i]));
            for (i, o) in seen.iter_mut().enumerate() {
                o.said = if Some(i) == loudest { joint } else { 0 };
            }
        }
        self.laid.extend_from_slice(&piece.sites);
        Ok(())
    }

    /// The base of the piece, and its quality, that lies at a place of a haplotype at which a single base tells.
    /// `aligned` are the place of the piece's first base and the bases that are not clipped.
    fn letter(&self, site: &Site, place: i64, (first, bases): &(usize, Range<usize>)) -> Option<(u8, u8)> {
        let index = usize::try_from(place - *first as i64).ok()?;
        let plain = matches!(site.tells, Tells::Base(..)) && bases.contains(&index);
        plain.then(|| (self.bases[index], self.qualities[index]))
    }

    /// What the bases of a piece cost on a haplotype beyond fitting it; of costs that are not below `enough` only
    /// that much.
    fn cost(&mut self, haplotype: &[u8], piece: &Piece, opening: Cost, enough: Cost) -> Cost {
        let (n, length) = (self.bases.len(), haplotype.len());
        let (left, right) = (piece.left, piece.right);
        let (first, last) = match (left, right) {
            (End::Fixed, End::Fixed) => (0, length),
            (End::Fixed, _) => (0, length.min(n + ROOM)),
            (_, End::Fixed) => (length.saturating_sub(n + ROOM), length),
            _ => (0, length),
        };
        let haplotype = &haplotype[first..last];
        let side_by_side = match (left, right) {
            _ if haplotype.len() < n => None,
            (End::Fixed, End::Fixed) => Some(haplotype).filter(|h| h.len() == n),
            (End::Fixed, _) => Some(&haplotype[..n]),
            (_, End::Fixed) => Some(&haplotype[haplotype.len() - n..]),
            _ => None,
        };
        let without_gap = side_by_side.map(|h| self.costs.mismatches(&self.bases, &self.qualities, h, left, right));
        match without_gap {
            // No gap is cheaper.
            Some(cost) if cost <= opening => cost,
            Some(_) if opening >= enough => opening,
            _ => {
                let least = self.costs.least(&self.bases, &self.qualities);
                self.aligner.align(&self.costs, opening, &self.bases, &self.qualities, haplotype, left, right) - least
            }
        }
    }
}

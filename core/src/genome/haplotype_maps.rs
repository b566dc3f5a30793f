//! The coordinate maps of both haplotypes, for whole genomes.

use crate::error::{Error, Result};
use crate::genome::coordinate_map::MAX_CONTIG_LENGTH;
use crate::genome::CoordinateMap;
use crate::genome::Edits;
use crate::genome::Variant;
use crate::genome::VariantStream;
use crate::io::Contigs;

/// The coordinate map of every contig of the reference, for each haplotype.
#[derive(Clone, Debug)]
pub struct HaplotypeMaps {
    contigs: Contigs,
    maps: [Vec<CoordinateMap>; 2],
}

impl HaplotypeMaps {
    /// Read all of `stream`, which was opened for `contigs`, those of the reference with their lengths. `see` is called
    /// with the contig and every variant.
    ///
    /// # Errors
    /// Those of the variants; a contig that is too long to be mapped.
    pub fn read(stream: &mut VariantStream, contigs: &Contigs, see: &mut dyn FnMut(usize, &Variant)) -> Result<Self> {
        let mut maps = [Vec::with_capacity(contigs.len()), Vec::with_capacity(contigs.len())];
        let mut edits = [Edits::default(), Edits::default()];
        for (contig, (name, length)) in contigs.iter().enumerate() {
            if length > MAX_CONTIG_LENGTH / 2 {
                return Err(Error::mismatch(format!("{name} of {length} bases is too long to be mapped")));
            }
            edits.iter_mut().for_each(Edits::clear);
            stream.enter(contig)?;
            while let Some(variant) = stream.next()? {
                see(contig, &variant);
                for (edits, haplotype) in edits.iter_mut().zip([1, 2]) {
                    // Edits that keep the length do not change the map.
                    match variant.edit(haplotype) {
                        Some(edit) if edit.bases.len() as u64 != edit.end - edit.start => edits.add(&edit, false),
                        _ => {}
                    }
                }
            }
            for (maps, edits) in maps.iter_mut().zip(&mut edits) {
                edits.sort();
                maps.push(edits.coordinate_map(length));
            }
        }
        Ok(Self { contigs: contigs.clone(), maps })
    }

    /// The contigs of the reference.
    pub fn contigs(&self) -> &Contigs {
        &self.contigs
    }

    /// The map of contig `contig` (index) of the reference for haplotype 1 or 2.
    ///
    /// # Panics
    /// The reference has no such contig.
    pub fn of(&self, haplotype: usize, contig: usize) -> &CoordinateMap {
        &self.maps[(haplotype != 1) as usize][contig]
    }
}

//! What the two alleles are: reference, variants, haplotypes with their coordinate maps, regions.

//! What the reads say: fragments, the evidence in them, and the haplotype they are assigned to.

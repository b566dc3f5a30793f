//! What users look at: provenance, VCF INFO, bedGraph, bigWig, IGV session, plots.

pub mod provenance;

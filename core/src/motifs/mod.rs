//! Motifs of transcription factors: reading and writing them, finding them in sequences, comparing them.
//!
//! | module | contents |
//! |---|---|
//! | [`motif`] | a position probability matrix with its names |
//! | [`motif_file`] | motif files: which format a file has |
//! | [`meme`] | MEME text format, read and written |
//! | [`jaspar`] | JASPAR's format of counts, read |
//! | [`log_odds`] | scores of a motif, and the exact p-value of a score |
//! | [`scan`] | sites of motifs in sequences |
//! | [`paired`] | sites in the second of two aligned sequences, of which the first has been scanned |
//! | [`columns`] | how similar two columns of motifs are |
//! | [`tomtom`] | which motifs of a collection a motif resembles, with p-values |
//! | [`span_scores`] | the distribution of the best score over all alignments of two motifs |
//!
//! Bases are in the order A, C, G, T everywhere. Scores of sites are log2-odds against uniform bases, as FIMO's (Grant
//! et al. 2011); similarity of motifs is that of Tomtom (Gupta et al. 2007) with the complete score (Tanaka et al.
//! 2011). Results agree with memelite 0.5.0 (`fimo`, and `tomtom` without binned targets); where they differ on
//! purpose, the item says so.

pub mod columns;
pub mod jaspar;
pub mod log_odds;
pub mod meme;
pub mod motif;
pub mod motif_file;
pub mod paired;
pub mod scan;
pub mod span_scores;
pub mod tomtom;

pub use meme::MotifWriter;
pub use motif::{repeated_names, Motif};
pub use motif_file::read_motifs;
pub use scan::{Hit, ScanOptions, Scanner, Strand};
pub use tomtom::{Match, Tomtom};

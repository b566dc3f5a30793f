//! File formats, and nothing else: the content of files, not its meaning for alleles.
//!
//! | module | contents |
//! |---|---|
//! | [`text_input`] | opening text input: plain, gzip, BGZF, standard input |
//! | [`output_file`] | output files that appear complete or not at all |
//! | [`file_identity`] | whether two files of a run are the same |
//! | [`plain_text`] | names that fit into a table |
//! | `paths` | file names as htslib takes them |
//! | `hts_file` | opening a file with htslib, but no other file that its content names |
//! | `index_check` | checking an index before htslib loads it |
//! | `bgzf` | writing BGZF with several threads and an index of its blocks |
//! | [`contigs`] | contig names and lengths, matched with and without `chr` |
//! | [`spans`] | intervals of contigs to which a run is restricted |
//! | [`bam`] | BAM, CRAM and SAM |
//! | [`vcf`] | VCF and BCF |
//! | [`fasta`] | indexed FASTA |
//! | [`regions`] | BED, narrowPeak, count tables, SAF, GTF and GFF3 as regions |
//! | [`npz`] | arrays of NumPy |
//! | [`allele_pairs_table`] | the table of designed allele pairs |
//! | [`named_columns`] | tables whose columns have names |
//! | [`values_table`] | the table of external measurements |

pub mod allele_pairs_table;
pub mod bam;
pub(crate) mod bgzf;
pub mod contigs;
pub mod fasta;
pub mod file_identity;
mod hts_file;
mod index_check;
pub mod named_columns;
pub mod npz;
pub mod output_file;
mod paths;
pub mod plain_text;
pub mod regions;
pub mod spans;
pub mod text_input;
pub mod values_table;
pub mod vcf;

pub use contigs::Contigs;
pub use spans::Spans;

/// Keep htslib from writing to stderr: the errors of this crate name the file and what to do.
pub fn silence_htslib() {
    // SAFETY: sets a global of htslib; called before its first use.
    unsafe { rust_htslib::htslib::hts_set_log_level(rust_htslib::htslib::htsLogLevel_HTS_LOG_OFF) };
}

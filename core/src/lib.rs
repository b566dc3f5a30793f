//! The library behind the `deepallele` commands: which haplotype of an F1 hybrid or a phased individual a sequenced
//! fragment belongs to, how many fragments each haplotype has, and which sequence variants explain the difference,
//! predicted by a neural network that reads the two allele sequences as a pair. It knows no command line.
//!
//! # Modules
//!
//! Data flows one way; a module imports only from modules above it in this table:
//!
//! | module | what it holds |
//! |---|---|
//! | [`error`] | the one error type |
//! | [`io`] | formats and nothing else: BAM, VCF, FASTA, regions, tables; output files that are whole or absent |
//! | [`stats`] | numbers without biology: correlation, bootstrap, calibration, ridge regression |
//! | [`genome`] | what the two alleles are: variants, haplotypes, allele pairs, coordinate maps |
//! | [`motifs`] | position probability matrices: files, scanning of sequences, comparison of motifs |
//! | [`assignment`] | which haplotype a fragment belongs to |
//! | [`counts`] | count and variant tables, imbalance test, single cells, reference bias, two-genome counting |
//! | [`model`] | the paired network: architecture, windows, weights, libtorch, ONNX, incremental inference |
//! | [`training`] | data set, split, training loop, folds, baselines |
//! | [`effects`] | predicted effects of variants, predictions for regions and pairs |
//! | [`explanation`] | why a model predicts what it predicts: contributions of bases, seqlets, their clusters and motifs |
//! | [`evaluation`] | how good a model is, and the controls it must pass |
//! | [`output`] | provenance, VCF INFO, tracks, IGV sessions, plots |
//!
//! The types that most programs begin with are re-exported here. All positions are 0-based and all intervals half-open,
//! whatever the convention of the file they came from; a contig is a number in a [`Contigs`](io::Contigs), and names
//! are matched with and without `chr`.
//!
//! # Features
//!
//! | feature | what it adds | what it needs |
//! |---|---|---|
//! | (none) | counting, haplotypes, tables, data sets | libclang and CMake to build |
//! | `onnx` | inference: [`model::onnx`], [`effects`] | ONNX Runtime 1.24 or newer at run time, in `ORT_DYLIB_PATH` or next to the program |
//! | `torch` | training: [`training`], `model::torch` | libtorch 2.11, in `LIBTORCH`, to build and to run |
//!
//! # Examples
//!
//! The files are those of `test-data/` in the repository: ChIP-seq reads and phased variants of NA12878 on chr22.
//! Three small commands are in `core/examples/`: `count_bam`, `predict_pair` and `annotate_stream`.
//!
//! ## `io`: a FASTA and regions
//!
//! ```
//! use std::path::Path;
//! use deepallele_core::{Reference, Regions};
//!
//! # std::env::set_current_dir("../test-data")?;
//! let mut genome = Reference::open(Path::new("chr22.hg19.fa.gz"))?;
//! let peaks = Regions::read(Path::new("ctcf_peaks.narrowPeak"), genome.contigs())?;
//! let peak = &peaks.list[0];
//! let bases = genome.fetch(peak.contig, peak.start as i64, peak.end as i64)?;
//! assert_eq!(bases.len() as u64, peak.end - peak.start);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! ## `stats`: agreement of measured and predicted values
//!
//! ```
//! use deepallele_core::stats::correlation::{pearson, spearman};
//!
//! let (measured, predicted) = ([0.1, 0.9, 1.8, 3.2], [0.0, 1.0, 2.0, 9.0]);
//! assert!((pearson(&measured, &predicted) - 0.9399).abs() < 1e-4);
//! // In the same order.
//! assert!((spearman(&measured, &predicted) - 1.0).abs() < 1e-12);
//! ```
//!
//! ## `genome`: both alleles of a window
//!
//! ```
//! use std::path::Path;
//! use deepallele_core::genome::{allele_pair, WindowSpan};
//! use deepallele_core::{HaplotypeSource, Reference, Variants};
//!
//! # std::env::set_current_dir("../test-data")?;
//! let mut genome = Reference::open(Path::new("chr22.hg19.fa.gz"))?;
//! let hap1: HaplotypeSource = "NA12878:1".parse()?;
//! let hap2: HaplotypeSource = "NA12878:2".parse()?;
//! let vcf = Path::new("NA12878.chr22.phased.vcf.gz");
//! let (variants, report) = Variants::read(vcf, genome.contigs(), &hap1, &hap2)?;
//! assert_eq!(report.used, 623);
//!
//! // 110 bases around the SNV at chr22:39795683.
//! let contig = genome.contigs().find("22").unwrap();
//! let pair = allele_pair(&mut genome, &variants, contig, WindowSpan::centred(39_795_682, 110))?;
//! assert_eq!(pair.variants, 1);
//! assert_eq!((pair.hap1.sequence[55], pair.hap2.sequence[55]), (b'C', b'G'));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! ## `motifs`: sites of transcription factors, and motifs that resemble one another
//!
//! ```
//! use std::path::Path;
//! use deepallele_core::motifs::tomtom::TomtomOptions;
//! use deepallele_core::motifs::{read_motifs, ScanOptions, Scanner, Tomtom};
//!
//! # std::env::set_current_dir("../test-data")?;
//! let motifs = read_motifs(Path::new("motifs/jaspar2020_subset.meme"))?;
//! let hits = &Scanner::new(&motifs, ScanOptions::default())?.scan(&["ATTAGCGCCCCCTGGTGGCCAATTA"])[0];
//! let best = hits.iter().min_by(|a, b| a.p_value.total_cmp(&b.p_value)).unwrap();
//! assert_eq!((motifs[best.motif].name(), best.strand.symbol()), ("CTCF", '-'));
//!
//! let similar = Tomtom::new(&motifs, TomtomOptions::default())?.compare(&motifs[best.motif]);
//! let also: Vec<&str> =
//!     similar.iter().zip(&motifs).filter(|(found, _)| found.q_value < 0.001).map(|(_, motif)| motif.name()).collect();
//! assert_eq!(also, ["CTCF", "CTCFL"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! ## `assignment` and `counts`: fragments of each haplotype
//!
//! ```
//! use std::path::Path;
//! use deepallele_core::{
//!     count, Counting, HaplotypeSource, MergedAlignments, RegionTallies, Regions, SiteWindow, Strandedness,
//!     VariantStream,
//! };
//!
//! # std::env::set_current_dir("../test-data")?;
//! let mut alignments = MergedAlignments::open(&["ctcf_chip.chr22.bam".into()], None, 1)?;
//! let contigs = alignments.contigs().clone();
//! let peaks = Regions::read(Path::new("ctcf_peaks.narrowPeak"), &contigs)?;
//! let [hap1, hap2] = [1, 2].map(|side| HaplotypeSource::Phased("NA12878".into(), side));
//! let vcf = Path::new("NA12878.chr22.phased.vcf.gz");
//! let mut variants = VariantStream::builder(vcf, &contigs, &hap1, &hap2).open()?;
//!
//! // The sites around the current position, where reads are informative; one pass over the reads.
//! let mut sites = SiteWindow::new(&mut variants, None, &contigs);
//! let mut tallies = RegionTallies::new(&peaks, 1, Strandedness::None);
//! let counting = Counting { regions: Some(&peaks), ..Counting::default() };
//! let counted = count(&mut alignments, &mut sites, &counting, &mut [&mut tallies], None, &mut |_| ())?;
//!
//! let sum = tallies.all();
//! assert_eq!(sum, counted.summary.in_regions);
//! assert!(sum.hap1 > 0 && sum.hap2 > 0 && sum.conflicting * 100 < sum.hap1 + sum.hap2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! ## `model`: a published checkpoint as a model file, and the prediction for a pair
//!
//! ```
//! use std::path::Path;
//! use deepallele_core::model::encode::encode_windows;
//! use deepallele_core::model::onnx::export::export;
//! use deepallele_core::model::published::checkpoint::read_checkpoint;
//! use deepallele_core::ModelInfo;
//!
//! # let folder = tempfile::tempdir()?;
//! # std::env::set_current_dir("../test-data")?;
//! # let model = folder.path().join("model.onnx");
//! let (architecture, weights) = read_checkpoint(Path::new("parity/mh/model.ckpt"))?;
//! let info = ModelInfo::new(architecture);
//! # /*
//! let model = Path::new("model.onnx");
//! # */
//! std::fs::write(&model, export(&info, &weights)?)?;
//! # #[cfg(feature = "onnx")]
//! # {
//!
//! use deepallele_core::Predictor; // feature `onnx`
//! let mut predictor = Predictor::open(&model, 1)?;
//! let hap1 = encode_windows(&[b"ACGTTGCAACGTAGGGGGCGC"], predictor.window())?;
//! let hap2 = encode_windows(&[b"ACGTTGCAACGTAGAGGGCGC"], predictor.window())?;
//! let prediction = &predictor.predict(hap1.view(), hap2.view())?[0];
//! assert!(prediction.ratio.is_finite());
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! ## `training`: what is trained on, and what is held out
//!
//! ```
//! use deepallele_core::training::split::{by_chromosome, Part, Place};
//!
//! let window = |chrom: &str| Place { chrom: chrom.into(), start: 0, end: 330 };
//! let windows = [window("chr1"), window("chr2"), window("chr3")];
//! let parts = by_chromosome(&windows, &["2".into()], &["3".into()])?;
//! assert_eq!(parts, [Part::Train, Part::Validation, Part::Test]);
//! # Ok::<(), deepallele_core::Error>(())
//! ```
//!
//! The training loop itself is `training::fit` (feature `torch`); `training::folds` runs it for folds and seeds.
//!
//! ## `effects`: the predicted effect of an alternative allele
//!
//! ```
//! # #[cfg(feature = "onnx")]
//! # {
//! use std::path::Path;
//! use deepallele_core::effects::loci::Sites;
//! use deepallele_core::io::regions::Anchor;
//! use deepallele_core::model::incremental::IncrementalPredictor;
//! use deepallele_core::model::onnx::ensemble::Ensemble;
//! use deepallele_core::{Predictor, Reference, VariantEffects};
//! # use deepallele_core::model::onnx::export::export;
//! # use deepallele_core::model::published::checkpoint::read_checkpoint;
//!
//! # let folder = tempfile::tempdir()?;
//! # std::env::set_current_dir("../test-data")?;
//! # let model = folder.path().join("model.onnx");
//! # let (architecture, weights) = read_checkpoint(Path::new("parity/mh/model.ckpt"))?;
//! # std::fs::write(&model, export(&deepallele_core::ModelInfo::new(architecture), &weights)?)?;
//! # /*
//! let model = Path::new("model.onnx");
//! # */
//! let models = Ensemble::one(IncrementalPredictor::new(Predictor::open(&model, 1)?));
//! let genome = Reference::open(Path::new("chr22.hg19.fa.gz"))?;
//! let sites = Sites::new(genome, None, models.rule().windows_around(models.window(), Anchor::Middle));
//! let mut effects = VariantEffects::new(sites, models);
//! effects.add("chr22", 39_795_682, &[b"G".to_vec(), b"C".to_vec()])?;
//!
//! let predicted = effects.predict()?;
//! let log2_fold_change = predicted[0][0].alleles[0].unwrap().ratio;
//! assert!(log2_fold_change.is_finite());
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! ## `evaluation`: how well a perfect model could do
//!
//! ```
//! use deepallele_core::evaluation::ceiling::{ceiling, CountingNoise};
//!
//! // Variance of log2((hap1 + 1) / (hap2 + 1)) from counting alone, for 20 informative fragments.
//! let noise = CountingNoise::new(1.0, 0.0).variance(20, 0.0, 0.5);
//! // The largest correlation with measured ratios whose variance is 1.5.
//! assert!((0.5..1.0).contains(&ceiling(1.5, noise)));
//! ```
//!
//! ## `output`: a track for a genome browser
//!
//! ```
//! use deepallele_core::io::Contigs;
//! use deepallele_core::output::track::{Track, TrackStyle, RATIO};
//!
//! # let folder = tempfile::tempdir()?;
//! # std::env::set_current_dir(&folder)?;
//! let mut track = Track::new(Contigs::new(vec![("chr22".into(), 51_304_566)]));
//! track.push(0, 39_795_600, 39_795_710, -0.75);
//! let style = TrackStyle { name: "log2 ratio".into(), description: "predicted".into(), colours: [RATIO; 2] };
//! track.write_bedgraph("ratio.bedgraph".as_ref(), &style, None)?.rename()?;
//!
//! let written = std::fs::read_to_string("ratio.bedgraph")?;
//! assert!(written.ends_with("chr22\t39795600\t39795710\t-0.75\n"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod assignment;
mod choice;
pub mod counts;
pub mod effects;
pub mod error;
pub mod evaluation;
pub mod explanation;
pub mod genome;
pub mod io;
pub mod model;
pub mod motifs;
pub mod output;
pub mod stats;
pub mod training;

pub use assignment::{Class, SiteWindow};
pub use counts::{count, CountTable, Counting, RegionTallies, Strandedness};
#[cfg(feature = "onnx")]
pub use effects::reference_effects::VariantEffects;
pub use error::{Error, Result};
pub use genome::{HaplotypeSource, VariantStream, Variants};
pub use io::bam::MergedAlignments;
pub use io::fasta::Reference;
pub use io::regions::Regions;
#[cfg(feature = "onnx")]
pub use model::onnx::predictor::Predictor;
pub use model::{Architecture, ModelInfo};

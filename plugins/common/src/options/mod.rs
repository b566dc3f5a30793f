//! Groups of options, the same letters in every command. Flatten them with `#[command(flatten)]`; each has its heading
//! in `--help`.
//!
//! | module | options |
//! |---|---|
//! | `inputs` | `-f`, `-v -s --strain --hap1 --hap2`; standard input |
//! | `outputs` | `-o`, `-O -W`, `--no-version` |
//! | `restrict` | `-r -R -t -T` |
//! | `tracks` | `--bedgraph --bigwig --igv --igv-track` |

mod inputs;
mod outputs;
mod restrict;
mod tracks;

use anyhow::Context;
use clap::Args;

pub use inputs::{input_or_stdin, one_stdin, GenomeArgs, HaplotypeArgs};
pub use outputs::{provenance_of_run, write_table, OutputArgs, ProvenanceArgs, VcfOutputArgs};
pub use restrict::RestrictArgs;
pub use tracks::TrackArgs;

/// `-@`
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Performance")]
pub struct ThreadArgs {
    /// Number of threads; results do not depend on it [default: all cores]
    #[arg(short = '@', long, value_name = "INT", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

impl ThreadArgs {
    /// Run `work` with so many threads for what it does in parallel.
    ///
    /// # Errors
    /// Those of `work`, or threads cannot be started.
    pub fn install<T: Send>(&self, work: impl FnOnce() -> anyhow::Result<T> + Send) -> anyhow::Result<T> {
        let threads = rayon::ThreadPoolBuilder::new().num_threads(self.count()).build();
        threads.context("threads cannot be started")?.install(work)
    }

    /// Number of threads, at least 1.
    pub fn count(&self) -> usize {
        match self.threads {
            Some(n) => n.into(),
            None => std::thread::available_parallelism().map_or(1, |n| n.get()),
        }
    }
}

/// `--quiet`
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Other")]
pub struct MessageArgs {
    /// Print errors only
    #[arg(long)]
    pub quiet: bool,
}

/// A value parser for one of the library's choices: errors and completion list its names.
///
/// `--help` lists them too, unless the option is declared with `hide_possible_values`.
#[macro_export]
macro_rules! choice_parser {
    ($kind:ty) => {
        clap::builder::TypedValueParser::try_map(
            clap::builder::PossibleValuesParser::new(<$kind>::ALL.map(|choice| choice.name())),
            |name: String| name.parse::<$kind>(),
        )
    };
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::Parser;
    use deepallele_core::io::vcf::{IndexKind, VcfFormat};

    use super::*;
    use deepallele_core::io::Contigs;

    #[derive(Parser)]
    struct All {
        #[command(flatten)]
        genome: GenomeArgs,
        #[command(flatten)]
        haplotypes: HaplotypeArgs,
        #[command(flatten)]
        threads: ThreadArgs,
        #[command(flatten)]
        output: VcfOutputArgs,
        #[command(flatten)]
        restrict: RestrictArgs,
        #[command(flatten)]
        tracks: TrackArgs,
        #[command(flatten)]
        _messages: MessageArgs,
        #[command(flatten)]
        version: ProvenanceArgs,
    }

    fn parse(text: &str) -> Result<All, clap::Error> {
        All::try_parse_from(std::iter::once("x").chain(text.split_whitespace()))
    }

    #[test]
    fn groups_fit_together_without_a_clash() {
        use clap::CommandFactory;
        All::command().debug_assert();
    }

    #[test]
    fn shorthands_name_both_haplotypes() {
        let sources = |text: &str| {
            let (hap1, hap2) = parse(text).ok()?.haplotypes.sources().ok()?;
            Some(format!("{hap1} {hap2}"))
        };
        assert_eq!(sources("-s NA12878").as_deref(), Some("NA12878:1 NA12878:2"));
        assert_eq!(sources("--strain CAST").as_deref(), Some("ref CAST"));
        assert_eq!(sources("--hap1 B:2 --hap2 C").as_deref(), Some("B:2 C"));
        for wrong in ["", "--hap1 ref", "-s A --strain B", "-s A --hap1 ref --hap2 B"] {
            assert_eq!(sources(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn output_type_wins_over_the_suffix() {
        assert_eq!(parse("-o a.bcf -O v").unwrap().output.format(), VcfFormat::Vcf);
        assert_eq!(parse("-o a.bcf").unwrap().output.format(), VcfFormat::Bcf(None));
        assert_eq!(parse("-Oz1 -o a").unwrap().output.format(), VcfFormat::VcfGz(Some(1)));
        assert_eq!(parse("-o a.txt").unwrap().output.format(), VcfFormat::Vcf);
        assert!(parse("-O q").is_err());
    }

    #[test]
    fn an_index_needs_a_compressed_file() {
        assert!(parse("-W").unwrap().output.check().is_err());
        assert!(parse("-W -o a.vcf").unwrap().output.check().is_err());
        assert!(parse("-W=tbi -o a.bcf").unwrap().output.check().is_err());
        assert!(parse("-W=tbi -o a.vcf.gz").unwrap().output.check().is_ok());
        assert_eq!(parse("-W -o a.bcf").unwrap().output.write_index, Some(IndexKind::Csi));
    }

    #[test]
    fn standard_input_is_read_once() {
        assert!(one_stdin(["-", "a", "b"].map(Path::new)).is_ok());
        assert!(one_stdin(["a", "a"].map(Path::new)).is_ok());
        assert!(one_stdin(["-", "a", "-"].map(Path::new)).unwrap_err().is::<crate::UsageError>());
    }

    #[test]
    fn restrictions_exclude_each_other_and_threads_start_at_one() {
        assert!(parse("-r 1 -t 2").is_err());
        assert!(parse("-@ 0").is_err());
        assert_eq!(parse("-@ 3").unwrap().threads.count(), 3);
        assert_eq!(parse("-t 1:5-9").unwrap().restrict.by_stream(&Contigs::default()).unwrap().unwrap().len(), 1);
        assert_eq!(parse("-R a.bed").unwrap().restrict.file(), Some(Path::new("a.bed")));
        assert_eq!(parse("-T -").unwrap().restrict.file(), Some(Path::new("-")));
        assert_eq!(parse("-t 1").unwrap().restrict.file(), None);
        assert!(parse("-f x").unwrap().genome.required().is_ok());
        assert!(parse("").unwrap().genome.required().is_err());
        assert!(parse("--no-version").unwrap().version.provenance("count").is_none());
    }

    #[test]
    fn tracks_need_names() {
        let tracks = |text: &str| parse(text).unwrap().tracks;
        assert!(tracks("").is_empty() && tracks("").check("table").is_ok());
        assert!(!tracks("--bigwig x").is_empty());
        assert!(tracks("--igv - --bigwig x").check("table").unwrap_err().to_string().contains("the table"));
        assert!(parse("--igv-track x").is_err(), "without --igv");
    }
}

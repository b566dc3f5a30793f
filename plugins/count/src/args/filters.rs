//! `-q -Q -F`: which reads and bases count.

use clap::Args;
use deepallele_core::assignment::Filter;
use deepallele_core::counts::ase_read_counter;

/// `-q -Q -F`
#[derive(Args, Clone, Debug)]
pub struct FilterArgs {
    /// Exclude reads with a mapping quality below this [default: 10; 0 with --format gatk]
    #[arg(short = 'q', long = "min-mapq", value_name = "N")]
    min_mapq: Option<u8>,

    /// Ignore bases with a quality below this, after overlapping mates are reconciled [default: 13; 0 with
    /// --format gatk]
    #[arg(short = 'Q', long = "min-baseq", value_name = "N")]
    min_baseq: Option<u8>,

    /// Exclude reads with any of these flags [default: 3844: unmapped, secondary, QC-fail, duplicate,
    /// supplementary; 1284 with --format gatk]
    #[arg(short = 'F', long = "excl-flags", value_name = "FLAGS", value_parser = flags)]
    excluded_flags: Option<u16>,
}

impl FilterArgs {
    /// Which reads and bases count.
    pub fn filter(&self) -> Filter {
        self.with_defaults(Filter::default())
    }

    /// The same with the defaults of GATK's ASEReadCounter.
    pub fn ase(&self) -> Filter {
        self.with_defaults(ase_read_counter::FILTER)
    }

    fn with_defaults(&self, default: Filter) -> Filter {
        Filter {
            mapping_quality: self.min_mapq.unwrap_or(default.mapping_quality),
            base_quality: self.min_baseq.unwrap_or(default.base_quality),
            excluded_flags: self.excluded_flags.unwrap_or(default.excluded_flags),
        }
    }
}

/// Flags in decimal, or in hexadecimal after 0x.
fn flags(text: &str) -> Result<u16, String> {
    let value = match text.strip_prefix("0x") {
        Some(digits) => u16::from_str_radix(digits, 16),
        None => text.parse(),
    };
    value.map_err(|_| "flags must be a number, such as 3844 or 0xF04".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct All {
        #[command(flatten)]
        filter: FilterArgs,
    }

    fn parse(text: &str) -> Result<FilterArgs, clap::Error> {
        All::try_parse_from(std::iter::once("x").chain(text.split_whitespace())).map(|a| a.filter)
    }

    #[test]
    fn defaults_depend_on_the_mode() {
        assert_eq!(parse("").unwrap().filter(), Filter::default());
        assert_eq!(parse("").unwrap().ase(), ase_read_counter::FILTER);
        let given = parse("-F 0x400 -q 0 -Q 20").unwrap();
        let expected = Filter { mapping_quality: 0, base_quality: 20, excluded_flags: 0x400 };
        assert_eq!((given.filter(), given.ase()), (expected, expected));
        assert!(parse("-F x").is_err());
        assert!(parse("-q 300").is_err());
    }
}

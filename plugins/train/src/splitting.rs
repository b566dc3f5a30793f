//! How the windows are divided into training, validation and test: the options, and the division itself.

use deepallele_common::usage;
use deepallele_core::model::metadata::HeldOut;
use deepallele_core::training::dataset::Dataset;
use deepallele_core::training::split::{by_block, by_chromosome, by_group, folds, Part, Place, Together};

use crate::args::{Args, Recipe, SplitArgs, SplitRule};

/// The division that the options ask for.
pub struct Splitting<'a> {
    rule: SplitRule,
    options: &'a SplitArgs,
    /// Number of folds of a cross-validation.
    folds: Option<usize>,
    /// Windows are designed pairs, without a position on a genome.
    pairs: bool,
}

impl<'a> Splitting<'a> {
    /// Choose the rule and check the options.
    ///
    /// # Errors
    /// Options that do not fit together.
    pub fn new(args: &'a Args) -> anyhow::Result<Self> {
        let (options, pairs) = (&args.split, args.pairs.is_some());
        let named = !options.validation_chroms.is_empty() || !options.test_chroms.is_empty();
        let rule = options.split.unwrap_or(match (pairs, named) {
            (_, true) => SplitRule::Chrom,
            (true, false) => SplitRule::Group,
            (false, false) => SplitRule::Blocks,
        });
        if rule != SplitRule::Chrom && named {
            return Err(usage("--validation-chroms and --test-chroms need --split chrom"));
        }
        match rule {
            SplitRule::Blocks if pairs => {
                return Err(usage("pairs have no position on a genome: use --split group or chrom with --pairs"));
            }
            SplitRule::Group if !pairs => return Err(usage("--split group needs --pairs")),
            // Folds have neither named chromosomes nor shares.
            _ if args.run.folds.is_some() => {}
            SplitRule::Chrom => {
                let published = args.network.compat == Some(Recipe::Published);
                if options.validation_chroms.is_empty() || (options.test_chroms.is_empty() && !published) {
                    return Err(usage("--split chrom needs --validation-chroms and --test-chroms"));
                }
            }
            SplitRule::Blocks => {
                let shares = [options.validation_share, options.test_share];
                if shares.iter().any(|share| !(*share > 0.0 && *share < 0.9)) || shares.iter().sum::<f64>() > 0.9 {
                    return Err(usage("--validation-share and --test-share must be above 0, together at most 0.9"));
                }
            }
            SplitRule::Group => {}
        }
        Ok(Self { rule, options, folds: args.run.folds.map(usize::from), pairs })
    }

    /// Divide `data`, once or into folds; and what is held out, for the model file.
    ///
    /// # Errors
    /// A part would be empty, or the rule needs a column that the table does not have.
    pub fn divide(&self, data: &Dataset, seed: u64) -> anyhow::Result<(Vec<Vec<Part>>, HeldOut)> {
        match self.folds {
            // Some networks of the model were trained on any window: nothing is held out.
            Some(count) => Ok((self.divide_into_folds(data, count, seed)?, HeldOut::default())),
            None => {
                let (parts, held_out) = self.divide_once(data, seed)?;
                Ok((vec![parts], held_out))
            }
        }
    }

    fn divide_into_folds(&self, data: &Dataset, count: usize, seed: u64) -> anyhow::Result<Vec<Vec<Part>>> {
        let places;
        let together = match self.rule {
            SplitRule::Group => Together::Groups(groups(data)),
            SplitRule::Chrom => {
                places = self.places(data)?;
                Together::Chromosomes(&places)
            }
            SplitRule::Blocks => {
                places = self.places(data)?;
                Together::Blocks(&places, self.options.block_size)
            }
        };
        Ok(folds(&together, count, seed)?)
    }

    fn divide_once(&self, data: &Dataset, seed: u64) -> anyhow::Result<(Vec<Part>, HeldOut)> {
        let SplitArgs { validation_chroms, test_chroms, block_size, validation_share, test_share, .. } = self.options;
        match self.rule {
            SplitRule::Chrom => {
                let parts = by_chromosome(&self.places(data)?, validation_chroms, test_chroms)?;
                Ok((parts, HeldOut { validation: validation_chroms.clone(), test: test_chroms.clone() }))
            }
            SplitRule::Blocks => {
                let places = self.places(data)?;
                let parts = by_block(&places, *block_size, *validation_share, *test_share, seed)?;
                let windows = |part| {
                    let held = places.iter().zip(&parts).filter(|(_, p)| **p == part);
                    held.map(|(place, _)| format!("{}:{}-{}", place.chrom, place.start.max(0) + 1, place.end)).collect()
                };
                let held_out = HeldOut { validation: windows(Part::Validation), test: windows(Part::Test) };
                Ok((parts, held_out))
            }
            SplitRule::Group => Ok((by_group(groups(data))?, HeldOut::default())),
        }
    }

    /// Chromosome and window of each example. The group of a pair is its chromosome.
    fn places(&self, data: &Dataset) -> anyhow::Result<Vec<Place>> {
        match (self.pairs, data.groups.is_empty()) {
            (false, _) => Ok(data.places.iter().flatten().cloned().collect()),
            (true, false) => {
                let place = |group: &String| Place { chrom: group.clone(), start: 0, end: data.window as i64 };
                Ok(data.groups.iter().map(place).collect())
            }
            (true, true) => {
                Err(usage("--split chrom with --pairs needs a column group, with the chromosome of each pair"))
            }
        }
    }
}

/// What each example is divided by in [`SplitRule::Group`]: its group, else its id.
fn groups(data: &Dataset) -> &[String] {
    if data.groups.is_empty() {
        &data.ids
    } else {
        &data.groups
    }
}

#[cfg(test)]
mod tests {
    use deepallele_common::testing::parse;

    use super::*;

    #[test]
    fn the_rule_follows_from_what_is_given() {
        let counts = "c.tsv -f g.fa -v v.vcf -s F1 -o out";
        let pairs = "--pairs p.tsv -o out";
        for (line, rule) in [
            (counts.to_string(), SplitRule::Blocks),
            (format!("{counts} --validation-chroms 8 --test-chroms 9"), SplitRule::Chrom),
            (format!("{counts} --validation-chroms 8 --compat published"), SplitRule::Chrom),
            (format!("{counts} --split chrom --folds 5"), SplitRule::Chrom),
            (pairs.to_string(), SplitRule::Group),
            (format!("{pairs} --split chrom --folds 5"), SplitRule::Chrom),
        ] {
            let args: Args = parse(&line).unwrap();
            assert_eq!(Splitting::new(&args).unwrap().rule, rule, "{line}");
        }
        for (line, words) in [
            (format!("{counts} --split group"), "--pairs"),
            (format!("{pairs} --split blocks"), "--split group or chrom"),
            (format!("{counts} --split chrom"), "--validation-chroms and --test-chroms"),
            (format!("{counts} --test-chroms 9"), "--validation-chroms and --test-chroms"),
            (format!("{counts} --validation-chroms 8"), "--validation-chroms and --test-chroms"),
            (format!("{counts} --split blocks --test-chroms 9"), "--split chrom"),
            (format!("{counts} --test-share 0"), "--test-share"),
            (format!("{counts} --test-share 0.5 --validation-share 0.5"), "--test-share"),
            (format!("{counts} --test-share NaN"), "--test-share"),
        ] {
            let args: Args = parse(&line).unwrap();
            let message = Splitting::new(&args).err().unwrap().to_string();
            assert!(message.contains(words), "{line}: {message}");
        }
    }
}

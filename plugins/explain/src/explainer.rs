//! The models of `explain attributions`, by method.

use deepallele_common::{open_ensemble, usage};
use deepallele_core::explanation::attributions::methods::{Baseline, Method};
use deepallele_core::explanation::attributions::multipliers::{Delta, DifferentiableModels, MultiplierOptions};
use deepallele_core::explanation::attributions::mutagenesis::mutagenesis;
use deepallele_core::explanation::attributions::pairs::MappedPair;
use deepallele_core::explanation::attributions::PairAttributions;
use deepallele_core::model::onnx::ensemble::Ensemble;
use deepallele_core::model::window::WindowRule;
use ndarray::ArrayView1;

use crate::args::AttributionArgs;

/// Models with what each method needs of them.
pub enum Explainer {
    /// Predictions.
    Mutagenesis(Box<Ensemble>),
    /// Backward passes.
    Multipliers(DifferentiableModels),
}

impl Explainer {
    /// Open the models.
    pub fn open(args: &AttributionArgs) -> anyhow::Result<Self> {
        let files = args.models.iter().map(|path| (path.as_path(), args.model_sample.as_deref()));
        if args.method != Method::Ism {
            return Ok(Explainer::Multipliers(DifferentiableModels::open(files, args.threads.count())?));
        }
        let models = open_ensemble(files, args.threads.count())?;
        if models.outputs().len() > 1 {
            return Err(usage("one output can be explained: choose it with --model-sample"));
        }
        Ok(Explainer::Mutagenesis(Box::new(models)))
    }

    /// Bases of one allele.
    pub fn window(&self) -> usize {
        match self {
            Explainer::Mutagenesis(models) => models.window(),
            Explainer::Multipliers(models) => models.window(),
        }
    }

    /// Which bases of a region the window holds.
    pub fn rule(&self) -> WindowRule {
        match self {
            Explainer::Mutagenesis(models) => *models.rule(),
            Explainer::Multipliers(models) => models.rule(),
        }
    }

    /// Networks.
    pub fn members(&self) -> usize {
        match self {
            Explainer::Mutagenesis(models) => models.members(),
            Explainer::Multipliers(models) => models.members(),
        }
    }

    /// Contributions of one pair, and what they sum to.
    pub fn explain(
        &mut self,
        args: &AttributionArgs,
        pair: &MappedPair,
    ) -> anyhow::Result<(PairAttributions, Vec<Delta>)> {
        match self {
            Explainer::Mutagenesis(models) => {
                let codes = pair.codes.each_ref().map(|codes| ArrayView1::from(&codes[..]));
                Ok((mutagenesis(models, 0, codes, args.head, args.gauge)?, Vec::new()))
            }
            Explainer::Multipliers(models) => {
                let options = MultiplierOptions {
                    method: args.method,
                    baseline: args.baseline().unwrap_or(Baseline::Uniform),
                    shuffles: args.shuffles().unwrap_or(1),
                    seed: args.seed,
                    head: args.head,
                    gauge: args.gauge,
                };
                Ok(models.explain(pair.codes.each_ref().map(|codes| &codes[..]), &options)?)
            }
        }
    }
}

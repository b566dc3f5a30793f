//! Predicted signal of two alleles of one sequence, and their log2 ratio, as one tab-separated line:
//!
//!     predict_pair MODEL.onnx ACGTACGTAC ACGTTCGTAC
//!
//! What `deepallele predict -m MODEL.onnx --pairs PAIRS.tsv` writes for a table of one pair. ONNX Runtime is found as
//! the commands find it: in ORT_DYLIB_PATH, or next to the program.

use std::error::Error;
use std::path::Path;

use deepallele_core::effects::predictions::in_units;
use deepallele_core::model::encode::encode_windows;
use deepallele_core::output::table::number;
use deepallele_core::Predictor;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, allele1, allele2] = &arguments[..] else {
        return Err("usage: predict_pair MODEL.onnx ALLELE1 ALLELE2".into());
    };
    let mut predictor = Predictor::open(Path::new(model), 1)?;
    let window = predictor.window();
    // Bases as codes, at the left of the window; too long an allele is an error.
    let codes = |allele: &str| encode_windows(&[allele.to_ascii_uppercase()], window);
    let (codes1, codes2) = (codes(allele1)?, codes(allele2)?);

    let prediction = &predictor.predict(codes1.view(), codes2.view())?[0];
    // The network predicts in its own logarithm; its file knows the units of the measurements.
    let [hap1, hap2, log2_ratio] = in_units(prediction, &predictor.info().targets).map(number);
    println!("hap1\thap2\tlog2_ratio\n{hap1}\t{hap2}\t{log2_ratio}");
    Ok(())
}

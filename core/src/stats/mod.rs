//! Statistics without biology, in float64.
//!
//! | module | what it holds |
//! |---|---|
//! | [`moments`] | mean and standard deviation |
//! | [`correlation`] | agreement of measured and predicted values |
//! | [`weighted`] | the same with a whole-number weight for each value, as a bootstrap needs it |
//! | [`bootstrap`] | intervals by resampling |
//! | [`calibration`] | share of right signs, and predicted against measured size by deciles |
//! | [`false_discovery`] | q-values of p-values |
//! | [`divergence`] | how different two distributions are |
//! | [`shuffle`] | sequences shuffled with their dinucleotides kept |
//! | [`ridge_path`] | ridge regression for a whole grid of penalties |

pub mod bootstrap;
pub mod calibration;
pub mod correlation;
pub mod divergence;
pub mod false_discovery;
pub mod moments;
pub mod ridge_path;
pub mod shuffle;
pub mod weighted;

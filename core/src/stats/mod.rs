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
//! | [`signed_rank`] | Wilcoxon's signed-rank test of paired differences |
//! | [`student`], [`welch`] | tail of Student's t distribution; Welch's t-test of two groups |
//! | [`fisher`] | Fisher's exact test of a table of four counts, or of several together |
//! | [`gauss_legendre`](mod@gauss_legendre) | quadrature |
//! | [`shuffle`] | sequences shuffled with their dinucleotides kept |
//! | [`ridge_path`] | ridge regression for a whole grid of penalties |

pub mod bootstrap;
pub mod calibration;
pub mod correlation;
pub mod divergence;
pub mod false_discovery;
pub mod fisher;
pub mod gauss_legendre;
pub mod moments;
pub mod ridge_path;
pub mod shuffle;
pub mod signed_rank;
pub mod student;
pub mod weighted;
pub mod welch;

//! Why a model predicts what it predicts: short spans that drive a prediction.
//!
//! | module | what it holds |
//! |---|---|
//! | [`seqlets`] | spans of high attribution in a sequence |

pub mod seqlets;

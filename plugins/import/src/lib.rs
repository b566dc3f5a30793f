//! Published data sets in HDF5, read by `deepallele import`, written by `deepallele export`. No other crate links HDF5.
//!
//! | module | subject |
//! |---|---|
//! | [`library`] | a thin, safe layer over the HDF5 library |
//! | [`reader`] | reads a data set row by row |
//! | [`writer`] | writes a data set row by row |

pub mod library;
pub mod reader;
pub mod writer;

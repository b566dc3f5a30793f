//! Published data sets in HDF5, for `deepallele import` and `deepallele export`. No other crate links HDF5.
//!
//! | module | what it is about |
//! |---|---|
//! | [`library`] | a thin, safe layer over the HDF5 library |
//! | [`reader`] | a data set row by row |
//! | [`writer`] | a data set made row by row |

pub mod library;
pub mod reader;
pub mod writer;

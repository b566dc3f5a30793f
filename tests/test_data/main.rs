//! The test data, and the script that simulates training data.

mod files;
mod simulate_grammar;

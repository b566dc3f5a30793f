//! Tables: how they begin, and numbers in them.

use std::io::Write;
use std::path::Path;

use crate::error::{Error, Result};
use crate::io::output_file::OutFile;

/// Begin the table `path`: the lines of `header`, and that of the columns.
///
/// # Errors
/// It cannot be created or written.
pub fn begin_table(path: &Path, header: &[String], columns: &str) -> Result<OutFile> {
    let mut out = OutFile::create(path)?;
    let mut lines = header.iter().map(String::as_str).chain([columns]);
    lines.try_for_each(|line| writeln!(out, "{line}")).map_err(|error| Error::io(path, error))?;
    Ok(out)
}

/// Six significant digits without trailing zeros, `.` for values that are not finite.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return ".".into();
    }
    let digits = (5.0 - value.abs().max(1e-300).log10().floor()).clamp(0.0, 12.0) as usize;
    let text = format!("{value:.digits$}");
    let text = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => &text,
    };
    match text {
        "-0" => "0".into(),
        text => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_precise() {
        let shown: Vec<_> =
            [0.0, -0.0, 1.0 / 3.0, -1234567.8, 12.5, 2e-5, 1e-20, f64::NAN].into_iter().map(number).collect();
        assert_eq!(shown, ["0", "0", "0.333333", "-1234568", "12.5", "0.00002", "0", "."]);
    }
}

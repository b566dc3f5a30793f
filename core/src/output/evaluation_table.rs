//! The table of an evaluation: one value per line, readable by pandas and R.

use std::io::{self, Write};

use crate::evaluation::Row;
use crate::output::table::number;

/// Names of the columns. Without a leading `#`, so that readers that skip such lines keep them.
pub const COLUMNS: [&str; 8] = ["section", "quantity", "case", "name", "value", "low", "high", "n"];

/// Write column names and rows; `.` for missing values.
///
/// # Errors
/// `out` cannot be written.
pub fn write(out: &mut impl Write, rows: &[Row]) -> io::Result<()> {
    writeln!(out, "{}", COLUMNS.join("\t"))?;
    for r in rows {
        // Those readers ignore what follows a #.
        let case: String = r.case.chars().map(|c| if c.is_control() || c == '#' { '?' } else { c }).collect();
        let [value, low, high] = [r.value, r.low, r.high].map(number);
        writeln!(out, "{}\t{}\t{case}\t{}\t{value}\t{low}\t{high}\t{}", r.section, r.quantity, r.name, r.n)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_figure_a_line() {
        let row = Row {
            section: "ceiling",
            quantity: "log2_ratio",
            case: "replicate_a\tb#1".into(),
            name: "ceiling",
            value: 0.25,
            low: f64::NAN,
            high: 1.0 / 3.0,
            n: 7,
        };
        let mut text = Vec::new();
        write(&mut text, &[row]).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert_eq!(
            text,
            "section\tquantity\tcase\tname\tvalue\tlow\thigh\tn\n\
             ceiling\tlog2_ratio\treplicate_a?b?1\tceiling\t0.25\t.\t0.333333\t7\n"
        );
    }
}

//! Version and command line in the header of an output.

/// A command, its version and its arguments. Without a date, so that equal runs give equal bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    name: String,
    version: String,
    line: String,
}

impl Provenance {
    /// `name` is the name of the command, such as `count`; `arguments` follow it.
    pub fn new<S: AsRef<str>>(name: &str, version: &str, arguments: impl IntoIterator<Item = S>) -> Self {
        let mut line = name.to_owned();
        for argument in arguments {
            line.push(' ');
            line.push_str(&quoted(argument.as_ref()));
        }
        Self { name: name.to_owned(), version: version.to_owned(), line }
    }

    /// The version of the tool.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The command line without the program, such as `count -L peaks.bed reads.bam`, quoted for a shell.
    pub fn command_line(&self) -> &str {
        &self.line
    }

    /// Header lines as VCF has them, `##deepallele_countVersion=` and `##deepallele_countCommand=`, without
    /// line ends. Tables and bedGraphs begin with them, too.
    pub fn lines(&self) -> [String; 2] {
        [
            format!("##deepallele_{}Version={}", self.name, self.version),
            format!("##deepallele_{}Command={}", self.name, self.line),
        ]
    }
}

/// One argument as a shell would need it; control characters, which would break a header line, become `?`.
fn quoted(argument: &str) -> String {
    let clean: String = argument.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    let plain = |c: char| c.is_alphanumeric() || "-_./,:=+@%^".contains(c);
    if !clean.is_empty() && clean.chars().all(plain) {
        clean
    } else {
        format!("'{}'", clean.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_quoted_and_stay_on_one_line() {
        let made = Provenance::new("count", "1.2.3", ["-L", "my peaks.bed", "it's", "a\nb", ""]);
        assert_eq!(
            made.lines(),
            [
                "##deepallele_countVersion=1.2.3".to_owned(),
                r"##deepallele_countCommand=count -L 'my peaks.bed' 'it'\''s' 'a?b' ''".to_owned()
            ]
        );
    }
}

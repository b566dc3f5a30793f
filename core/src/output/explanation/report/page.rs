//! The page around the data.

use std::io::{self, Write};

use base64ct::{Base64, Encoding};
use sha2::{Digest, Sha256};

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");

/// The script of the page, in the order in which its parts build on each other.
const SCRIPT: &str = concat!(
    include_str!("page/base.js"),
    include_str!("page/table.js"),
    include_str!("page/regions.js"),
    include_str!("page/logo.js"),
    include_str!("page/region.js"),
    include_str!("page/gallery.js"),
    include_str!("page/main.js"),
);

/// The page before the data and after it.
pub struct Page {
    before: String,
    after: String,
}

/// How a policy names a script or style of the page.
fn hash(text: &str) -> String {
    format!("'sha256-{}'", Base64::encode_string(&Sha256::digest(text)))
}

impl Page {
    /// The page: nothing is loaded from anywhere, and only this script and this style are applied.
    pub fn assembled() -> Self {
        let policy = format!(
            "default-src 'none'; script-src {}; style-src {}; img-src data:; base-uri 'none'; form-action 'none'",
            hash(SCRIPT),
            hash(STYLE)
        );
        let page = PAGE.replacen("{{policy}}", &policy, 1).replacen("{{style}}", STYLE, 1);
        let (before, after) = page.split_once("{{data}}").unwrap_or((&page, ""));
        Self { before: before.to_owned(), after: after.replacen("{{script}}", SCRIPT, 1) }
    }

    /// Write what is above the data.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn begin(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(self.before.as_bytes())
    }

    /// Write one block of data, `json` from [`inert_json`](super::json::inert_json).
    ///
    /// # Errors
    /// Those of `out`.
    pub fn block(&self, out: &mut impl Write, id: &str, json: &str) -> io::Result<()> {
        writeln!(out, "<script type=\"application/json\" id=\"{id}\">{json}</script>")
    }

    /// Write what is below the data.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn end(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(self.after.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_has_its_place() {
        let page = Page::assembled();
        let mut text = Vec::new();
        page.begin(&mut text).unwrap();
        page.block(&mut text, "report", "{}").unwrap();
        page.end(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        for place in ["{{policy}}", "{{style}}", "{{data}}", "{{script}}"] {
            assert_eq!(PAGE.matches(place).count(), 1, "{place}");
            assert!(!text.contains(place), "{place}");
        }
        assert!(text.contains("<script type=\"application/json\" id=\"report\">{}</script>\n<script>\"use strict\";"));
        assert!(text.ends_with("</html>\n"));
        // The SHA-256 of nothing.
        assert_eq!(hash(""), "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='");
        // A script that held its own end would not be the one of the hash.
        assert!(!SCRIPT.contains("</script") && !SCRIPT.contains("<!--") && !STYLE.contains("</style"));
    }

    #[test]
    fn nothing_is_drawn_from_markup_or_from_elsewhere() {
        for way in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "fetch(", "import("] {
            assert!(!SCRIPT.contains(way), "{way}");
        }
        let addresses = SCRIPT.matches("http").count();
        assert_eq!(addresses, SCRIPT.matches("http://www.w3.org/2000/svg").count());
    }
}

//! Data in a page, as text that a browser can take for nothing else.

use serde::Serialize;

use crate::error::{Error, Result};

/// Characters of the longest text that a page has of a file.
pub const LONGEST_TEXT: usize = 200;

/// `value` as JSON without `<`, `>` and `&`, which could end a script element or begin another, and without the two
/// line ends that JSON has and older JavaScript has not. In JSON all of them stand only in strings, where `\u` escapes
/// mean the same.
///
/// # Errors
/// The value has no JSON.
pub fn inert_json<T: Serialize>(value: &T) -> Result<String> {
    let json = serde_json::to_string(value).map_err(|error| Error::mismatch(format!("data of the page: {error}")))?;
    let mut inert = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '<' => inert.push_str("\\u003c"),
            '>' => inert.push_str("\\u003e"),
            '&' => inert.push_str("\\u0026"),
            '\u{2028}' => inert.push_str("\\u2028"),
            '\u{2029}' => inert.push_str("\\u2029"),
            other => inert.push(other),
        }
    }
    Ok(inert)
}

/// `text`, or its first [`LONGEST_TEXT`] characters and an ellipsis.
pub fn shortened(text: &str) -> String {
    shortened_to(text, LONGEST_TEXT)
}

/// `text`, or its first `most` characters and an ellipsis.
pub fn shortened_to(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn markup_is_escaped() {
        let hostile = "</script><img src=x onerror='alert(1)'>&lt;\u{2028}\u{2029}\"\\\0<!--";
        let json = inert_json(&[hostile]).unwrap();
        assert!(!json.contains(['<', '>', '&', '\u{2028}', '\u{2029}', '\0']), "{json}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), [hostile]);
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(shortened_to("äöü", 3), "äöü");
        assert_eq!(shortened_to("äöüß", 3), "äöü…");
        assert_eq!(shortened(&"x".repeat(1 << 20)).chars().count(), LONGEST_TEXT + 1);
    }

    proptest! {
        #[test]
        fn any_text_is_the_same_after_it_was_read(text in "\\PC*|[<>&\u{2028}\u{2029}\\\\\"/]*") {
            let json = inert_json(&text).unwrap();
            prop_assert!(!json.contains(['<', '>', '&']));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }
}

//! Names read from files, as they are written into tables.

use std::borrow::Cow;
use std::fmt::{self, Write};

/// `name` without anything that could end a column or a line: control characters are percent-encoded, as in GFF3 (a tab
/// is `%09`).
pub fn plain(name: &str) -> Cow<'_, str> {
    match name.contains(char::is_control) {
        false => Cow::Borrowed(name),
        true => Cow::Owned(Plain(name).to_string()),
    }
}

/// [`plain`] for writing without a copy.
#[derive(Clone, Copy, Debug)]
pub struct Plain<'a>(pub &'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.contains(char::is_control) {
            return f.write_str(self.0);
        }
        for character in self.0.chars() {
            match character.is_control() {
                true => character.encode_utf8(&mut [0; 4]).bytes().try_for_each(|byte| write!(f, "%{byte:02X}"))?,
                false => f.write_char(character)?,
            }
        }
        Ok(())
    }
}

/// The bytes of `text`, percent-encoded ones as they are where `decodes` allows it.
pub fn percent_decoded(text: &str, decodes: impl Fn(u8) -> bool) -> Vec<u8> {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let code = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()).filter(|byte| decodes(*byte)) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    out
}

/// [`plain`] for names that need not be UTF-8.
pub fn plain_bytes(name: &[u8]) -> Cow<'_, [u8]> {
    if !name.iter().any(u8::is_ascii_control) {
        return Cow::Borrowed(name);
    }
    let mut out = Vec::with_capacity(name.len() + 8);
    for &byte in name {
        match byte.is_ascii_control() {
            true => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
            false => out.push(byte),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_percent_encoded() {
        assert_eq!(plain("a\tb\n\u{1b}[31m%\u{85}é"), "a%09b%0A%1B[31m%%C2%85é");
        assert!(matches!(plain("chr1 é%"), Cow::Borrowed("chr1 é%")));
        assert_eq!(plain_bytes(b"a\tb\xff").as_ref(), b"a%09b\xff");
    }
}

//! Optional fields of a BAM record (SAM specification, section 4.2.4).

/// Value of an optional field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tag<'a> {
    /// Types `Z` and `H`, without the terminating zero.
    Text(&'a [u8]),
    /// Types `c C s S i I`.
    Int(i64),
    /// Type `A`.
    Char(u8),
    /// Type `f`.
    Float(f32),
}

/// Each complete field with its name, up to the first that is damaged.
pub(super) fn split(mut fields: &[u8]) -> impl Iterator<Item = ([u8; 2], &[u8])> {
    std::iter::from_fn(move || {
        let size = 3 + size(fields)?;
        let (field, rest) = (fields.get(..size)?, &fields[size..]);
        fields = rest;
        Some(([field[0], field[1]], field))
    })
}

/// Bytes of the first field's value.
fn size(fields: &[u8]) -> Option<usize> {
    let (kind, rest) = (*fields.get(2)?, fields.get(3..)?);
    Some(match kind {
        b'A' | b'c' | b'C' => 1,
        b's' | b'S' => 2,
        b'i' | b'I' | b'f' => 4,
        b'd' => 8,
        b'Z' | b'H' => rest.iter().position(|&b| b == 0)? + 1,
        b'B' => {
            let n = u32::from_le_bytes(rest.get(1..5)?.try_into().ok()?) as usize;
            let one = match rest[0] {
                b'c' | b'C' => 1,
                b's' | b'S' => 2,
                b'i' | b'I' | b'f' => 4,
                _ => return None,
            };
            n.checked_mul(one)?.checked_add(5)?
        }
        _ => return None,
    })
}

/// The value of `name` in `fields`; `None` if it is absent, an array, or after a damaged field.
pub(super) fn find<'a>(mut fields: &'a [u8], name: &[u8; 2]) -> Option<Tag<'a>> {
    while fields.len() > 3 {
        let (head, rest) = fields.split_at(3);
        let size = size(fields)?;
        let value = rest.get(..size)?;
        if head[..2] == name[..] {
            return match head[2] {
                b'A' => Some(Tag::Char(value[0])),
                b'c' => Some(Tag::Int(value[0] as i8 as i64)),
                b'C' => Some(Tag::Int(value[0] as i64)),
                b's' => Some(Tag::Int(i16::from_le_bytes(value.try_into().ok()?) as i64)),
                b'S' => Some(Tag::Int(u16::from_le_bytes(value.try_into().ok()?) as i64)),
                b'i' => Some(Tag::Int(i32::from_le_bytes(value.try_into().ok()?) as i64)),
                b'I' => Some(Tag::Int(u32::from_le_bytes(value.try_into().ok()?) as i64)),
                b'f' => Some(Tag::Float(f32::from_le_bytes(value.try_into().ok()?))),
                b'Z' | b'H' => Some(Tag::Text(&value[..size - 1])),
                _ => None,
            };
        }
        fields = &rest[size..];
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_and_damage_is_none() {
        let mut fields = Vec::new();
        fields.extend_from_slice(b"XAAq");
        fields.extend_from_slice(b"Xcc\xff");
        fields.extend_from_slice(b"XSS\x01\x02");
        fields.extend_from_slice(b"XBBs\x02\0\0\0\x01\0\x02\0");
        fields.extend_from_slice(b"Xii\xfe\xff\xff\xff");
        fields.extend_from_slice(b"CBZACGT-1\0");
        fields.extend_from_slice(b"Xff\0\0\x80\x3f");
        let f = |n: &[u8; 2]| find(&fields, n);
        assert_eq!(f(b"XA"), Some(Tag::Char(b'q')));
        assert_eq!(f(b"Xc"), Some(Tag::Int(-1)));
        assert_eq!(f(b"XS"), Some(Tag::Int(513)));
        assert_eq!(f(b"XB"), None);
        assert_eq!(f(b"Xi"), Some(Tag::Int(-2)));
        assert_eq!(f(b"CB"), Some(Tag::Text(b"ACGT-1")));
        assert_eq!(f(b"Xf"), Some(Tag::Float(1.0)));
        assert_eq!(f(b"NN"), None);
        for end in 0..fields.len() {
            // Truncated anywhere: no panic, and no value from after the end.
            assert!(find(&fields[..end], b"Xf").is_none());
        }
        assert_eq!(find(b"XBBi\xff\xff\xff\xff\0", b"XX"), None);
    }
}

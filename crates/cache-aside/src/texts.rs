//! A column of texts out of the bytes and borders of all of them, checked as a whole.

use arrow_array::StringArray;
use arrow_buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::ArrowError;

/// The texts that stand one after the other in `bytes`; `offsets` says where each begins, and at
/// the end where the last one ends.
///
/// Texts that are ASCII alone need no look at each of their borders: no character lies across one.
/// That halves the time for texts as short as names, whose every cache line would be fetched a
/// second time.
///
/// # Errors
/// Where a text is not UTF-8, or the offsets are none, fall, or point outside.
pub fn column(offsets: ScalarBuffer<i32>, bytes: Buffer) -> Result<StringArray, ArrowError> {
    let wrong = |what: &str| ArrowError::InvalidArgumentError(format!("offsets of texts {what}"));
    let (Some(first), Some(last)) = (offsets.first(), offsets.last()) else {
        return Err(wrong("are missing"));
    };
    // Without a way out before the end, so that several are compared at once.
    let rising = offsets.windows(2).fold(true, |rising, pair| rising & (pair[0] <= pair[1]));
    if *first < 0 || !rising {
        return Err(wrong("fall"));
    }
    if usize::try_from(*last).is_ok_and(|last| last > bytes.len()) {
        return Err(wrong("point past the last one"));
    }
    if !bytes.is_ascii() {
        return StringArray::try_new(OffsetBuffer::new(offsets), bytes, None);
    }
    // SAFETY: there is at least one offset, the first is not negative, none is less than the one
    // before it, and the last is within `bytes`, so that every text is a range of them. All of them
    // are ASCII, and so is every range of them, which makes it UTF-8.
    #[expect(unsafe_code, reason = "the safe way looks at the border of every text")]
    let texts = unsafe { StringArray::new_unchecked(OffsetBuffer::new_unchecked(offsets), bytes, None) };
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use arrow_array::Array;
    use proptest::prelude::*;

    use super::*;

    fn of(offsets: &[i32], bytes: &[u8]) -> Result<StringArray, ArrowError> {
        column(ScalarBuffer::from(offsets.to_vec()), Buffer::from_slice_ref(bytes))
    }

    #[test]
    fn texts_stand_between_their_offsets() {
        let texts = of(&[1, 4, 4, 6], b"xannbo!").unwrap();
        assert_eq!(texts.iter().flatten().collect::<Vec<_>>(), ["ann", "", "bo"]);
        assert_eq!(of(&[0], b"").unwrap().len(), 0);
        let texts = of(&[0, 2, 4], "\u{e4}\u{f6}".as_bytes()).unwrap();
        assert_eq!(texts.iter().flatten().collect::<Vec<_>>(), ["\u{e4}", "\u{f6}"]);
    }

    #[test]
    fn wrong_offsets_and_what_is_not_utf_8_are_errors() {
        for bytes in [&b"abc"[..], "a\u{e4}".as_bytes()] {
            for offsets in
                [&[][..], &[-1, 2], &[0, 2, 1], &[0, 2, 1, 3], &[0, 4], &[4], &[i32::MIN, i32::MAX]]
            {
                assert!(of(offsets, bytes).is_err(), "{offsets:?} of {bytes:?}");
            }
        }
        assert!(of(&[0, 2], b"a\xff").is_err());
        // Whole only together.
        assert!(of(&[0, 1, 2], "\u{e4}".as_bytes()).is_err());
    }

    proptest! {
        /// Whatever is taken is what Arrow's own, careful constructor takes, and the same texts.
        #[test]
        fn any_offsets_and_bytes_are_texts_or_an_error(
            offsets in prop::collection::vec(-2i32..12, 0..6),
            rising: bool,
            bytes in prop_oneof![
                "[a-c]{0,10}".prop_map(String::into_bytes),
                "[a-c\u{e4}]{0,6}".prop_map(String::into_bytes),
                prop::collection::vec(any::<u8>(), 0..10),
            ],
        ) {
            let mut offsets = offsets;
            if rising {
                offsets.sort_unstable();
            }
            let good = !offsets.is_empty() && offsets[0] >= 0 && offsets.is_sorted();
            let careful = good.then(|| {
                let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets.clone()));
                StringArray::try_new(offsets, Buffer::from_slice_ref(&bytes), None).ok()
            }).flatten();
            prop_assert_eq!(of(&offsets, &bytes).ok(), careful);
        }
    }
}

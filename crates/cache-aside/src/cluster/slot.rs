//! The slot of a key: CRC16 (XMODEM) of its name, or of the hash tag in it, modulo 16,384.

/// The number of slots of every cluster.
pub const SLOTS: u16 = 16_384;

/// The slot of a key by its name.
pub fn of_name(name: &[u8]) -> u16 {
    of(name.iter().copied())
}

/// The slot of a name that comes in pieces.
#[inline]
pub(crate) fn of(name: impl Iterator<Item = u8> + Clone) -> u16 {
    let crc = match hash_tag(name.clone()) {
        Some((from, length)) => crc16(name.skip(from).take(length)),
        None => crc16(name),
    };
    crc % SLOTS
}

/// The part between the first `{` and the first `}` after it, unless it is empty: where it begins,
/// and its length.
#[inline]
fn hash_tag(mut name: impl Iterator<Item = u8>) -> Option<(usize, usize)> {
    let before = name.position(|byte| byte == b'{')?;
    let length = name.position(|byte| byte == b'}')?;
    (length > 0).then_some((before + 1, length))
}

#[inline]
fn crc16(bytes: impl Iterator<Item = u8>) -> u16 {
    bytes.fold(0, |crc, byte| {
        let [high, low] = crc.to_be_bytes();
        u16::from_be_bytes([low, 0]) ^ TABLE[usize::from(high ^ byte)]
    })
}

static TABLE: [u16; 256] = table();

const fn table() -> [u16; 256] {
    let mut table = [0_u16; 256];
    let mut byte = 0_u16;
    while byte < 256 {
        let mut crc = byte << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
            bit += 1;
        }
        table[byte as usize] = crc;
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_values_of_the_specification() {
        assert_eq!(crc16(b"123456789".iter().copied()), 0x31C3);
        for (name, slot) in [
            ("", 0),
            ("foo", 12_182),
            ("somekey", 11_058),
            ("foo{hash_tag}", 2_515),
            ("bar{hash_tag}", 2_515),
        ] {
            assert_eq!(of_name(name.as_bytes()), slot, "{name}");
        }
    }

    #[test]
    fn the_first_tag_counts_unless_it_is_empty_or_has_no_end() {
        let same = |a: &str, b: &str| of_name(a.as_bytes()) == of_name(b.as_bytes());
        assert!(same("{user1000}.following", "{user1000}.followers"));
        assert!(same("foo{{bar}}zap", "{bar"));
        assert!(same("foo{bar}{zap}", "bar"));
        assert_eq!(of_name(b"foo{}{bar}"), crc16(b"foo{}{bar}".iter().copied()) % SLOTS);
        assert_eq!(of_name(b"foo{bar"), crc16(b"foo{bar".iter().copied()) % SLOTS);
        assert_eq!(of_name(b"}foo{"), crc16(b"}foo{".iter().copied()) % SLOTS);
    }

    proptest! {
        #[test]
        fn a_name_in_two_pieces_has_the_same_slot(name: Vec<u8>, at: usize) {
            let (front, back) = name.split_at(at % (name.len() + 1));
            prop_assert_eq!(of(front.iter().chain(back).copied()), of_name(&name));
            prop_assert!(of_name(&name) < SLOTS);
        }

        #[test]
        fn bit_by_bit_it_is_the_same(bytes: Vec<u8>) {
            let mut crc = 0_u32;
            for byte in &bytes {
                crc ^= u32::from(*byte) << 8;
                for _ in 0..8 {
                    crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 } & 0xFFFF;
                }
            }
            prop_assert_eq!(u32::from(crc16(bytes.iter().copied())), crc);
        }

        #[test]
        fn what_surrounds_a_tag_is_of_no_matter(before in "[^{}]{0,8}", tag in "[^{}]{1,8}", after: String) {
            let name = format!("{before}{{{tag}}}{after}");
            prop_assert_eq!(of_name(name.as_bytes()), of_name(tag.as_bytes()));
        }
    }
}

//! The latencies of a path, taken back out of the run file. The file may come from anywhere: what
//! it says of its own size is checked before any memory is taken.

use std::io::Read;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::ZlibDecoder;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;

/// Why a histogram in a run file cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DistributionError {
    #[error("it is not base64: {0}")]
    Base64(#[from] base64::DecodeError),
    #[error("it is not an HdrHistogram V2: {0}")]
    Histogram(#[from] hdrhistogram::serialization::DeserializeError),
    #[error("it cannot be inflated: {0}")]
    Deflated(std::io::Error),
    #[error("it is larger than a histogram of rcache")]
    TooLarge,
}

/// A histogram of rcache takes some kilobytes.
const MAX_TEXT: usize = 1 << 20;
const MAX_BYTES: u64 = 4 << 20;
/// More digits take more memory; rcache saves three.
const MAX_DIGITS: u32 = 3;
/// The beginning of a deflated histogram.
const DEFLATED: [u8; 4] = 0x1c84_9314_u32.to_be_bytes();
/// Cookie and length, before what is deflated.
const OUTER_HEAD: usize = 8;
/// Cookie, length, offset, digits, lowest and highest value, ratio.
const HEAD: usize = 40;

/// Latencies in ns.
pub(super) fn decode(text: &str) -> Result<Histogram<u64>, DistributionError> {
    if text.len() > MAX_TEXT {
        return Err(DistributionError::TooLarge);
    }
    let mut bytes = STANDARD.decode(text)?;
    if bytes.starts_with(&DEFLATED) {
        bytes = inflate(bytes.get(OUTER_HEAD..).unwrap_or_default())?;
    }
    let [length, digits] = [4, 12].map(|start| number_at(&bytes, start));
    if length as usize > bytes.len().saturating_sub(HEAD) && bytes.len() >= HEAD || digits > MAX_DIGITS {
        return Err(DistributionError::TooLarge);
    }
    Ok(Deserializer::new().deserialize(&mut bytes.as_slice())?)
}

fn inflate(bytes: &[u8]) -> Result<Vec<u8>, DistributionError> {
    let mut inflated = Vec::new();
    let mut reader = ZlibDecoder::new(bytes).take(MAX_BYTES + 1);
    reader.read_to_end(&mut inflated).map_err(DistributionError::Deflated)?;
    if inflated.len() as u64 > MAX_BYTES { Err(DistributionError::TooLarge) } else { Ok(inflated) }
}

/// A number of the head; 0 if that is too short, which the library finds by itself.
fn number_at(bytes: &[u8], start: usize) -> u32 {
    bytes.get(start..start + 4).and_then(|four| four.try_into().ok()).map_or(0, u32::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::super::sample_runs;
    use super::*;

    #[test]
    fn what_was_recorded_comes_back() {
        let histogram = decode(&sample_runs::encode(&[100, 100, 5_000])).unwrap();
        assert_eq!((histogram.len(), histogram.count_at(100)), (3, 2));
    }

    #[test]
    fn what_is_no_histogram_is_an_error() {
        assert!(matches!(decode("§"), Err(DistributionError::Base64(_))));
        assert!(matches!(decode("aGVsbG8gd29ybGQ="), Err(DistributionError::Histogram(_))));
        assert!(matches!(decode(""), Err(DistributionError::Histogram(_))));
    }

    #[test]
    fn what_claims_to_be_huge_takes_no_memory() {
        let bytes = STANDARD.decode(sample_runs::encode(&[100, 5_000])).unwrap();
        let inflated = inflate(&bytes[OUTER_HEAD..]).unwrap();
        let with = |start: usize, number: u32| {
            let mut changed = inflated.clone();
            changed[start..start + 4].copy_from_slice(&number.to_be_bytes());
            decode(&STANDARD.encode(changed))
        };
        assert_eq!(decode(&STANDARD.encode(&inflated)).unwrap().len(), 2);
        assert!(matches!(with(4, u32::MAX), Err(DistributionError::TooLarge)));
        assert!(matches!(with(12, 5), Err(DistributionError::TooLarge)));
        assert!(matches!(decode(&"A".repeat(MAX_TEXT + 1)), Err(DistributionError::TooLarge)));
        let mut bomb = DEFLATED.to_vec();
        bomb.extend_from_slice(&[0, 1, 0, 0]);
        let mut encoder = flate2::write::ZlibEncoder::new(&mut bomb, flate2::Compression::best());
        std::io::Write::write_all(&mut encoder, &vec![0; 5 << 20]).unwrap();
        encoder.finish().unwrap();
        assert!(matches!(decode(&STANDARD.encode(bomb)), Err(DistributionError::TooLarge)));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, cut in 0usize..200) {
            let _ = decode(&STANDARD.encode(&bytes));
            let sample = STANDARD.decode(sample_runs::encode(&[1, 2, 3_000])).unwrap();
            let inner = inflate(&sample[OUTER_HEAD..]).unwrap();
            let mut changed = inner[..cut.min(inner.len())].to_vec();
            changed.extend(bytes);
            let _ = decode(&STANDARD.encode(changed));
        }
    }
}

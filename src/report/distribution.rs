//! The latencies of a path, taken back out of the run file.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;

/// Why a histogram in a run file cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DistributionError {
    #[error("it is not base64: {0}")]
    Base64(#[from] base64::DecodeError),
    #[error("it is not an HdrHistogram V2: {0}")]
    Histogram(#[from] hdrhistogram::serialization::DeserializeError),
}

/// Latencies in ns.
pub(super) fn decode(text: &str) -> Result<Histogram<u64>, DistributionError> {
    let bytes = STANDARD.decode(text)?;
    Ok(Deserializer::new().deserialize(&mut bytes.as_slice())?)
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
}

//! Saved histograms, added up.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;

use crate::samples::latencies::MAX_NS;
use crate::stats::summary::{PERCENTILES, samples_needed};

pub(super) fn percentiles(histogram: Option<&Histogram<u64>>) -> BTreeMap<String, Option<u64>> {
    let value = |percentile: f64| {
        histogram
            .filter(|histogram| histogram.len() >= samples_needed(percentile))
            .map(|histogram| histogram.value_at_percentile(percentile))
    };
    PERCENTILES.iter().map(|(name, percentile)| ((*name).to_owned(), value(*percentile))).collect()
}

/// None if one of them cannot be read: a part is not the whole.
pub(super) fn merged<'a>(encoded: impl Iterator<Item = &'a str>) -> Option<Histogram<u64>> {
    let mut sum: Histogram<u64> = Histogram::new_with_bounds(1, MAX_NS, 3).ok()?;
    for text in encoded {
        sum.add(&decode(text)?).ok()?;
    }
    Some(sum)
}

pub(super) fn decode(text: &str) -> Option<Histogram<u64>> {
    let bytes = STANDARD.decode(text).ok()?;
    Deserializer::new().deserialize(&mut bytes.as_slice()).ok()
}

//! Limits and hit ratios of a load by its popularity, in closed form.

use super::costs::Costs;
use super::document::{Document, FORMAT, FORMAT_VERSION, Limit, Load, Losses, Target, Trace};
use crate::load_model::lru::{Answer, Lru};
use crate::load_model::memory::Memory;
use crate::load_model::popularity::{Keys, Popularity};
use crate::load_model::steady_state::{self, Lifetimes};

/// The load of a prediction.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LoadModel {
    pub(crate) popularity: Popularity,
    pub(crate) keys: u32,
    /// Reads and writes a second.
    pub(crate) rate_per_s: f64,
    /// From 0 to 1.
    pub(crate) writes: f64,
    /// None if entries do not expire.
    pub(crate) ttl_s: Option<f64>,
}

/// The statement that is asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Wanted {
    /// Memory limits in bytes; empty for some that span the range.
    pub(crate) limits: Vec<f64>,
    pub(crate) hit_ratio: Option<f64>,
}

/// Shares of all entries whose memory makes the limits that are shown by default.
const SHARES: [f64; 6] = [1.0 / 32.0, 1.0 / 16.0, 1.0 / 8.0, 1.0 / 4.0, 1.0 / 2.0, 1.0];

impl LoadModel {
    fn lifetimes(&self) -> Lifetimes {
        Lifetimes::fixed(self.ttl_s.unwrap_or(f64::INFINITY))
    }

    fn load(&self) -> steady_state::Load {
        steady_state::Load::new(self.rate_per_s, self.writes)
    }
}

/// Predicts every limit.
pub(crate) fn predict(costs: &Costs, model: &LoadModel, wanted: &Wanted) -> Document {
    let keys = Keys::new(model.popularity, model.keys, 0);
    let classes = keys.classes();
    let lru = |lifetimes| Lru { classes: &classes, load: model.load(), lifetimes };
    let bounded = lru(model.lifetimes());
    let unlimited = bounded.unlimited();
    let memory = costs.memory();
    let row = |maxmemory_bytes: Option<f64>, answer: Answer| Row {
        maxmemory_bytes,
        entries: answer.entries,
        hit_ratio: answer.hit_ratio,
        unread_s: Some(answer.unread_s).filter(|seconds| seconds.is_finite()),
    };
    let limits = limits(wanted, memory, unlimited.entries);
    let limited = limits.iter().map(|bytes| row(Some(*bytes), bounded.with_room_for(memory.entries(*bytes))));
    let rows: Vec<Row> = limited.chain([row(None, unlimited)]).collect();
    let without_expiry = lru(Lifetimes::endless()).unlimited().hit_ratio;
    let target = wanted.hit_ratio.map(|hit_ratio| {
        let entries = bounded.for_hit_ratio(hit_ratio).map(|answer| answer.entries.ceil());
        Target { hit_ratio, maxmemory_bytes: entries.map(|entries| memory.limit_for(entries)), entries }
    });
    let reads = model.load().reads_per_s;
    let losses = Losses {
        first_reads: 0.0,
        writes: if reads > 0.0 { 1.0 - without_expiry } else { 0.0 },
        expiry: without_expiry - unlimited.hit_ratio,
    };
    let load = Load {
        popularity: Some(model.popularity.name()),
        trace: None,
        rate_per_s: model.rate_per_s,
        writes_share: model.writes,
        ttl_s: model.ttl_s,
    };
    document(costs, f64::from(model.keys), load, &rows, reads, losses, target)
}

/// A limit, before its costs are known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) maxmemory_bytes: Option<f64>,
    pub(super) entries: f64,
    pub(super) hit_ratio: f64,
    pub(super) unread_s: Option<f64>,
}

pub(super) fn document(
    costs: &Costs,
    keys: f64,
    load: Load,
    rows: &[Row],
    reads_per_s: f64,
    losses: Losses,
    target: Option<Target>,
) -> Document {
    let most = rows.iter().map(|row| row.hit_ratio).fold(0.0, f64::max);
    let limit = |row: &Row| Limit {
        maxmemory_bytes: row.maxmemory_bytes,
        entries: row.entries,
        hit_ratio: row.hit_ratio,
        mean_read_ns: costs.mean_read_ns(row.hit_ratio),
        mysql_reads_per_s: (1.0 - row.hit_ratio) * reads_per_s,
        pays: costs.pays(row.hit_ratio).to_owned(),
        lost_to_memory: most - row.hit_ratio,
        evicted_if_unread_s: row.unread_s,
    };
    Document {
        format: FORMAT.to_owned(),
        format_version: FORMAT_VERSION,
        rcache_version: env!("CARGO_PKG_VERSION").to_owned(),
        workload: costs.document(keys),
        load,
        limits: rows.iter().map(limit).collect(),
        losses,
        target,
        verified: Vec::new(),
    }
}

/// Those that were asked for, or some up to the one with room for all entries.
pub(super) fn limits(wanted: &Wanted, memory: Memory, entries: f64) -> Vec<f64> {
    if !wanted.limits.is_empty() {
        let mut limits = wanted.limits.clone();
        limits.sort_by(f64::total_cmp);
        limits.dedup();
        return limits;
    }
    let mut limits: Vec<f64> =
        SHARES.iter().map(|share| round_up(memory.limit_for((entries * share).ceil().max(1.0)))).collect();
    limits.dedup();
    limits
}

/// To two digits of mebibytes.
fn round_up(bytes: f64) -> f64 {
    const MIB: f64 = 1_048_576.0;
    let mebibytes = bytes / MIB;
    let unit = 10f64.powf(mebibytes.log10().floor() - 1.0);
    (mebibytes / unit).ceil() * unit * MIB
}

/// The load with a trace.
pub(super) fn of_trace(trace: Trace, rate_per_s: f64, writes: f64, ttl_s: Option<f64>) -> Load {
    Load { popularity: None, trace: Some(trace), rate_per_s, writes_share: writes, ttl_s }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::load_model::memory::Tables;
    use crate::run_file::HitRatio;

    pub(crate) fn costs() -> Costs {
        Costs {
            name: "point".to_owned(),
            codec: "postcard".to_owned(),
            keys: 100_000,
            entry_bytes: 200.0,
            entry_bytes_source: "memory_usage",
            tables: Tables::Pointers,
            mysql_ns: 70_000.0,
            hit_ns: 25_000.0,
            miss_ns: 190_000.0,
            break_even: Some(HitRatio { value: 0.73, ci95: [0.70, 0.76] }),
        }
    }

    fn model() -> LoadModel {
        LoadModel {
            popularity: Popularity::Zipf { exponent: 1.0 },
            keys: 100_000,
            rate_per_s: 2_000.0,
            writes: 0.05,
            ttl_s: Some(300.0),
        }
    }

    #[test]
    fn more_memory_is_never_worse_and_all_adds_up() {
        let document = predict(&costs(), &model(), &Wanted::default());
        let limits = &document.limits;
        assert_eq!(limits.len(), 7);
        assert!(limits.windows(2).all(|pair| pair[0].hit_ratio <= pair[1].hit_ratio + 0.01), "{limits:?}");
        for limit in limits {
            let losses = document.losses;
            let sum =
                limit.hit_ratio + limit.lost_to_memory + losses.writes + losses.expiry + losses.first_reads;
            assert!((sum - 1.0).abs() < 1e-6, "{sum}");
            assert!((limit.mysql_reads_per_s - (1.0 - limit.hit_ratio) * 1_900.0).abs() < 1e-6);
            let mean = limit.hit_ratio * 25_000.0 + (1.0 - limit.hit_ratio) * 190_000.0;
            assert!((limit.mean_read_ns - mean).abs() < 1e-6);
        }
        assert_eq!(limits[6].maxmemory_bytes, None);
        // Writes take as many hits as they are, since the same popularity governs both.
        assert!((document.losses.writes - 0.05).abs() < 1e-6);
    }

    #[test]
    fn pays_follows_the_interval_of_the_break_even() {
        let costs = costs();
        assert_eq!([0.5, 0.73, 0.9].map(|ratio| costs.pays(ratio)), ["no", "undecided", "yes"]);
        let never = Costs { break_even: None, hit_ns: 80_000.0, ..costs.clone() };
        assert_eq!(never.pays(0.99), "no");
        let always = Costs { break_even: None, miss_ns: 60_000.0, ..costs };
        assert_eq!(always.pays(0.01), "yes");
    }

    #[test]
    fn a_target_is_met_by_its_own_limit_and_by_no_smaller_one() {
        let wanted = Wanted { hit_ratio: Some(0.6), ..Wanted::default() };
        let target = predict(&costs(), &model(), &wanted).target.unwrap();
        let bytes = target.maxmemory_bytes.unwrap();
        let limits = vec![bytes * 0.9, bytes];
        let limits = predict(&costs(), &model(), &Wanted { limits, ..wanted }).limits;
        assert!(limits[0].hit_ratio < 0.6 && limits[1].hit_ratio >= 0.6, "{limits:?}");
        let beyond = Wanted { hit_ratio: Some(0.96), ..Wanted::default() };
        let target = predict(&costs(), &model(), &beyond).target.unwrap();
        assert_eq!((target.maxmemory_bytes, target.entries), (None, None), "writes alone take 5 %");
    }

    #[test]
    fn the_ends_of_every_setting_are_numbers() {
        let settings = [
            LoadModel { writes: 1.0, ..model() },
            LoadModel { keys: 1, ..model() },
            LoadModel { ttl_s: None, writes: 0.0, ..model() },
            LoadModel { ttl_s: Some(0.001), ..model() },
            LoadModel { rate_per_s: 0.001, ..model() },
            LoadModel { popularity: Popularity::Zipf { exponent: 5.0 }, ..model() },
            LoadModel { popularity: Popularity::Zipf { exponent: 0.0 }, ..model() },
        ];
        for model in settings {
            for hit_ratio in [0.0, 0.5, 1.0] {
                let limits = vec![1.0, 1e6, 1e12];
                let document = predict(&costs(), &model, &Wanted { limits, hit_ratio: Some(hit_ratio) });
                for limit in &document.limits {
                    assert!((0.0..=1.0 + 1e-9).contains(&limit.hit_ratio), "{model:?}: {limit:?}");
                    assert!(
                        limit.entries.is_finite() && limit.mean_read_ns.is_finite(),
                        "{model:?}: {limit:?}"
                    );
                }
            }
            assert!(!predict(&costs(), &model, &Wanted::default()).limits.is_empty());
        }
    }
}

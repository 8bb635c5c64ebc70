//! A document with everything in it, for tests of its page and its schema.

use super::{Document, FORMAT, FORMAT_VERSION, rank};
use crate::db::digests::{Counted, CountedRead};

pub(crate) fn document() -> Document {
    let read = |text: &str, calls, total_s, rows_examined, rows_sent| CountedRead {
        text: text.to_owned(),
        calls,
        total_s,
        rows_examined,
        rows_sent,
        digest: "a1b2".to_owned(),
    };
    let counted = Counted {
        digests: 214,
        total_s: 86.4,
        lost_calls: 0.0,
        since: Some("2026-01-31 08:15:00".to_owned()),
        reads: vec![
            read(
                "SELECT `country` , COUNT ( * ) , SUM ( `total` ) FROM `orders` JOIN `customers` ON `customers` . `id` = \
                 `orders` . `customer_id` WHERE `placed_at` > ? GROUP BY `country` ",
                1200,
                41.0,
                144_000_000,
                9600,
            ),
            read(
                "SELECT `id` , `total` FROM `orders` WHERE `customer_id` IN (...) ",
                90_000,
                12.5,
                270_000,
                270_000,
            ),
            read("SELECT NOW ( ) , `note` FROM `orders` WHERE `id` = ? ", 3000, 1.0, 3000, 0),
            read("SELECT `a` FROM `t` WHERE `b` ...", 7, 0.5, 10, 7),
        ],
    };
    let command = |text: &str, parameters: usize| {
        let parameters = if parameters == 0 { "" } else { " --params FILE.csv" };
        format!("rcache bench --query '{text}'{parameters}")
    };
    Document {
        format: FORMAT.to_owned(),
        format_version: FORMAT_VERSION,
        rcache_version: "0.1.0".to_owned(),
        flavor: "MariaDB".to_owned(),
        version: "10.11.14".to_owned(),
        database: "shop".to_owned(),
        since: counted.since.clone(),
        digests: counted.digests,
        total_s: counted.total_s,
        lost_calls: counted.lost_calls,
        redis_round_trip_ns: 38_000,
        uncounted_executions: Some(1_204_500),
        candidates: rank(&counted, 38_000, &command),
    }
}

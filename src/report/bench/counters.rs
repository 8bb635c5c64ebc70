//! The counts of the servers, the load that hits spared MySQL, and the memory that this takes in
//! Redis.

use super::by_workload;
use crate::report::blocks::{Block, Entry, Section};
use crate::report::numbers::list;
use crate::run_file::servers::RedisCounters;
use crate::run_file::{Avoided, RedisMemory, Run, ServerCounters, WorkloadRun};
use crate::units::{self, counted};

/// One entry for each workload; none for runs that were saved without the counts.
pub(in crate::report) fn section(run: &Run) -> Option<Section> {
    let entry = |codecs: &[WorkloadRun]| Some(Entry::new(codecs.first()?.name.clone(), sentences(codecs)));
    let entries: Vec<Entry> =
        by_workload(run).filter_map(entry).filter(|entry| !entry.text.is_empty()).collect();
    (!entries.is_empty()).then(|| Section::titled("What the servers counted", vec![Block::Entries(entries)]))
}

/// Codecs side by side are counted together, and what they spared adds up.
fn sentences(codecs: &[WorkloadRun]) -> String {
    let counters = codecs.iter().find_map(|workload| workload.server_counters.as_ref());
    let spared = codecs.iter().filter_map(|workload| workload.avoided).reduce(together);
    [counters.map(counts), spared.as_ref().and_then(avoided), held(codecs)]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" ")
}

/// The sum of both; unknown if one of them is.
fn together(one: Avoided, other: Avoided) -> Avoided {
    let both = |one: Option<u64>, other: Option<u64>| Some(one?.saturating_add(other?));
    Avoided {
        mysql_reads: one.mysql_reads.saturating_add(other.mysql_reads),
        innodb_page_requests: both(one.innodb_page_requests, other.innodb_page_requests),
        innodb_disk_reads: both(one.innodb_disk_reads, other.innodb_disk_reads),
    }
}

/// `Redis holds 4.40 MiB (1 entry).`
fn held(codecs: &[WorkloadRun]) -> Option<String> {
    let held = |workload: &WorkloadRun| {
        let with = if codecs.len() > 1 { format!(" with {}", workload.codec) } else { String::new() };
        memory(workload.redis_memory.as_ref()?, &with)
    };
    let held: Vec<String> = codecs.iter().filter_map(held).collect();
    (!held.is_empty()).then(|| format!("Redis holds {}.", list(&held)))
}

/// `MySQL 4,174 SELECTs, all from rcache; Redis 6,454 look-ups, all from rcache.`
fn counts(counters: &ServerCounters) -> String {
    let ours = &counters.ours;
    let selects = counters.mysql.as_ref().and_then(|mysql| mysql.com_select);
    let look_ups = counters.redis.as_ref().and_then(RedisCounters::look_ups);
    let withheld = |server: &str| counters.withheld.get(server).map(String::as_str);
    let mysql = count("MySQL", selects, ours.mysql_selects, ("SELECT", "SELECTs"), withheld("mysql"));
    let redis = count("Redis", look_ups, ours.redis_look_ups, ("look-up", "look-ups"), withheld("redis"));
    format!("{mysql}; {redis}.")
}

fn count(
    server: &str,
    theirs: Option<u64>,
    ours: u64,
    (one, many): (&str, &str),
    withheld: Option<&str>,
) -> String {
    match theirs {
        Some(theirs) if theirs == ours => format!("{server} {}, all from rcache", counted(theirs, one, many)),
        Some(theirs) if theirs > ours => {
            format!("{server} {}, {} of them from rcache", counted(theirs, one, many), units::count(ours))
        }
        Some(theirs) => {
            format!("{server} {} of the {} from rcache", units::count(theirs), counted(ours, one, many))
        }
        None => format!("{server}'s counters are not known: {}", withheld.unwrap_or("it gives none")),
    }
}

fn avoided(avoided: &Avoided) -> Option<String> {
    if avoided.mysql_reads == 0 {
        return None;
    }
    let reads = counted(avoided.mysql_reads, "read", "reads");
    let pages = avoided.innodb_page_requests.map(|pages| {
        let disk = match avoided.innodb_disk_reads {
            Some(0) => ", none of them from disk".to_owned(),
            Some(disk) => format!(", {} of them from disk", units::count(disk)),
            None => String::new(),
        };
        format!(", about {} of InnoDB{disk}", counted(pages, "page", "pages"))
    });
    Some(format!("Hits spared MySQL {reads}{}.", pages.unwrap_or_default()))
}

fn memory(memory: &RedisMemory, with: &str) -> Option<String> {
    if memory.entries == 0 {
        return None;
    }
    let bytes = units::bytes(memory.bytes as f64);
    let entries = counted(memory.entries, "entry", "entries");
    let bare = if memory.source == "value_bytes" { ", keys and bookkeeping not counted" } else { "" };
    Some(format!("{bytes}{with} ({entries}{bare})"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample_runs;
    use crate::run_file::servers::MysqlCounters;

    fn said(change: impl Fn(&mut WorkloadRun)) -> String {
        let mut run = sample_runs::full(1_000);
        run.workloads.truncate(1);
        change(&mut run.workloads[0]);
        sentences(&run.workloads)
    }

    #[test]
    fn every_case_has_its_words() {
        let cases = [
            said(|_| {}),
            said(|workload| {
                let counters = workload.server_counters.as_mut().unwrap();
                counters.mysql.as_mut().unwrap().com_select = Some(9_000);
                counters.redis.as_mut().unwrap().keyspace_hits = Some(0);
                workload.avoided.as_mut().unwrap().innodb_disk_reads = Some(31);
            }),
            said(|workload| {
                let counters = workload.server_counters.as_mut().unwrap();
                counters.mysql = None;
                let reason = "MySQL failed while reading its counters: denied (error 1227)";
                counters.withheld.insert("mysql".to_owned(), reason.to_owned());
                counters.redis = Some(RedisCounters::default());
                workload.avoided.as_mut().unwrap().innodb_page_requests = None;
                workload.redis_memory.as_mut().unwrap().source = "value_bytes".to_owned();
            }),
            said(|workload| {
                let counters = workload.server_counters.as_mut().unwrap();
                counters.mysql = Some(MysqlCounters { com_select: Some(1), ..MysqlCounters::default() });
                counters.ours.mysql_selects = 1;
                workload.avoided = None;
                workload.redis_memory.as_mut().unwrap().entries = 0;
            }),
        ];
        insta::assert_snapshot!(cases.join("\n"));
    }

    #[test]
    fn a_run_without_counts_says_nothing() {
        let old = |workload: &mut WorkloadRun| {
            (workload.server_counters, workload.avoided, workload.redis_memory) = (None, None, None);
        };
        assert_eq!(said(old), "");
    }
}

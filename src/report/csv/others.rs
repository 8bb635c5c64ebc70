//! Predictions and candidates as tables.

use super::{Tables, decimal};
use crate::candidates::Document as Candidates;
use crate::size::document::Document as Size;

impl Tables {
    pub(super) fn size(&mut self, file: &str, document: &Size) {
        let (workload, codec) = (&document.workload.name, &document.workload.codec);
        for limit in &document.limits {
            let cells = [
                file.to_owned(),
                workload.clone(),
                codec.clone(),
                decimal(limit.maxmemory_bytes),
                limit.entries.to_string(),
                limit.hit_ratio.to_string(),
                limit.mean_read_ns.to_string(),
                limit.mysql_reads_per_s.to_string(),
                limit.pays.clone(),
                limit.lost_to_memory.to_string(),
                decimal(limit.evicted_if_unread_s),
            ];
            let titles = "file,workload,codec,maxmemory_bytes,entries,hit_ratio,mean_read_ns,mysql_reads_per_s,pays,\
                          lost_to_memory,evicted_if_unread_s";
            self.row("sizes", titles, &cells);
        }
        for checked in &document.verified {
            let cells = [
                file.to_owned(),
                checked.popularity.clone(),
                checked.keys.to_string(),
                checked.maxmemory_bytes.to_string(),
                checked.expected_entries.to_string(),
                checked.entries.to_string(),
                checked.expected_hit_ratio.to_string(),
                checked.hit_ratio.to_string(),
                checked.reads.to_string(),
            ];
            let titles = "file,popularity,keys,maxmemory_bytes,expected_entries,entries,expected_hit_ratio,hit_ratio,reads";
            self.row("size_checks", titles, &cells);
        }
    }

    pub(super) fn candidates(&mut self, file: &str, document: &Candidates) {
        for candidate in &document.candidates {
            let cells = [
                file.to_owned(),
                candidate.statement.clone(),
                candidate.server_digest.clone(),
                candidate.calls.to_string(),
                candidate.mean_ns.to_string(),
                candidate.total_s.to_string(),
                candidate.share_percent.to_string(),
                decimal(candidate.rows_examined_per_row_sent),
                candidate.rows_sent_per_call.to_string(),
                candidate.possible_saving_s.to_string(),
            ];
            let titles = "file,statement,server_digest,calls,mean_ns,total_s,share_percent,rows_examined_per_row_sent,\
                          rows_sent_per_call,possible_saving_s";
            self.row("candidates", titles, &cells);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::files;
    use crate::candidates::samples;
    use crate::documents::{Loaded, Saved};
    use crate::report::size::tests::sample;

    #[test]
    fn every_limit_and_candidate_is_a_row() {
        let loaded = |saved| ("a.json".to_owned(), Loaded { saved, json: String::new() });
        let files = files(&[
            loaded(Saved::Size(Box::new(sample()))),
            loaded(Saved::Candidates(Box::new(samples::document()))),
        ]);
        let rows = |name: &str| files[name].lines().count() - 1;
        assert_eq!(rows("sizes.csv"), sample().limits.len());
        assert_eq!(rows("candidates.csv"), samples::document().candidates.len());
        assert!(
            files["sizes.csv"].lines().last().unwrap().contains(",point,postcard,,"),
            "no limit is an empty cell"
        );
    }
}

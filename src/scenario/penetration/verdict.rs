//! The reasons why the arms prove nothing.

use super::{Found, MISSING};
use crate::scenario::definition::Arms;
use crate::scenario::strategies::Strategy;

pub(super) fn proves_nothing(arms: &Arms<'_>) -> Option<String> {
    let naive = arms.found::<Found>(Strategy::Naive)?;
    // At least twice for each: a cache that remembers may ask once.
    (naive.missing_loads < 2 * u64::from(MISSING)).then(|| {
        "the naive arm seldom asked again for rows that do not exist; try a longer --duration".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::super::SCENARIO;
    use super::*;
    use crate::scenario::answers::Answers;
    use crate::scenario::document::{Arm, Verdict};
    use crate::scenario::runner;

    fn judge(arms: &[Arm]) -> Verdict {
        runner::judge(&SCENARIO, arms, false)
    }

    fn arms(naive_loads: u64) -> Vec<Arm> {
        let arm = |(kind, missing_loads)| {
            let answers = Answers { reads: 9_000, ..Default::default() };
            answers.into_arm(kind, missing_loads + 100, None, Found { missing_reads: 4_500, missing_loads })
        };
        SCENARIO.arms.iter().copied().zip([naive_loads, 4_500, 100]).map(arm).collect()
    }

    #[test]
    fn the_database_must_have_been_asked_again_and_again() {
        assert_eq!(judge(&arms(200)), Verdict::Shown);
        assert!(matches!(judge(&arms(199)), Verdict::ProvesNothing(_)));
        assert!(matches!(judge(&arms(200)[..2]), Verdict::ProvesNothing(_)));
    }

    #[test]
    fn an_answer_for_a_row_that_does_not_exist_is_a_broken_promise() {
        let mut wrong = arms(1);
        wrong[1].wrong_reads = 2;
        let reason = "the arm lease-no-negative shows 2 wrong answers".to_owned();
        assert_eq!(judge(&wrong), Verdict::Broken(reason));
    }
}

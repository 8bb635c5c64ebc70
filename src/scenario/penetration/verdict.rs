//! What the counts of all arms prove, and what they do not.

use super::{COURSES, MISSING};
use crate::scenario::activity::unfit;
use crate::scenario::answers::broken;
use crate::scenario::outcome::{Arm, Findings, Verdict};

/// The library's promises first: whatever else went wrong, a broken one must be heard of.
pub(super) fn judge(arms: &[Arm]) -> Verdict {
    if let Some(reason) = arms.iter().filter(|arm| arm.name != "naive").find_map(broken) {
        return Verdict::Broken(reason);
    }
    match proves_nothing(arms) {
        Some(reason) => Verdict::ProvesNothing(reason),
        None => Verdict::Shown,
    }
}

fn proves_nothing(arms: &[Arm]) -> Option<String> {
    if let Some(reason) = unfit(arms, COURSES.iter().map(|course| course.name)) {
        return Some(reason);
    }
    let naive = arms.iter().find(|arm| arm.name == "naive")?;
    let Findings::Penetration(found) = &naive.findings else { return None };
    // Twice for each at the least: once is what a cache may ask that remembers.
    (found.loads < 2 * u64::from(MISSING)).then(|| {
        "the naive arm seldom asked again for rows that do not exist; try a longer --duration".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::answers::Answers;
    use crate::scenario::outcome::Penetration;

    fn arms(naive_loads: u64) -> Vec<Arm> {
        let arm = |name, loads| {
            let answers = Answers { reads: 9_000, ..Default::default() };
            answers.into_arm(
                name,
                loads + 100,
                None,
                Findings::Penetration(Penetration { reads: 4_500, loads }),
            )
        };
        vec![arm("naive", naive_loads), arm("lease-no-negative", 4_500), arm("lease", 100)]
    }

    #[test]
    fn the_database_must_have_been_asked_again_and_again() {
        assert_eq!(judge(&arms(200)), Verdict::Shown);
        assert!(matches!(judge(&arms(199)), Verdict::ProvesNothing(_)));
        assert!(matches!(judge(&arms(200)[..2]), Verdict::ProvesNothing(_)));
    }

    #[test]
    fn an_answer_for_what_does_not_exist_is_a_broken_promise() {
        let mut wrong = arms(1);
        wrong[1].wrong_reads = 2;
        let reason = "the arm lease-no-negative shows 2 wrong answers".to_owned();
        assert_eq!(judge(&wrong), Verdict::Broken(reason));
    }
}

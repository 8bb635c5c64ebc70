//! The data set as a pure function of (rng_seed, id): people-like users, the same on every machine.

mod columns;
mod domains;
mod names;
mod raw_columns;

pub(crate) use columns::{UserRef, Users, UsersBuilder};
pub(crate) use domains::DomainCount;
pub(crate) use raw_columns::RawUsersBuilder;

use std::fmt;
use std::fmt::Write;
use std::ops::RangeInclusive;

use arrayvec::ArrayString;
use names::{DOMAINS, FIRST_NAMES, LAST_NAMES};
use serde::{Deserialize, Serialize};

use crate::permutation::{Permutation, below, mix};

/// The default number of users: that of the blog post.
pub(crate) const DEFAULT_USERS: u32 = 100_000;
/// The data set's random generator starts here unless told otherwise.
pub(crate) const DEFAULT_RNG_SEED: u64 = 42;
/// With more users the e-mail column of all of them would outgrow its 32-bit offsets.
pub(crate) const MAX_USERS: u32 = 50_000_000;
/// Users on a page; `sql/select_page.sql` has the same number.
pub(crate) const PAGE_USERS: u32 = 50;

/// A row of the table. Its texts stand in the row itself, as long as `sql/create_users.sql` allows
/// them to be: reading one user, by whichever path, then takes no memory from the allocator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) id: u32,
    pub(crate) username: ArrayString<80>,
    pub(crate) email: ArrayString<120>,
}

/// A text is longer than its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a text is longer than its column")]
pub(crate) struct TooLong;

impl User {
    pub(crate) fn new(id: u32, username: &str, email: &str) -> Result<Self, TooLong> {
        let username = ArrayString::from(username).map_err(|_| TooLong)?;
        let email = ArrayString::from(email).map_err(|_| TooLong)?;
        Ok(Self { id, username, email })
    }
}

/// Which users there are: ids 1 to `users`, named by `rng_seed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DataSet {
    pub(crate) users: u32,
    pub(crate) rng_seed: u64,
}

/// The purpose of random draws; each has a stream of its own.
#[derive(Clone, Copy)]
enum Purpose {
    Name = 1,
    Style,
    Domain,
}

impl DataSet {
    /// The user with this id. Defined for every id, also beyond `users`.
    pub(crate) fn user(&self, id: u32) -> User {
        let mut user = User { id, username: ArrayString::new(), email: ArrayString::new() };
        // Every user fits its columns, as the tests have it.
        let _ = self.write_texts(id, &mut user.username, &mut user.email);
        user
    }

    /// Replaces the two texts by those of the user with this id; allocates nothing once they have
    /// grown.
    pub(crate) fn write_user(&self, id: u32, username: &mut String, email: &mut String) {
        username.clear();
        email.clear();
        let _ = self.write_texts(id, username, email); // writing to a String cannot fail
    }

    /// Users come in blocks of 100,000, and within a block every pair of first and last name stands
    /// exactly once. Numbers behind the name are drawn from ranges that no two blocks share. So no
    /// two users have the same username or the same e-mail address.
    fn write_texts(&self, id: u32, username: &mut impl Write, email: &mut impl Write) -> fmt::Result {
        let (block, first, last) = self.name_pair(id);
        let style = self.draw(Purpose::Style, u64::from(id));
        let number = number_behind(block, style);
        write_name(username, first, last, separator(style >> 8), number)?;
        write_name(email, first, last, separator(style >> 16), number)?;
        email.write_char('@')?;
        email.write_str(self.domain(id))
    }

    /// The part behind the @ of this user's address.
    fn domain(&self, id: u32) -> &'static str {
        domain(self.draw(Purpose::Domain, u64::from(id)))
    }

    /// The block, and the pair of names: every block shuffles the pairs anew.
    fn name_pair(&self, id: u32) -> (u32, usize, usize) {
        let index = id.wrapping_sub(1);
        let block = index / PAIRS;
        let order = Permutation::new(PAIRS, self.draw(Purpose::Name, u64::from(block)));
        let pair = order.at(index % PAIRS) as usize;
        (block, pair / LAST_NAMES.len(), pair % LAST_NAMES.len())
    }

    fn draw(&self, purpose: Purpose, place: u64) -> u64 {
        mix(mix(self.rng_seed ^ (purpose as u64).wrapping_mul(0xD6E8_FEB8_6659_FD93)) ^ place)
    }

    /// Every user, in the order of ids.
    pub(crate) fn all(&self) -> Users {
        self.users_in(1..=self.users)
    }

    /// The number of pages that the users fill, the last one perhaps not to its end.
    pub(crate) fn pages(&self) -> u32 {
        self.users.div_ceil(PAGE_USERS)
    }

    /// The users on a page, counted from 1, in the order of ids; none beyond the last page.
    pub(crate) fn page(&self, page: u32) -> Users {
        let before = page.saturating_sub(1).saturating_mul(PAGE_USERS);
        self.users_in(before.saturating_add(1)..=before.saturating_add(PAGE_USERS).min(self.users))
    }

    fn users_in(&self, ids: RangeInclusive<u32>) -> Users {
        let mut builder = UsersBuilder::with_capacity(ids.clone().count());
        let (mut username, mut email) = (String::new(), String::new());
        for id in ids {
            self.write_user(id, &mut username, &mut email);
            builder.push(UserRef { id, username: &username, email: &email });
        }
        builder.finish()
    }

    /// The fingerprint that the database must compute over these rows; visits every user once.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        let mut fingerprint = Fingerprint::default();
        let (mut username, mut email, mut row) = (String::new(), String::new(), String::new());
        for id in 1..=self.users {
            self.write_user(id, &mut username, &mut email);
            row.clear();
            let _ = write!(row, "{id},{username},{email}"); // writing to a String cannot fail
            fingerprint.add(crc32fast::hash(row.as_bytes()));
        }
        fingerprint
    }
}

/// Name pairs in a block.
const PAIRS: u32 = 100_000;

/// The contents of a table, in a form that SQL can compute too (`sql/fingerprint.sql`): the number
/// of rows, and the sum and the exclusive or of the CRC-32 of every row. Does not depend on the
/// order of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    pub(crate) rows: u64,
    pub(crate) crc_sum: u64,
    pub(crate) crc_xor: u32,
}

impl Fingerprint {
    fn add(&mut self, crc: u32) {
        self.rows += 1;
        self.crc_sum += u64::from(crc);
        self.crc_xor ^= crc;
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:x}-{:08x}", self.rows, self.crc_sum, self.crc_xor)
    }
}

/// First block: nothing, or the two digits of a year. Later blocks: eight numbers of their own from
/// 100 on.
fn number_behind(block: u32, style: u64) -> Option<u64> {
    match block {
        0 if style & 3 == 0 => Some(10 + (style >> 24) % 90),
        0 => None,
        _ => Some(100 + (u64::from(block) - 1) * 8 + (style & 7)),
    }
}

fn separator(style: u64) -> char {
    match style & 7 {
        0..=4 => '.',
        5..=6 => '_',
        _ => '-',
    }
}

fn write_name(
    text: &mut impl Write,
    first: usize,
    last: usize,
    separator: char,
    number: Option<u64>,
) -> fmt::Result {
    text.write_str(FIRST_NAMES[first])?;
    text.write_char(separator)?;
    text.write_str(LAST_NAMES[last])?;
    number.map_or(Ok(()), |number| write!(text, "{number}"))
}

fn domain(random: u64) -> &'static str {
    const TOTAL: u32 = {
        let (mut sum, mut index) = (0, 0);
        while index < DOMAINS.len() {
            sum += DOMAINS[index].1;
            index += 1;
        }
        sum
    };
    let mut left = below(random, TOTAL);
    for (name, weight) in DOMAINS {
        match left.checked_sub(weight) {
            None => return name,
            Some(rest) => left = rest,
        }
    }
    DOMAINS[0].0
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use proptest::prelude::*;

    use super::*;

    const DATA: DataSet = DataSet { users: 1000, rng_seed: DEFAULT_RNG_SEED };

    #[test]
    fn the_first_users_never_change() {
        let shown: Vec<_> =
            (1..=5).map(|id| DATA.user(id)).map(|u| format!("{} {}", u.username, u.email)).collect();
        insta::assert_debug_snapshot!(shown);
        // The integration tests hold the database's own fingerprint against the same file.
        let frozen = include_str!("../tests/snapshots/fingerprint_1000_42.txt");
        assert_eq!(DATA.fingerprint().to_string(), frozen.trim());
    }

    #[test]
    fn the_words_are_distinct_and_make_full_blocks() {
        assert_eq!(FIRST_NAMES.len() * LAST_NAMES.len(), PAIRS as usize);
        for words in [&FIRST_NAMES[..], &LAST_NAMES[..]] {
            assert_eq!(words.iter().collect::<HashSet<_>>().len(), words.len());
            assert!(words.iter().all(|word| word.bytes().all(|b| b.is_ascii_lowercase())));
        }
        assert_eq!(DOMAINS.iter().map(|d| d.0).collect::<HashSet<_>>().len(), DOMAINS.len());
    }

    #[test]
    fn names_and_addresses_are_unique_across_blocks() {
        let (mut names, mut emails) = (HashSet::new(), HashSet::new());
        for id in 1..=350_000 {
            let user = DATA.user(id);
            assert!(names.insert(user.username), "{user:?}");
            assert!(emails.insert(user.email), "{user:?}");
        }
    }

    #[test]
    fn domains_are_unevenly_popular() {
        let mut counts: HashMap<String, u32> = HashMap::new();
        for id in 1..=100_000 {
            let email = DATA.user(id).email;
            *counts.entry(email.split_once('@').unwrap().1.to_owned()).or_default() += 1;
        }
        assert_eq!(counts.len(), DOMAINS.len());
        let (most, least) = (counts.values().max().unwrap(), counts.values().min().unwrap());
        assert!(most / least > 50, "{most} {least}");
    }

    #[test]
    fn pages_follow_each_other_and_the_last_may_be_short() {
        let data = DataSet { users: 120, ..DATA };
        let lengths: Vec<usize> = (0..=4).map(|page| data.page(page).len()).collect();
        assert_eq!((data.pages(), lengths), (3, vec![50, 50, 50, 20, 0]));
        assert_eq!(DataSet { users: 3, ..DATA }.page(1).len(), 3);
        let pages: Users =
            (1..=3).map(|page| data.page(page)).collect::<Vec<_>>().iter().flat_map(Users::iter).collect();
        assert_eq!(pages, data.all());
        assert!(include_str!("../sql/select_page.sql").trim_end().ends_with(&format!("LIMIT {PAGE_USERS}")));
    }

    proptest! {
        #[test]
        fn every_user_fits_its_columns(rng_seed: u64, id: u32) {
            let data = DataSet { users: 1, rng_seed };
            let (mut username, mut email) = (String::new(), String::new());
            data.write_user(id, &mut username, &mut email);
            let user = data.user(id);
            prop_assert_eq!((user.id, user.username.as_str(), user.email.as_str()), (id, &username[..], &email[..]));
            prop_assert_eq!(User::new(id, &username, &email), Ok(user.clone()));
            prop_assert!(user.email.is_ascii() && user.email.ends_with(".example"));
        }

        #[test]
        fn another_rng_seed_names_other_users(rng_seed in 1u64.., id in 1u32..1000) {
            let other = DataSet { users: 1000, rng_seed: DATA.rng_seed.wrapping_add(rng_seed) };
            prop_assert!((id..id + 8).any(|id| other.user(id) != DATA.user(id)));
        }
    }
}

//! Plans of many sizes, and what they promise.

use std::collections::HashSet;

use clap::ValueEnum;
use proptest::prelude::*;

use super::super::keys::most_clients;
use super::*;
use crate::model::Codec;

const KINDS: [BlockKind; 3] = [
    BlockKind::Series(Series::MYSQL),
    BlockKind::Series(Series { path: ReadPath::Cold, codec: Some(Codec::Json) }),
    BlockKind::Series(Series { path: ReadPath::Warm, codec: Some(Codec::Json) }),
];

fn data(users: u32) -> DataSet {
    DataSet { users, rng_seed: 1 }
}

#[test]
fn a_shorter_run_asks_less() {
    for workload in Workload::value_variants() {
        let asked = [1, 10, 100, 1_000, 10_000].map(|iterations| {
            let plan = Plan::new(*workload, Amount::Reads(iterations), 1, data(100_000), None, 42);
            (plan.warm_up_rounds() + plan.rounds().unwrap()) * (plan.control_reads() + plan.block())
        });
        assert!(asked[0] <= 50 && asked.is_sorted(), "{workload:?}: {asked:?}");
    }
}

#[test]
fn the_usual_shapes() {
    let shape = |workload, iterations, clients| {
        let plan = Plan::new(workload, Amount::Reads(iterations), clients, data(100_000), None, 42);
        (plan.rounds().unwrap(), plan.block())
    };
    assert_eq!(shape(Workload::All, 100, 1), (100, 1));
    assert_eq!(shape(Workload::All, 100, 8), (13, 8));
    assert_eq!(shape(Workload::Point, 100, 1), (30, 4));
    assert_eq!(shape(Workload::Point, 10_000, 1), (30, 334));
    assert_eq!(shape(Workload::Point, 100_000, 1), (100, 1_000));
    assert_eq!(shape(Workload::Point, 1, 1), (1, 1));
    assert_eq!(shape(Workload::Aggregate, 100, 8), (13, 8));
    assert_eq!(shape(Workload::Page, 50_000, 1), (100, 500));
    assert_eq!(shape(Workload::Page, 10_000, 8), (30, 334));
    // 2,000 pages: 50 clients with blocks of 500 would read pages twice.
    assert_eq!(shape(Workload::Page, 100_000, 50), (50, 2_000));
    let few = Plan::new(Workload::Page, Amount::Reads(200), 2, data(70), None, 42);
    assert_eq!((few.first_items(20).len(), few.first_items(500).len()), (20, 200));
    assert_eq!((few.rounds(), few.block(), few.keys()), (Some(100), 2, 2));
    assert_eq!(most_clients(Workload::Page, data(70)), Some(2));
    assert_eq!(most_clients(Workload::Aggregate, data(70)), None);
}

#[test]
fn clients_share_a_queue_where_any_of_them_may_read_any_key() {
    let queues = |workload| Plan::new(workload, Amount::Reads(100), 8, data(100_000), None, 42).queues();
    assert_eq!([Workload::Point, Workload::Page].map(queues), [Queues::One; 2]);
    assert_eq!([Workload::All, Workload::Aggregate].map(queues), [Queues::OneAClient; 2]);
}

#[test]
fn dealt_reads_come_in_shorter_blocks_on_both_cores() {
    let plan = |workload: Workload, iterations: u64| {
        let core_rotation = CoreRotation::new(&[0, 1], 1, 42);
        Plan::new(workload, Amount::Reads(iterations), 1, data(100_000), core_rotation, 42)
    };
    let shape = |workload: Workload, iterations: u64| {
        let plan = plan(workload, iterations);
        (plan.rounds().unwrap(), plan.block())
    };
    assert_eq!(shape(Workload::All, 100), (100, 1));
    assert_eq!(shape(Workload::Point, 100), (30, 4));
    assert_eq!(shape(Workload::Point, 10_000), (200, 50));
    assert_eq!(shape(Workload::Page, 10_000), (200, 50));
    let (point, all) = (plan(Workload::Point, 10_000), plan(Workload::All, 100));
    assert_eq!((point.queues(), all.queues()), (Queues::OneAClient, Queues::OneAClient));
    for round in 0..10 {
        let mut cores = point.block_of(KINDS[0], round, 0).cores;
        assert_eq!(cores, point.block_of(KINDS[1], round, 0).cores, "every path on the same cores");
        cores.sort_unstable();
        assert_eq!(cores, [0, 1]);
        assert_eq!(all.block_of(KINDS[0], round, 0).cores.len(), 1);
        assert_eq!(point.control_cores(round, 0).len(), 2);
    }
}

#[test]
fn blocks_grow_to_their_usual_length_and_no_further() {
    let amount = Amount::Time(Duration::from_secs(5));
    let lengths = |workload, clients| {
        let mut plan = Plan::new(workload, amount, clients, data(100_000), None, 42);
        let mut lengths = vec![plan.block()];
        while plan.lengthen() {
            lengths.push(plan.block());
        }
        (lengths.len(), lengths.last().copied())
    };
    assert_eq!(lengths(Workload::Point, 1), (11, Some(1_000)));
    assert_eq!(lengths(Workload::Point, 8), (11, Some(8_000)));
    assert_eq!(lengths(Workload::Page, 50), (7, Some(2_000)));
    assert_eq!(lengths(Workload::All, 8), (1, Some(8)));
}

#[test]
fn controls_take_no_more_than_twice_as_many_round_trips_as_reads() {
    let amount = Amount::Time(Duration::from_secs(5));
    let mut plan = Plan::new(Workload::Point, amount, 4, data(100_000), None, 42);
    let mut controls = vec![plan.control_reads()];
    while plan.lengthen() {
        controls.push(plan.control_reads());
    }
    assert_eq!(controls[..5], [2, 4, 8, 10, 10]);
    let all = Plan::new(Workload::All, amount, 4, data(1_000), None, 42);
    assert_eq!(all.control_reads(), 10, "an answer of all users takes longer than these");
}

#[test]
fn short_reads_of_one_key_are_repeated_and_misses_are_not() {
    let amount = Amount::Time(Duration::from_secs(5));
    let mut plan = Plan::new(Workload::Aggregate, amount, 4, data(1_000), None, 42);
    KINDS.iter().for_each(|kind| plan.repeat(*kind, 30e3));
    let repeats = |plan: &Plan| KINDS.map(|kind| plan.block_of(kind, 0, 0).repeats);
    assert_eq!(repeats(&plan), [34, 1, 34]);
    KINDS.iter().for_each(|kind| plan.repeat(*kind, 1.5e6));
    assert_eq!(repeats(&plan), [10, 1, 10], "waiting for the last client costs a tenth of a block");
    KINDS.iter().for_each(|kind| plan.repeat(*kind, 7e6));
    assert_eq!(repeats(&plan), [2, 1, 2]);
    KINDS.iter().for_each(|kind| plan.repeat(*kind, 23e6));
    assert_eq!(repeats(&plan), [1; 3]);
    let mut alone = Plan::new(Workload::Aggregate, amount, 1, data(1_000), None, 42);
    alone.repeat(KINDS[2], 1.5e6);
    assert_eq!(repeats(&alone), [1; 3]);
    let mut point = Plan::new(Workload::Point, amount, 4, data(1_000), None, 42);
    point.repeat(KINDS[2], 30e3);
    assert_eq!(repeats(&point), [1; 3]);
    let mut fixed = Plan::new(Workload::Aggregate, Amount::Reads(100), 4, data(1_000), None, 42);
    fixed.repeat(KINDS[2], 30e3);
    assert_eq!(repeats(&fixed), [1; 3], "each path makes exactly the reads that were asked for");
}

proptest! {
    #[test]
    fn every_path_reads_exactly_the_iterations(
        workload in prop::sample::select(Workload::value_variants()),
        iterations in 1u64..5_000, clients in 1u64..20, users in 1u32..3_000, rng_seed: u64
    ) {
        let most = most_clients(workload, data(users)).map(u64::from);
        let clients = clients.min(most.unwrap_or(clients));
        let plan = Plan::new(workload, Amount::Reads(iterations), clients, data(users), None, rng_seed);
        let mut reads = 0;
        for round in 0..plan.rounds().unwrap() {
            let mut seen = HashSet::new();
            for client in 0..clients {
                for item in plan.block_of(KINDS[0], round, client).items {
                    reads += 1;
                    prop_assert!(seen.insert(item), "a key twice in a round");
                    prop_assert!(most.is_none_or(|most| (1..=most).contains(&u64::from(item))));
                }
            }
            prop_assert!(seen.len() as u64 <= plan.block());
        }
        prop_assert_eq!(reads, iterations);
    }

    #[test]
    fn a_block_at_a_hit_ratio_reads_the_same_with_so_many_entries_there(
        workload in prop::sample::select(Workload::value_variants()),
        hundreds in 1u64..20, clients in 1u64..20, percent in 0u8..=100, rng_seed: u64
    ) {
        let plan = Plan::new(workload, Amount::Reads(hundreds * 100), clients, data(3_000), None, rng_seed);
        let mut hits = 0;
        for (round, client) in (0..plan.rounds().unwrap()).flat_map(|round| (0..clients).map(move |client| (round, client))) {
            let mixed = plan.block_of(BlockKind::AtHitRatio { percent, codec: Codec::Json }, round, client);
            prop_assert_eq!(&mixed.items, &plan.block_of(KINDS[0], round, client).items);
            let mut arranged = [&mixed.present[..], &mixed.absent].concat();
            let mut items = mixed.items.clone();
            arranged.sort_unstable();
            items.sort_unstable();
            prop_assert_eq!(arranged, items);
            hits += mixed.present.len() as u64;
        }
        prop_assert_eq!(hits, hundreds * u64::from(percent));
    }

    #[test]
    fn a_round_of_open_length_is_a_function_of_its_number_and_repeats_no_key(
        workload in prop::sample::select(Workload::value_variants()),
        round in 0u64..1_000_000, doublings in 0u32..12, clients in 1u64..20, users in 1u32..3_000, rng_seed: u64
    ) {
        let most = most_clients(workload, data(users)).map(u64::from);
        let clients = clients.min(most.unwrap_or(clients));
        let amount = Amount::Time(Duration::from_secs(5));
        let mut plan = Plan::new(workload, amount, clients, data(users), None, rng_seed);
        prop_assert_eq!(plan.rounds(), None);
        for _ in 0..doublings {
            plan.lengthen();
        }
        let mut seen = HashSet::new();
        for client in 0..clients {
            let block = plan.block_of(KINDS[1], round, client);
            prop_assert_eq!(&block, &plan.block_of(KINDS[1], round, client));
            prop_assert!(!block.items.is_empty(), "every client has something to do");
            for item in block.items {
                prop_assert!(seen.insert(item), "a key twice in a round");
                prop_assert!(most.is_none_or(|most| (1..=most).contains(&u64::from(item))));
            }
        }
        prop_assert_eq!(seen.len() as u64, plan.block());
    }

    #[test]
    fn every_order_of_paths_comes_up(rng_seed: u64) {
        let plan = Plan::new(Workload::All, Amount::Reads(100), 1, data(100), None, rng_seed);
        let orders: Vec<Vec<BlockKind>> = (0..100).map(|round| plan.order(round, &KINDS)).collect();
        let distinct = orders.iter().enumerate().filter(|(at, order)| !orders[..*at].contains(order)).count();
        prop_assert_eq!(distinct, 6);
    }
}

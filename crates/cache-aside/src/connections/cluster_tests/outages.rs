//! Nodes that are silent, hidden from the account, or late to replicate.

use super::*;

/// Nodes that do not notice that another one is silent.
const CALM: Plan = Plan { node_timeout_ms: 60_000, ..Plan::THREE };

fn hasty() -> Options {
    Options::default().early_refresh(0.0).connect_timeout(ms(400)).reply_timeout(ms(400))
}

fn stop_all(cluster: &PrivateCluster) {
    (0..cluster.nodes()).for_each(|number| cluster.signal(number, "STOP"));
}

#[test]
fn many_keys_wait_for_silent_nodes_together() {
    let cluster = PrivateCluster::start(&CALM);
    let cache = Cache::connect(&cluster.url(0), hasty()).unwrap();
    read_all(&cache, 0..MANY);
    let keys: Vec<Key> = (0..MANY).map(|id| key(&id).unwrap()).collect();
    let keys: Vec<&Key> = keys.iter().collect();
    stop_all(&cluster);
    let is_quick = |what: &str, does: &dyn Fn()| {
        let began = Instant::now();
        does();
        // One wait for each key would be 48 s.
        assert!(began.elapsed() < Duration::from_secs(20), "{what}: {:?}", began.elapsed());
    };
    is_quick("mark", &|| drop(cache.mark(&keys).unwrap_err()));
    is_quick("invalidate", &|| assert_eq!(cache.invalidate_all(&keys).unwrap_err().keys().len(), keys.len()));
    let reader = Cache::connect(&cluster.url(0), hasty()).unwrap();
    (0..3).for_each(|number| cluster.signal(number, "CONT"));
    read_all(&reader, 0..MANY);
    stop_all(&cluster);
    let ids: Vec<u32> = (0..MANY).collect();
    let load = |ids: &[u32]| Ok::<_, Infallible>(ids.iter().map(|id| (*id, *id)).collect::<HashMap<_, _>>());
    is_quick("get_many", &|| assert_eq!(reader.get_many(&ids, key, load).unwrap().len(), ids.len()));
}

/// A reshard that ended half-way: what is not there may be where the slot was to go.
#[test]
fn keys_that_may_be_on_a_silent_node_do_not_each_wait_for_it() {
    let cluster = PrivateCluster::start(&CALM);
    let cache = Cache::connect(&cluster.url(0), hasty()).unwrap();
    read_all(&cache, 8..MANY);
    let from = cluster.keeper(slot(7));
    let to = (from + 1) % 3;
    cluster.begin_move(slot(7), from, to);
    cluster.signal(to, "STOP");
    let seen = counted(&cache, || (0..40).for_each(|_| read_all(&cache, 7..8)));
    assert_eq!(seen.loads, 40);
    assert!(seen.redis_errors < 20, "its breaker is heeded: {seen:?}");
    // A writer asks in any case.
    cache.invalidate(&key(&7).unwrap()).unwrap_err();
    cluster.signal(to, "CONT");
    let give_up_at = Instant::now() + PATIENT;
    while counted(&cache, || read_all(&cache, 7..8)).hits == 0 {
        assert!(Instant::now() < give_up_at, "{:?}", cache.last_error());
    }
}

#[test]
fn hits_do_not_wait_for_leases_on_a_silent_node() {
    let cluster = PrivateCluster::start(&CALM);
    let options = options().reply_timeout(Duration::from_secs(3)).lease(PATIENT).lease_wait(ms(10));
    let cache = Cache::connect(&cluster.url(0), options).unwrap();
    read_all(&cache, 1000..1000 + MANY);
    let (silent, living) = (id_on(&cluster, 0), id_on(&cluster, 1));
    read_all(&cache, living..living + 1);
    cache.flush();
    cluster.signal(0, "STOP");
    let miss = CallOptions::default().expects_miss(true);
    let value =
        cache.get_with(&key(&silent).unwrap(), &miss, || Ok::<_, Infallible>(Some(format!("row {silent}"))));
    assert_eq!(value.unwrap(), Some(format!("row {silent}")));
    let began = Instant::now();
    let hits = counted(&cache, || (0..20).for_each(|_| read_all(&cache, living..living + 1)));
    assert_eq!(hits.hits, 20);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    cluster.signal(0, "CONT");
    // The lease, which the silent node puts only now, is not waited for until it expires.
    let give_up_at = Instant::now() + PATIENT / 2;
    while counted(&cache, || read_all(&cache, silent..silent + 1)).hits == 0 {
        assert!(Instant::now() < give_up_at, "the lease was forgotten: {:?}", cache.stats());
        read_all(&cache, living..living + 1);
        thread::sleep(ms(5));
    }
}

#[test]
fn removals_that_a_late_replica_lacks_are_reported_also_where_nothing_stood() {
    let cluster = PrivateCluster::start(&Plan { primaries: 1, replicas: 1, ..CALM });
    let patient = || options().replicas(1).marker(PATIENT);
    let waits = || patient().reply_timeout(ms(2000));
    let connect = |options: Options| Cache::connect(&cluster.url(0), options).unwrap();
    let (cache, proceeds) = (connect(waits()), connect(waits().unmarked(crate::Unmarked::Proceed)));
    let key = |id: u32| key(&id).unwrap();
    let code = |error: &crate::StaleError| error.cause().server_code().map(str::to_owned);
    read_all(&cache, 0..5);
    let calm = connect(patient());
    let (finishes, loses) = (calm.mark(&[&key(3)]).unwrap(), cache.mark(&[&key(4)]).unwrap());
    cluster.say(0, &format!("DEL {}", name(4)));
    cluster.sync(0);
    cluster.signal(1, "STOP");
    // The first one removes the value, and the others find nothing, on old and new connections.
    for _ in 0..2 {
        for cache in [&cache, &connect(waits())] {
            let error = cache.invalidate(&key(0)).unwrap_err();
            assert_eq!(code(&error).as_deref(), Some("NOREPLICAS"), "{error}");
        }
    }
    for kind in ["thing", "nothing"] {
        let error = cache.invalidate_kind(kind).unwrap_err();
        assert_eq!(code(&error).as_deref(), Some("NOREPLICAS"), "{error}");
    }
    finishes.finish().expect("the replica has this marker");
    let error = loses.finish().expect_err("the replica may have the old value, and no marker");
    assert!(!error.is_marked() && error.keys() == [key(4)], "{error}");
    let late = proceeds.mark(&[&key(1)]).unwrap();
    assert_eq!(late.unreplicated().count(), 1);
    assert!(!late.finish().unwrap_err().is_marked());
    cluster.signal(1, "CONT");
    cluster.sync(0);
    calm.invalidate(&key(0)).unwrap();
    assert_eq!(calm.mark(&[&key(1)]).unwrap().finish().unwrap().lost(), []);
    calm.invalidate_kind("thing").unwrap();
}

#[test]
fn a_kind_is_removed_on_all_primaries_or_that_is_an_error() {
    let cluster = PrivateCluster::start(&CALM);
    for number in 0..3 {
        cluster.say(number, "ACL SETUSER blind on >pw ~* +@all -cluster");
        cluster.say(number, "ACL SETUSER half on >pw ~* +@all -cluster +cluster|nodes");
    }
    let whole = cache(&cluster, 0);
    read_all(&whole, 0..MANY);
    let with = |user: &str| {
        Cache::connect(&format!("redis://{user}:pw@127.0.0.1:{}", cluster.port(0)), options()).unwrap()
    };
    let error = with("blind").invalidate_kind("thing").unwrap_err();
    assert!(error.to_string().contains("+cluster|slots"), "{error}");
    // It learns of one other node, and not of the third.
    let half = with("half");
    read_all(&half, id_on(&cluster, 1)..id_on(&cluster, 1) + 1);
    assert!(half.core().connections.is_cluster());
    let error = half.invalidate_kind("thing").unwrap_err();
    assert!(error.to_string().contains("not all nodes"), "{error}");
    whole.invalidate_kind("thing").unwrap();
    assert_eq!((0..3).map(|number| cluster.say(number, "DBSIZE").integer().unwrap()).sum::<i64>(), 0);
}

#[test]
fn a_check_tries_what_is_used_where_it_is_used() {
    let cluster = PrivateCluster::start(&CALM);
    // All keys of this namespace have one slot, and two of the nodes keep none of them.
    let tagged = Cache::connect(&cluster.url(0), options().namespace("{app}")).unwrap();
    let report = tagged.check().unwrap();
    assert_eq!((report.cluster_primaries, report.warnings.len()), (Some(3), 0), "{report}");
    let waits = options().replicas(1).reply_timeout(ms(4000));
    let report = Cache::connect(&cluster.url(0), waits.clone()).unwrap().check().unwrap();
    assert!(report.warnings.iter().all(|warning| warning.contains("replicas")), "{report}");
    assert_eq!(report.warnings.len(), 3, "{report}");
    for number in 0..3 {
        cluster.say(number, "ACL SETUSER hurried on >pw ~* +@all -wait");
    }
    let hurried = format!("redis://hurried:pw@127.0.0.1:{}", cluster.port(0));
    let error = Cache::connect(&hurried, waits).unwrap().check().unwrap_err().to_string();
    assert!(error.contains("WAIT"), "{error}");
    Cache::connect(&hurried, options()).unwrap().check().expect("it is not needed without replicas");
}

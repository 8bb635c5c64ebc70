//! Client threads: one for each client, and a coordinator on the thread that started them. Measured
//! rounds, experiments and traffic use the same ones.

use std::thread;

/// Runs `work` for each client in a thread of its own, and `coordinate` on this one; `coordinate`
/// can ask whether a client is still at work. Returns when all threads have ended: the
/// coordinator's result, and those of the clients in their order. The result of a client that
/// panicked is its panic.
pub(crate) fn run<C: Send, T: Send, R>(
    clients: Vec<C>,
    work: impl Fn(C) -> T + Sync,
    coordinate: impl FnOnce(&dyn Fn() -> bool) -> R,
) -> (R, Vec<thread::Result<T>>) {
    let work = &work;
    thread::scope(|scope| {
        let threads: Vec<_> = clients.into_iter().map(|client| scope.spawn(move || work(client))).collect();
        let coordinated = coordinate(&|| threads.iter().any(|thread| !thread.is_finished()));
        (coordinated, threads.into_iter().map(thread::ScopedJoinHandle::join).collect())
    })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn results_come_in_order_beside_that_of_the_coordinator() {
        let (send, receive) = mpsc::channel();
        let work = |client: u32| {
            send.send(client).unwrap();
            client * 2
        };
        let (sum, results) =
            run((0..8).collect(), work, |_| (0..8).map(|_| receive.recv().unwrap()).sum::<u32>());
        assert_eq!(sum, 28);
        let results: Vec<u32> = results.into_iter().map(Result::unwrap).collect();
        assert_eq!(results, [0, 2, 4, 6, 8, 10, 12, 14]);
    }

    #[test]
    fn a_panic_is_the_result_of_its_client_alone() {
        let work = |client: u32| assert_eq!(client, 0, "on purpose");
        let ((), results) = run(vec![0, 1], work, |is_running| while is_running() {});
        assert!(results[0].is_ok() && results[1].is_err());
    }
}

//! Requests at the same time.

use std::sync::Barrier;

/// Runs all of them at the same moment.
pub fn at_once<T: Send>(works: Vec<Box<dyn FnOnce() -> T + Send + '_>>) -> Vec<T> {
    let barrier = Barrier::new(works.len());
    std::thread::scope(|scope| {
        let threads: Vec<_> = works
            .into_iter()
            .map(|work| {
                let barrier = &barrier;
                scope.spawn(move || {
                    barrier.wait();
                    work()
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("the thread ends"))
            .collect()
    })
}

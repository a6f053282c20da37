//! Work that the cores share.

use std::sync::{Mutex, PoisonError};

use tracing::info_span;

/// Does something with each item, on each core one at a time, in threads of this name beside this one, each with a helper of
/// its own. The results are in the order of the items. Where the system gives no thread, this one does it all.
///
/// # Panics
/// When `work` does.
pub(crate) fn share<I: Send, H, R: Send>(
    name: &str,
    items: Vec<I>,
    helper: impl Fn() -> H + Sync,
    work: impl Fn(&mut H, I) -> R + Sync,
) -> Vec<R> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from).min(items.len());
    let queue = Mutex::new(items.into_iter().enumerate());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let run = || {
        let mut helper = helper();
        std::iter::from_fn(next).map(|(i, item)| (i, work(&mut helper, item))).collect::<Vec<_>>()
    };
    let mut done = std::thread::scope(|scope| {
        let thread = |i| std::thread::Builder::new().name(format!("{name} {i}")).spawn_scoped(scope, run);
        let others: Vec<_> = (1..cores).filter_map(|i| thread(i).ok()).collect();
        let mut done = run();
        let _span = info_span!("wait for other threads").entered();
        for other in others {
            done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    });
    done.sort_by_key(|(i, _)| *i);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let squares = share(
            "square",
            (0..1000).collect(),
            || 0,
            |seen, i: u64| {
                *seen += 1;
                (i * i, *seen)
            },
        );
        assert!(squares.iter().zip(0..).all(|((square, seen), i)| *square == i * i && *seen >= 1));
        assert_eq!(squares.len(), 1000);
        assert!(share("nothing", Vec::<u8>::new(), || (), |(), _| ()).is_empty());
    }
}

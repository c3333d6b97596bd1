//! The sequence lock under every interleaving and every reordering that the memory model allows.
//!
//! `src/sequence.rs` is included unchanged, with loom's atomics instead of those of `core`.

#[path = "../src/sequence.rs"]
mod sequence;

mod sync {
    pub use loom::sync::atomic::{AtomicU32, Ordering, fence};
}

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering::Relaxed};
use sequence::{Sequence, Written};

/// Every interleaving with up to three preemptions; four take minutes and cover no more.
fn model(test: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(test);
}

/// The protected data: two words that the writer keeps equal.
struct Page {
    sequence: Sequence,
    written: Written,
    words: [AtomicU64; 2],
}

impl Page {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            sequence: Sequence::new(),
            written: Written::new(),
            words: [0; 2].map(AtomicU64::new),
        })
    }

    fn write(&self, value: u64) {
        self.sequence.write(|ticket| {
            self.words
                .iter()
                .for_each(|word| word.store(value, Relaxed));
            self.written.end(ticket);
        });
    }

    /// One attempt to read, as in `reader::quick`.
    fn read(&self) -> Option<[u64; 2]> {
        let ticket = self.written.enter();
        let words = [0, 1].map(|index: usize| self.words[index].load(Relaxed));
        self.sequence.holds(ticket).then_some(words)
    }
}

#[test]
fn no_torn_read_is_returned() {
    model(|| {
        let page = Page::new();
        let writer = {
            let page = page.clone();
            loom::thread::spawn(move || {
                page.write(1);
                page.write(2);
            })
        };
        // ANCHOR: torn
        if let Some(words) = page.read() {
            assert_eq!(words[0], words[1], "torn");
        }
        // ANCHOR_END: torn
        writer.join().unwrap();
        assert_eq!(page.read(), Some([2; 2]), "reads succeed without a writer");
    });
}

#[test]
fn readers_see_values_in_order() {
    model(|| {
        let page = Page::new();
        let writer = {
            let page = page.clone();
            loom::thread::spawn(move || page.write(1))
        };
        let first = page.read();
        let second = page.read();
        if let (Some(first), Some(second)) = (first, second) {
            assert!(
                first[0] <= second[0],
                "backwards: {first:?} then {second:?}"
            );
        }
        writer.join().unwrap();
    });
}

#[test]
fn a_revoked_part_has_no_value() {
    model(|| {
        let page = Page::new();
        page.write(1);
        page.written.revoke();
        assert_eq!(page.read(), None);
        page.write(2);
        assert_eq!(page.read(), Some([2; 2]));
    });
}

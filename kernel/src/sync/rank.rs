//! The order of locks: a [`Mutex`](super::Mutex) names its rank in its type.

/// A rank: a place in the order.
pub trait Rank {
    /// The place; a lock is taken only while those held have lower ones.
    const ORDER: usize;
    /// What messages and `docs/LOCKS.md` call it.
    const NAME: &'static str;
}

/// The order of [`Unranked`].
pub const UNRANKED: usize = 0;

/// No rank: may be taken at any time.
pub struct Unranked;

impl Rank for Unranked {
    const ORDER: usize = UNRANKED;
    const NAME: &'static str = "a lock without a rank";
}

/// The name of the rank at this place.
#[cfg(debug_assertions)]
pub const fn name(_order: usize) -> &'static str {
    Unranked::NAME
}

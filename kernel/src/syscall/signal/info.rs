//! `siginfo_t` as an argument of a call, in the layout of its table.

use crate::abi::signal::SigInfo;
use crate::process::signal::layout::{Info32, Info64, from_32, from_64, to_32, to_64};
use crate::usercopy::Pod;

/// `siginfo_t` in user memory.
pub trait Info: Pod {
    /// Encodes the structure.
    fn new(info: &SigInfo) -> Self;
    /// The signal's number.
    fn signo(&self) -> i32;
    /// The structure with another number.
    fn with_signo(self, signo: i32) -> Self;
    /// Decodes the structure; the number selects the form of the union.
    fn parse(&self) -> SigInfo;
}

impl Info for Info64 {
    fn new(info: &SigInfo) -> Self {
        to_64(info)
    }

    fn signo(&self) -> i32 {
        self[0] as i32
    }

    fn with_signo(mut self, signo: i32) -> Self {
        self[0] = self[0] & !u64::from(u32::MAX) | u64::from(signo as u32);
        self
    }

    fn parse(&self) -> SigInfo {
        from_64(self)
    }
}

impl Info for Info32 {
    fn new(info: &SigInfo) -> Self {
        to_32(info)
    }

    fn signo(&self) -> i32 {
        self[0] as i32
    }

    fn with_signo(mut self, signo: i32) -> Self {
        self[0] = signo as u32;
        self
    }

    fn parse(&self) -> SigInfo {
        from_32(self)
    }
}

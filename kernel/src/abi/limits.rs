//! Resource limits (getrlimit(2)), with Linux's defaults.

use linux_raw_sys::general as linux;

/// "No limit".
pub const INFINITY: u64 = u64::MAX;
/// Default of RLIMIT_STACK in bytes.
pub const STACK_LIMIT: u64 = 8 << 20;
/// Number of limits (RLIM_NLIMITS).
pub const COUNT: usize = 16;

/// (soft, hard) by resource.
#[derive(Clone, Debug)]
pub struct Limits(pub [(u64, u64); COUNT]);

impl Default for Limits {
    fn default() -> Self {
        let mut limits = [(INFINITY, INFINITY); COUNT];
        limits[linux::RLIMIT_STACK as usize] = (STACK_LIMIT, INFINITY);
        limits[linux::RLIMIT_CORE as usize] = (0, INFINITY);
        limits[linux::RLIMIT_NOFILE as usize] = (1024, 4096);
        limits[linux::RLIMIT_NPROC as usize] = (4096, 4096);
        limits[linux::RLIMIT_MEMLOCK as usize] = (8 << 20, 8 << 20);
        limits[linux::RLIMIT_SIGPENDING as usize] = (4096, 4096);
        limits[linux::RLIMIT_MSGQUEUE as usize] = (819_200, 819_200);
        limits[linux::RLIMIT_NICE as usize] = (0, 0);
        limits[linux::RLIMIT_RTPRIO as usize] = (0, 0);
        Self(limits)
    }
}

impl Limits {
    /// The soft limit of `resource`.
    pub fn soft(&self, resource: u32) -> u64 {
        self.get(resource).map_or(INFINITY, |limit| limit.0)
    }

    /// (soft, hard) limits of `resource`; `None` for an unknown one.
    pub fn get(&self, resource: u32) -> Option<(u64, u64)> {
        self.0.get(resource as usize).copied()
    }
}

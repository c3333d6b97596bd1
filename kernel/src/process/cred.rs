//! Credentials of a thread and its process, and the side effects of a change (kernel/cred.c).

use alloc::sync::Arc;
use core::sync::atomic::Ordering;

use super::task::Task;
use crate::abi::cred::Credentials;

impl Task {
    /// The thread's credentials.
    pub fn cred(&self) -> Arc<Credentials> {
        self.cred.lock().clone()
    }

    /// Replaces the credentials without side effects.
    pub fn set_cred(&self, new: Arc<Credentials>) {
        if self.tid() == self.process.pid {
            self.process.cred.set(new.clone());
        }
        self.cred.set(new);
    }

    /// Replaces the credentials. If the user or group changes or capabilities are gained, the
    /// process is no longer dumpable (its memory may hold secrets of the new user) and the
    /// parent-death signal is cleared (commit_creds in kernel/cred.c).
    pub fn commit_cred(&self, new: Credentials) {
        let old = self.cred();
        if new.acts_otherwise(&old) {
            self.process.is_dumpable.store(false, Ordering::Relaxed);
            self.attributes.lock().parent_death_signal = 0;
        }
        self.set_cred(Arc::new(new));
    }
}

//! The credentials of a thread and of its process, and what a change of them brings about.

use alloc::sync::Arc;
use core::sync::atomic::Ordering;

use super::task::Task;
use crate::abi::cred::Credentials;

impl Task {
    /// Its credentials.
    pub fn cred(&self) -> Arc<Credentials> {
        self.cred.lock().clone()
    }

    /// Gives it others without any of what a change of them brings about.
    pub fn set_cred(&self, new: Arc<Credentials>) {
        if self.tid() == self.process.pid {
            self.process.cred.set(new.clone());
        }
        self.cred.set(new);
    }

    /// Has it act as `new` says. Where that is another user or more than before, what it has in
    /// memory is not for who might have looked there before, and its parent's end doesn't signal
    /// it (commit_creds in kernel/cred.c).
    pub fn commit_cred(&self, new: Credentials) {
        let old = self.cred();
        if new.acts_otherwise(&old) {
            self.process.is_dumpable.store(false, Ordering::Relaxed);
            self.attributes.lock().parent_death_signal = 0;
        }
        self.set_cred(Arc::new(new));
    }
}

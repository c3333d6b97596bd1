//! What a FIFO or a socket file leads to: the pipe while the FIFO is open, the socket while it is
//! bound. A slot of the file's inode, as Linux's `i_pipe`.

use alloc::sync::{Arc, Weak};
use core::any::Any;

use crate::sync::{Mutex, rank};

/// The slot. It doesn't keep the object.
#[derive(Default)]
pub struct Endpoint(Mutex<Option<Weak<dyn Any + Send + Sync>>, rank::Endpoints>);

impl Endpoint {
    /// The object, if there is one of this type.
    pub fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        let object = self.0.lock().as_ref()?.upgrade()?;
        object.downcast().ok()
    }

    /// Sets the object, which clears the slot when it ends.
    pub fn set<T: Any + Send + Sync>(&self, object: &Arc<T>) {
        let object: Weak<T> = Arc::downgrade(object);
        self.0.set(Some(object));
    }

    /// Removes the object.
    pub fn clear(&self) {
        self.0.set(None);
    }
}

//! mdBook's own warnings, which it logs: unclosed elements, links that lead out of the book.

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Does `work`, and returns the warnings that are logged meanwhile.
///
/// # Errors
/// The work fails.
pub fn during(work: impl FnOnce() -> Result<()>) -> Result<Vec<String>> {
    let warnings = Arc::new(Mutex::new(Vec::new()));
    let collector = Collector {
        warnings: warnings.clone(),
    };
    tracing::subscriber::with_default(collector, work)?;
    let warnings = std::mem::take(&mut *warnings.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(warnings)
}

/// Collects warnings and errors.
struct Collector {
    warnings: Arc<Mutex<Vec<String>>>,
}

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut message = Message(String::from("mdBook: "));
        event.record(&mut message);
        self.warnings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(message.0.lines().next().unwrap_or_default().to_owned());
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            let _ = write!(self.0, "{value:?}");
        }
    }
}

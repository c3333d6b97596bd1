//! QEMU's reason for a shutdown.
//!
//! QEMU connects its control channel (QMP) to a Unix socket of ours when it starts, and sends a
//! SHUTDOWN event with a reason when the guest powers off or is reset. Its exit status is the same
//! for both.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::{self, JoinHandle};

use serde_json::Value;

/// The socket that a QEMU about to be started will connect to.
#[derive(Debug)]
pub struct Channel {
    path: PathBuf,
    listener: UnixListener,
}

/// Listens to a running QEMU; [`Watch::reason`] returns the result.
#[derive(Debug)]
pub struct Watch {
    path: PathBuf,
    thread: JoinHandle<Option<String>>,
}

impl Channel {
    /// Opens the socket in `directory`, whose path must be short (108 bytes at most, with the
    /// socket's name: the size of `sun_path`).
    pub fn open(directory: &Path) -> io::Result<Self> {
        let path = directory.join("qmp");
        let listener = UnixListener::bind(&path)?;
        Ok(Self { path, listener })
    }

    /// Adds the options that make QEMU connect to this channel.
    pub fn arguments(&self, qemu: &mut Command) {
        qemu.arg("-chardev")
            .arg(format!("socket,id=qmp,path={}", self.path.display()));
        qemu.args(["-mon", "chardev=qmp,mode=control"]);
    }

    /// Starts listening. QEMU may already run, or still be about to start.
    pub fn watch(self) -> Watch {
        let Self { path, listener } = self;
        let thread = thread::spawn(move || {
            let (stream, _) = listener.accept().ok()?;
            listen(stream)
        });
        Watch { path, thread }
    }
}

impl Watch {
    /// The reason of the last SHUTDOWN event; call it after QEMU has ended.
    pub fn reason(self) -> Option<String> {
        // Wakes the listener where QEMU ended before it had connected. Where it did connect,
        // this extra connection is never accepted.
        drop(UnixStream::connect(&self.path));
        self.thread.join().ok().flatten()
    }
}

/// Reads events until QEMU closes the channel.
fn listen(mut stream: UnixStream) -> Option<String> {
    // QMP sends no events before this command.
    stream
        .write_all(b"{\"execute\":\"qmp_capabilities\"}\n")
        .ok()?;
    let mut reason = None;
    for line in BufReader::new(stream).lines() {
        let Ok(line) = line else { break };
        if let Some(found) = shutdown_reason(&line) {
            reason = Some(found);
        }
    }
    reason
}

fn shutdown_reason(line: &str) -> Option<String> {
    let message: Value = serde_json::from_str(line).ok()?;
    if message["event"] != "SHUTDOWN" {
        return None;
    }
    message["data"]["reason"].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_found_in_the_event_only() {
        let event = r#"{"event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-reset"}}"#;
        assert_eq!(shutdown_reason(event).as_deref(), Some("guest-reset"));
        assert_eq!(shutdown_reason(r#"{"event": "RESUME"}"#), None);
        assert_eq!(shutdown_reason("not JSON"), None);
    }
}

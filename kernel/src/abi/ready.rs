//! Readiness of an open file (poll(2)).

bitflags::bitflags! {
    /// Readiness of an open file, with the values of poll(2).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Ready: u16 {
        /// Data to read (POLLIN | POLLRDNORM).
        const READ = 0x41;
        /// Room to write (POLLOUT | POLLWRNORM).
        const WRITE = 0x104;
        /// Error (POLLERR).
        const ERROR = 0x08;
        /// Peer closed (POLLHUP).
        const HANGUP = 0x10;
        /// Exceptional condition: urgent data, a terminal's status (POLLPRI).
        const PRIORITY = 0x02;
        /// Not a file to wait for (POLLNVAL).
        const INVALID = 0x20;
        /// Peer shut down writing (POLLRDHUP).
        const READ_HANGUP = 0x2000;
    }
}

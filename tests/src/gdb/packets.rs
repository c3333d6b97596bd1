//! gdb's remote protocol: `$text#checksum`, answered by `+` and a packet of the same kind
//! (gdb manual, appendix E).

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

/// Time limit between two stops of the machine: Linux's boot takes a while on a busy host.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(150);

/// A connection to a gdb stub.
#[derive(Debug)]
pub struct Packets {
    input: BufReader<UnixStream>,
    output: UnixStream,
}

impl Packets {
    /// Wraps a connection.
    ///
    /// # Errors
    /// Those of the socket.
    pub fn new(stream: UnixStream) -> Result<Self> {
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        let output = stream.try_clone()?;
        Ok(Self {
            input: BufReader::new(stream),
            output,
        })
    }

    /// Sends a packet.
    ///
    /// # Errors
    /// Those of the socket.
    pub fn send(&mut self, text: &str) -> Result<()> {
        let sum = text.bytes().fold(0u8, u8::wrapping_add);
        write!(self.output, "${text}#{sum:02x}")?;
        Ok(())
    }

    /// Sends a packet and waits for the answer to it.
    ///
    /// # Errors
    /// Those of the socket, or the stub closed it.
    pub fn ask(&mut self, text: &str) -> Result<String> {
        self.send(text)?;
        self.receive()
            .with_context(|| format!("no answer to {text:?}"))
    }

    /// Sends a packet that lets the machine run, and stops the machine after this time if it has not
    /// stopped by itself.
    ///
    /// # Errors
    /// Those of the socket, or the stub closed it.
    pub fn ask_within(&mut self, text: &str, time: Duration) -> Result<String> {
        /// What Ctrl-C sends: no packet, one byte.
        const INTERRUPT: u8 = 3;
        self.send(text)?;
        // The acknowledgement comes at once, the answer when the machine stops.
        while self.byte()? != b'+' {}
        self.output.set_read_timeout(Some(time))?;
        let has_stopped = match self.input.fill_buf() {
            Ok(bytes) => !bytes.is_empty(),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => false,
            Err(error) => return Err(error.into()),
        };
        self.output.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        if !has_stopped {
            self.output.write_all(&[INTERRUPT])?;
        }
        self.receive().context("the machine has ended")
    }

    /// Sends a packet whose expected answer is "OK".
    ///
    /// # Errors
    /// Another answer.
    pub fn ok(&mut self, text: &str) -> Result<()> {
        let answer = self.ask(text)?;
        ensure!(answer == "OK", "{text:?} was answered by {answer:?}");
        Ok(())
    }

    fn receive(&mut self) -> Result<String> {
        // The acknowledgement of our packet comes before the answer.
        while self.byte()? != b'$' {}
        let mut text = String::new();
        loop {
            match self.byte()? {
                b'#' => break,
                // `x*n` is x and n - 29 more of it.
                b'*' => {
                    let more = self.byte()?.saturating_sub(29);
                    let Some(last) = text.chars().last() else {
                        bail!("a repeat count without a character")
                    };
                    text.extend(std::iter::repeat_n(last, usize::from(more)));
                }
                byte => text.push(char::from(byte)),
            }
        }
        let _checksum = (self.byte()?, self.byte()?); // the socket loses nothing
        self.output.write_all(b"+")?;
        Ok(text)
    }

    fn byte(&mut self) -> Result<u8> {
        let mut byte = [0];
        self.input.read_exact(&mut byte)?;
        Ok(byte[0])
    }
}

/// Two hexadecimal digits for each byte.
pub fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of a text of hexadecimal digits; `None` for any other text.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|pair| {
            u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16)
                .ok()
                .filter(|_| pair.len() == 2)
        })
        .collect()
}

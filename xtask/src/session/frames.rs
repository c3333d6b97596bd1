//! Parser of the serial line's bytes: init's frames, and the text between them.
//!
//! `user/bin/src/bin/init/frame.rs` describes the format.

const RS: u8 = 0x1e;
const DLE: u8 = 0x10;
/// Longest frame: the kernel sends no more in one piece.
const LONGEST: usize = 256;

/// How the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With this status.
    Exit(u8),
    /// By this signal.
    Signal(u8),
}

/// A frame or a text from the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// Text outside of frames: the kernel's, or the terminal's.
    Text(&'a [u8]),
    /// Everything is set up.
    Ready,
    /// Bytes of standard output.
    Output(Vec<u8>),
    /// Bytes of standard error.
    Error(Vec<u8>),
    /// The program ended.
    Ended(Ended),
    /// The time limit passed; init ends what still runs.
    Limit,
    /// Bytes of the archive of the working directory.
    Archive(Vec<u8>),
    /// The program can't be started, for this reason.
    NotStarted(String),
}

/// Bytes that are not parsed yet.
#[derive(Debug, Default)]
pub struct Frames {
    /// A frame's first bytes.
    mark: Vec<u8>,
    rest: Vec<u8>,
}

impl Frames {
    /// Frames with this token.
    pub fn new(token: &str) -> Self {
        Self {
            mark: [&[RS], token.as_bytes()].concat(),
            rest: Vec::new(),
        }
    }

    /// Calls `on` with each event that these bytes complete.
    pub fn take_apart(&mut self, bytes: &[u8], mut on: impl FnMut(Event<'_>)) {
        self.rest.extend_from_slice(bytes);
        let all = std::mem::take(&mut self.rest);
        let mut rest = &all[..];
        while !rest.is_empty() {
            match self.first(rest) {
                Some((event, len)) => {
                    on(event);
                    rest = &rest[len..];
                }
                None => break,
            }
        }
        self.rest = rest.to_vec();
    }

    /// The first event, and its length; none where it is incomplete.
    fn first<'a>(&self, bytes: &'a [u8]) -> Option<(Event<'a>, usize)> {
        let text = |len: usize| Some((Event::Text(&bytes[..len]), len));
        let at = bytes.iter().position(|byte| *byte == RS);
        if at != Some(0) {
            return text(at.unwrap_or(bytes.len()));
        }
        let known = self.mark.len().min(bytes.len());
        if bytes[..known] != self.mark[..known] {
            return text(1);
        }
        match bytes.iter().position(|byte| *byte == b'\n') {
            Some(end) => match event(&bytes[self.mark.len()..end]) {
                Some(event) => Some((event, end + 1)),
                None => text(1),
            },
            None if bytes.len() >= LONGEST => text(1),
            None => None,
        }
    }
}

/// A frame's content: its kind, then its bytes. A terminal may have added a carriage return.
fn event(frame: &[u8]) -> Option<Event<'static>> {
    let (kind, body) = frame.strip_suffix(b"\r").unwrap_or(frame).split_first()?;
    let mut bytes = Vec::with_capacity(body.len());
    let mut body = body.iter();
    while let Some(&byte) = body.next() {
        bytes.push(match byte {
            DLE => body.next()?.wrapping_sub(0x40),
            byte => byte,
        });
    }
    Some(match *kind {
        b'R' => Event::Ready,
        b'O' => Event::Output(bytes),
        b'E' => Event::Error(bytes),
        b'L' => Event::Limit,
        b'A' => Event::Archive(bytes),
        b'X' => Event::Ended(ended(&bytes)?),
        b'F' => Event::NotStarted(String::from_utf8(bytes).ok()?),
        _ => return None,
    })
}

fn ended(words: &[u8]) -> Option<Ended> {
    let (how, number) = str::from_utf8(words).ok()?.split_once(' ')?;
    let number = number.parse().ok()?;
    match how {
        "exit" => Some(Ended::Exit(number)),
        "signal" => Some(Ended::Signal(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As init writes a frame, and as the line ends it.
    fn frame(kind: u8, bytes: &[u8], end: &[u8]) -> Vec<u8> {
        let mut frame = b"\x1etoken".to_vec();
        frame.push(kind);
        for &byte in bytes {
            match byte {
                0..0x20 => frame.extend([DLE, byte + 0x40]),
                byte => frame.push(byte),
            }
        }
        frame.extend(end);
        frame
    }

    /// The text, the output and the ends in what comes in parts of this size.
    fn apart(bytes: &[u8], size: usize) -> (Vec<u8>, Vec<u8>, Vec<Ended>) {
        let mut frames = Frames::new("token");
        let (mut text, mut output, mut ends) = (Vec::new(), Vec::new(), Vec::new());
        for part in bytes.chunks(size) {
            frames.take_apart(part, |event| match event {
                Event::Text(bytes) => text.extend_from_slice(bytes),
                Event::Output(bytes) => output.extend(bytes),
                Event::Ended(end) => ends.push(end),
                other => panic!("{other:?}"),
            });
        }
        (text, output, ends)
    }

    #[test]
    fn frames_and_text_are_parted_however_they_come() {
        let every: Vec<u8> = (0..=255).collect();
        let line = [
            b"boot \x1e\x1etok \n".to_vec(),
            frame(b'O', &every[..128], b"\n"),
            b"kernel\r\n".to_vec(),
            frame(b'O', &every[128..], b"\r\n"),
            frame(b'X', b"signal 11", b"\n"),
            b"\x1etokenQ?\n".to_vec(),
        ]
        .concat();
        for size in [1, 2, 3, 7, 64, 1000] {
            let (text, output, ends) = apart(&line, size);
            assert_eq!(text, b"boot \x1e\x1etok \nkernel\r\n\x1etokenQ?\n");
            assert_eq!(output, every);
            assert_eq!(ends, [Ended::Signal(11)]);
        }
    }

    #[test]
    fn a_frame_without_an_end_holds_nothing_up() {
        let line = [b"\x1etokenO".to_vec(), vec![b'x'; 1000]].concat();
        let (text, output, _) = apart(&line, 10);
        assert!(output.is_empty());
        assert!(text.len() > line.len() - LONGEST);
    }
}

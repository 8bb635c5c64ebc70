//! Input that a person or a program may never finish: after an interrupt it fails instead of
//! waiting for more.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;

use super::check;

/// Time between two looks for an interrupt while nothing comes.
const LOOK: Duration = Duration::from_millis(50);
const PIECE_BYTES: usize = 64 * 1024;

/// A file to read from.
#[derive(Debug)]
pub(crate) enum Input {
    /// A regular file, which is there as a whole and can be read again.
    File(File),
    /// A pipe, a terminal or a device.
    Stream(Stream),
}

/// Bytes that a thread of their own reads.
#[derive(Debug)]
pub(crate) struct Stream {
    pieces: Receiver<io::Result<Vec<u8>>>,
    piece: Vec<u8>,
    /// The part of the piece that was handed out.
    at: usize,
}

/// Reads standard input.
pub(crate) fn stdin() -> io::Result<Stream> {
    Stream::new(|| Ok(io::stdin().lock()))
}

/// Opens what the path names. Opening a named pipe may wait for its writer, also after this has
/// returned.
pub(crate) fn open(path: &Path) -> io::Result<Input> {
    let found = fs::metadata(path)?;
    if found.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if found.is_file() {
        return File::open(path).map(Input::File);
    }
    let path = path.to_owned();
    Stream::new(move || File::open(path)).map(Input::Stream)
}

impl Stream {
    /// Reads on a thread, which may be left waiting when the program ends.
    fn new<R: Read>(open: impl FnOnce() -> io::Result<R> + Send + 'static) -> io::Result<Self> {
        let (sender, pieces) = mpsc::sync_channel(1);
        let work = move || match open() {
            Ok(input) => send(input, &sender),
            Err(error) => {
                // If that fails, the error is not wanted any more.
                let _ = sender.send(Err(error));
            }
        };
        std::thread::Builder::new().name("input".to_owned()).spawn(work)?;
        Ok(Self { pieces, piece: Vec::new(), at: 0 })
    }
}

fn send(mut input: impl Read, sender: &SyncSender<io::Result<Vec<u8>>>) {
    loop {
        let mut piece = vec![0; PIECE_BYTES];
        let outcome = input.read(&mut piece).map(|count| {
            piece.truncate(count);
            piece
        });
        let is_last = !matches!(&outcome, Ok(piece) if !piece.is_empty());
        if sender.send(outcome).is_err() || is_last {
            return;
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at >= self.piece.len() {
            match self.pieces.recv_timeout(LOOK) {
                Ok(piece) => (self.piece, self.at) = (piece?, 0),
                // Not of the kind Interrupted, which readers try again.
                Err(RecvTimeoutError::Timeout) => check().map_err(io::Error::other)?,
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
            }
        }
        let rest = self.piece.get(self.at..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        if let (Some(from), Some(to)) = (rest.get(..count), buffer.get_mut(..count)) {
            to.copy_from_slice(from);
        }
        self.at += count;
        Ok(count)
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(buffer),
            Self::Stream(stream) => stream.read(buffer),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_pipe_and_a_file_are_read_to_their_end() {
        let folder = tempfile::tempdir().unwrap();
        let (pipe, file) = (folder.path().join("pipe"), folder.path().join("file"));
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let text = "text ".repeat(50_000);
        fs::write(&file, &text).unwrap();
        let read = |path: &Path| {
            let mut got = String::new();
            open(path).unwrap().read_to_string(&mut got).unwrap();
            got
        };
        assert!(read(&file) == text);
        let got = std::thread::scope(|scope| {
            let got = scope.spawn(|| read(&pipe));
            File::options().write(true).open(&pipe).unwrap().write_all(text.as_bytes()).unwrap();
            got.join().unwrap()
        });
        assert!(got == text);
        assert_eq!(open(folder.path()).unwrap_err().kind(), io::ErrorKind::IsADirectory);
        assert_eq!(open(&folder.path().join("x")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}

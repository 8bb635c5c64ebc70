//! Writes to a pipe, whose reader may take its time.

use std::fs::File;
use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

use crate::interrupt;

/// Time between two tries to write into a full pipe.
const PAUSE: Duration = Duration::from_millis(20);
/// After an interrupt, a reader that has taken nothing for this time is given up.
const PATIENCE: Duration = Duration::from_secs(1);

/// Writes all bytes. A file whose writes do not wait is waited for here, with a look at the
/// interrupt.
pub(super) fn write(file: &mut File, mut rest: &[u8]) -> io::Result<()> {
    let mut last = Instant::now();
    while !rest.is_empty() {
        match file.write(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => {
                rest = rest.get(count..).unwrap_or_default();
                last = Instant::now();
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if interrupt::requested() && last.elapsed() >= PATIENCE {
                    return Err(io::Error::other("interrupted while its reader took nothing"));
                }
                thread::sleep(PAUSE);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use rustix::fs::{OFlags, fcntl_setfl};

    use super::*;

    #[test]
    fn a_reader_may_take_its_time() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut file = File::from(std::os::fd::OwnedFd::from(writer));
        fcntl_setfl(&file, OFlags::NONBLOCK).unwrap();
        let text = vec![b'x'; 300_000];
        let got = thread::scope(|scope| {
            let got = scope.spawn(move || {
                let mut got = Vec::new();
                thread::sleep(Duration::from_millis(100));
                reader.read_to_end(&mut got).unwrap();
                got
            });
            write(&mut file, &text).unwrap();
            drop(file);
            got.join().unwrap()
        });
        assert!(got == text, "{} bytes came", got.len());
    }

    #[test]
    fn a_reader_that_is_gone_is_an_error() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let mut file = File::from(std::os::fd::OwnedFd::from(writer));
        assert_eq!(write(&mut file, b"text").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}

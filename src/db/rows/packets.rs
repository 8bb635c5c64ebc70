//! Packets out of a stream, each as a slice of one buffer that is filled by large reads.

use std::io::{self, Read};
use std::ops::Range;

/// Length in three bytes, number in the fourth.
pub(super) const HEADER_BYTES: usize = 4;
/// A packet of this length is continued by the next one.
pub(super) const CONTINUED: usize = 0xFF_FFFF;
/// The size of one read: many rows, and still within the second-level cache.
const BUFFER_BYTES: usize = 128 * 1024;

pub(super) struct Packets<S> {
    stream: S,
    buffer: Vec<u8>,
    /// The bytes that were read and not yet handed out.
    start: usize,
    end: usize,
    /// The number that the next packet must have.
    number: u8,
    /// A packet that came in several pieces.
    long: Vec<u8>,
    /// The bytes that the exchange may still bring.
    allowed_bytes: u64,
}

/// More came than was allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer is larger than allowed")]
pub(super) struct TooLarge;

impl<S: Read> Packets<S> {
    pub(super) fn over(stream: S) -> Self {
        Self {
            stream,
            buffer: vec![0; BUFFER_BYTES],
            start: 0,
            end: 0,
            number: 0,
            long: Vec::new(),
            allowed_bytes: u64::MAX,
        }
    }

    pub(super) fn stream(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Before a command is sent, which is packet 0 of its exchange.
    pub(super) fn begin(&mut self, allowed_bytes: u64) {
        (self.number, self.allowed_bytes) = (1, allowed_bytes);
    }

    /// The next packet without its header. It must be what the exchange has next.
    #[inline]
    pub(super) fn next(&mut self) -> io::Result<&[u8]> {
        let piece = self.piece()?;
        if piece.len() < CONTINUED {
            return self.buffer.get(piece).ok_or_else(|| invalid("a length"));
        }
        self.continued(piece)
    }

    /// The rest of a packet whose first piece is this.
    fn continued(&mut self, first: Range<usize>) -> io::Result<&[u8]> {
        let mut piece = first;
        self.long.clear();
        loop {
            let is_last = piece.len() < CONTINUED;
            self.long.extend_from_slice(self.buffer.get(piece).unwrap_or_default());
            if is_last {
                return Ok(&self.long);
            }
            piece = self.piece()?;
        }
    }

    /// The place of the next piece in the buffer.
    #[inline]
    fn piece(&mut self) -> io::Result<Range<usize>> {
        self.fill(HEADER_BYTES)?;
        let (length, number) = match self.buffer.get(self.start..self.start + HEADER_BYTES) {
            Some(&[low, middle, high, number]) => (u32::from_le_bytes([low, middle, high, 0]), number),
            _ => return Err(invalid("a header")),
        };
        let length = usize::try_from(length).map_err(|_| invalid("a length"))?;
        if number != self.number {
            return Err(invalid("another packet than the next one"));
        }
        self.allowed_bytes = self
            .allowed_bytes
            .checked_sub(length as u64)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, TooLarge))?;
        self.number = self.number.wrapping_add(1);
        self.fill(HEADER_BYTES + length)?;
        let payload = self.start + HEADER_BYTES..self.start + HEADER_BYTES + length;
        self.start = payload.end;
        Ok(payload)
    }

    /// Reads until so many bytes are there.
    #[inline]
    fn fill(&mut self, wanted: usize) -> io::Result<()> {
        if self.end - self.start >= wanted { Ok(()) } else { self.read_until(wanted) }
    }

    fn read_until(&mut self, wanted: usize) -> io::Result<()> {
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        if self.buffer.len() < wanted {
            self.buffer.resize(wanted, 0);
        }
        while self.end < wanted {
            let free = self.buffer.get_mut(self.end..).unwrap_or_default();
            match self.stream.read(free) {
                Ok(0) => {
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "MySQL closed the connection"));
                }
                Ok(bytes) => self.end += bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Writes the header of a command into its first bytes.
pub(super) fn write_header(command: &mut [u8]) {
    let length = u32::try_from(command.len() - HEADER_BYTES).unwrap_or(u32::MAX).to_le_bytes();
    command[..HEADER_BYTES].copy_from_slice(&[length[0], length[1], length[2], 0]);
}

/// A command of several pieces, which no statement of a person needs.
pub(super) fn too_long() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "the statement with its parameters is longer than 16 MiB")
}

pub(super) fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("MySQL sent what its protocol does not know: {what}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Gives a few bytes at a time.
    struct Trickle<'a>(&'a [u8], usize);

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = self.1.min(buffer.len());
            (&mut self.0).take(length as u64).read(buffer)
        }
    }

    fn stream_of(payloads: &[Vec<u8>]) -> Vec<u8> {
        let packet = |(number, payload): (usize, &Vec<u8>)| {
            let length = payload.len().to_le_bytes();
            [&[length[0], length[1], length[2], (number + 1).to_le_bytes()[0]][..], payload].concat()
        };
        payloads.iter().enumerate().flat_map(packet).collect()
    }

    proptest! {
        #[test]
        fn packets_come_out_as_they_went_in(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..300), at_a_time in 1usize..700
        ) {
            let bytes = stream_of(&payloads);
            let mut packets = Packets::over(Trickle(&bytes, at_a_time));
            packets.begin(u64::MAX);
            for payload in &payloads {
                prop_assert_eq!(packets.next().unwrap(), &payload[..]);
            }
            prop_assert_eq!(packets.next().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        }

        #[test]
        fn any_bytes_end_in_an_error(bytes: Vec<u8>) {
            let mut packets = Packets::over(&bytes[..]);
            packets.begin(u64::MAX);
            while packets.next().is_ok() {}
        }
    }

    #[test]
    fn a_packet_longer_than_the_buffer_makes_room() {
        let long = vec![7; 3 * BUFFER_BYTES];
        let bytes = stream_of(&[long.clone(), vec![1]]);
        let mut packets = Packets::over(&bytes[..]);
        packets.begin(u64::MAX);
        assert_eq!(packets.next().unwrap(), long);
        assert_eq!(packets.next().unwrap(), [1]);
    }

    #[test]
    fn a_packet_out_of_turn_is_not_taken_for_the_reply() {
        let bytes = stream_of(&[vec![1], vec![2]]);
        let mut packets = Packets::over(&bytes[5..]);
        packets.begin(u64::MAX);
        assert_eq!(packets.next().unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn a_packet_of_several_pieces_is_one_and_what_is_too_much_is_refused() {
        let mut bytes = Vec::new();
        for (number, length) in [(1, CONTINUED), (2, CONTINUED), (3, 5), (4, 1), (5, CONTINUED), (6, 0)] {
            let header = u32::try_from(length).unwrap().to_le_bytes();
            bytes.extend_from_slice(&[header[0], header[1], header[2], number]);
            bytes.extend(std::iter::repeat_n(number, length));
        }
        let mut packets = Packets::over(&bytes[..]);
        packets.begin(u64::MAX);
        let long = packets.next().unwrap();
        assert_eq!((long.len(), long.first(), long.last()), (2 * CONTINUED + 5, Some(&1), Some(&3)));
        assert_eq!(packets.next().unwrap(), [4]);
        assert_eq!(packets.next().unwrap().len(), CONTINUED, "an empty piece ends it");
        let mut packets = Packets::over(&bytes[..]);
        packets.begin(2 * CONTINUED as u64);
        let error = packets.next().unwrap_err();
        assert!(error.get_ref().is_some_and(|cause| cause.is::<TooLarge>()), "{error}");
    }
}

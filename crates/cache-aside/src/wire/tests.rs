//! A connection to a server that answers as it likes.

use std::io::Read;

use super::reply::PIECE_BYTES;
use super::*;
use crate::protocol::key_state::HEAD_BYTES;

/// Asks for a value that comes as `reply`, in writes of so many bytes; also what was seen of it
/// on the way.
fn got(reply: &[u8], written_bytes: usize) -> (Result<bool, WireError>, Vec<u8>, Vec<Vec<u8>>) {
    let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            theirs.read_exact(&mut [0; 20]).unwrap();
            reply.chunks(written_bytes).for_each(|bytes| theirs.write_all(bytes).unwrap());
        });
        let (mut value, mut seen) = (b"old".to_vec(), Vec::new());
        let outcome =
            Connection::over(ours).unwrap().get(b"k", &mut value, &mut |piece| seen.push(piece.to_vec()));
        (outcome, value, seen)
    })
}

#[test]
fn a_long_value_is_seen_while_it_arrives_and_a_short_one_is_not() {
    for (bytes, pieces) in [(0, 0), (1, 0), (PIECE_BYTES, 0), (PIECE_BYTES + 1, 2), (300_000, 5)] {
        let sent: Vec<u8> = (0..bytes).map(|index| (index % 251).to_le_bytes()[0]).collect();
        let reply = [format!("${bytes}\r\n").as_bytes(), &sent, b"\r\n"].concat();
        for written_bytes in [7_000, 65_536, reply.len()] {
            let (outcome, value, seen) = got(&reply, written_bytes);
            assert!(outcome.unwrap());
            assert!(value == sent, "{bytes} bytes came in other than they were sent");
            assert_eq!(seen.len(), pieces, "{bytes} bytes");
            assert!(pieces == 0 || seen.concat() == sent);
        }
    }
}

/// A connection whose replies were all sent before anything is asked.
fn replying(replies: &[u8]) -> (Connection, std::os::unix::net::UnixStream) {
    let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    theirs.write_all(replies).unwrap();
    (Connection::over(ours).unwrap(), theirs)
}

/// A connection to a server that answers its commands one after the other.
fn answering(replies: Vec<Vec<u8>>) -> Connection {
    let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    std::thread::spawn(move || {
        for reply in replies {
            let _ = theirs.read(&mut [0; 1000]);
            let _ = theirs.write_all(&reply);
        }
    });
    Connection::over(ours).unwrap()
}

#[test]
fn nothing_of_the_value_before_is_left_in_the_next() {
    let long = [b"$70000\r\n", &[b'x'; 70_000][..], b"\r\n"].concat();
    let replies = [
        &b"$5\r\nhello\r\n"[..],
        b"$2\r\nab\r\n",
        b"$0\r\n\r\n",
        &long,
        b"$3\r\nyes\r\n",
        b"$-1\r\n",
        b"$1\r\na\r\n",
        b"-ERR\r\n",
    ];
    let mut connection = answering(replies.map(<[u8]>::to_vec).to_vec());
    let mut value = b"what stood there".to_vec();
    let mut next = || {
        let outcome = connection.get(b"k", &mut value, &mut |_| ());
        (outcome.ok(), value.clone())
    };
    for sent in [&b"hello"[..], b"ab", b"", &[b'x'; 70_000], b"yes"] {
        assert_eq!(next(), (Some(true), sent.to_vec()));
    }
    assert_eq!(next(), (Some(false), Vec::new()));
    assert_eq!(next(), (Some(true), b"a".to_vec()));
    assert_eq!(next(), (None, Vec::new()));
}

#[test]
fn of_several_commands_the_string_is_kept_wherever_it_stands_among_the_replies() {
    let commands: [&[&[u8]]; 3] = [&[b"WATCH", b"k"], &[b"GET", b"k"], &[b"MULTI"]];
    for (replies, kept) in [
        (&b"+OK\r\n$2\r\nab\r\n+OK\r\n"[..], &b"ab"[..]),
        (b"+OK\r\n$2\r\nab\r\n-ERR\r\n", b"ab"),
        (b"+OK\r\n-WRONGTYPE\r\n+OK\r\n", b""),
        (b"+OK\r\n$-1\r\n+OK\r\n", b""),
    ] {
        let (mut connection, _theirs) = replying(replies);
        let mut value = b"what stood there".to_vec();
        let _ = connection.pipeline(commands, &mut value);
        assert_eq!(value, kept);
    }
}

#[test]
fn of_a_string_that_is_too_long_the_beginning_is_read_and_nothing_more() {
    let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    theirs.write_all(b"$300000000\r\n").unwrap();
    theirs.write_all(&[b'x'; 100]).unwrap();
    let mut connection = Connection::over(ours).unwrap();
    connection.max_string_bytes = 1000;
    let mut value = Vec::new();
    assert!(connection.get(b"k", &mut value, &mut |_| ()).is_err());
    assert!(connection.was_too_long() && !connection.is_fit() && value == [b'x'; HEAD_BYTES]);
}

#[test]
fn a_reply_that_comes_twice_ends_the_connection_before_it_is_believed() {
    for replies in [&b"$1\r\na\r\n$1\r\na\r\n"[..], b"$1\r\na\r\n+OK\r\n", b"$1\r\na\r\n$"] {
        let (mut connection, _theirs) = replying(replies);
        let mut value = Vec::new();
        assert!(matches!(connection.get(b"k", &mut value, &mut |_| ()), Err(WireError::Protocol(_))));
    }
    // It comes when the connection is idle.
    let (mut connection, mut theirs) = replying(b"$1\r\na\r\n");
    assert!(connection.get(b"k", &mut Vec::new(), &mut |_| ()).unwrap() && connection.is_fit());
    theirs.write_all(b"$1\r\na\r\n").unwrap();
    assert!(!connection.is_fit());
}

#[test]
fn a_reply_that_was_left_comes_before_the_next_and_is_never_taken_for_it() {
    let ahead: &[&[u8]] = &[b"EVALSHA", b"sha", b"1", b"k"];
    // What comes, what the commands that were sent ahead did, and what is found afterwards.
    type Case<'a> = (&'a [u8], &'a [Option<bool>], Option<bool>);
    let cases: [Case<'_>; 9] = [
        (b":1\r\n$1\r\na\r\n", &[Some(true)], Some(true)),
        (b":0\r\n$-1\r\n", &[Some(false)], Some(false)),
        (b"-NOSCRIPT No matching script.\r\n$1\r\na\r\n", &[None], Some(true)),
        // Twice the same reply, before or after the right one.
        (b":1\r\n:1\r\n$1\r\na\r\n", &[Some(true)], None),
        (b":1\r\n$1\r\na\r\n$1\r\na\r\n", &[Some(true)], None),
        (b"$-1\r\n:1\r\n$1\r\na\r\n", &[], None),
        (b"$1\r\na\r\n:1\r\n", &[], None),
        (b"+OK\r\n$1\r\na\r\n", &[], None),
        // It never comes.
        (b"", &[], None),
    ];
    for (replies, done, found) in cases {
        let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let mut connection = Connection::over(ours).unwrap();
        connection.send_ahead(ahead).unwrap();
        assert!(connection.is_fit() && connection.unread() == 1);
        theirs.write_all(replies).unwrap();
        assert!(connection.is_fit(), "the reply may be there");
        if replies.is_empty() {
            theirs.shutdown(std::net::Shutdown::Both).unwrap();
        }
        let outcome = connection.get(b"k", &mut Vec::new(), &mut |_| ());
        assert_eq!(outcome.ok(), found, "{}", replies.escape_ascii());
        let late: Vec<_> = std::iter::from_fn(|| connection.take_late()).map(Result::ok).collect();
        assert_eq!(late, done, "{}", replies.escape_ascii());
        assert_eq!(connection.is_broken(), found.is_none());
    }
}

#[test]
fn replies_are_also_taken_without_a_command() {
    let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let mut connection = Connection::over(ours).unwrap();
    connection.read_ahead().unwrap();
    for _ in 0..3 {
        connection.send_ahead(&[b"EVALSHA"]).unwrap();
    }
    theirs.write_all(b":1\r\n-OOM\r\n:0\r\n").unwrap();
    connection.read_ahead().unwrap();
    let late: Vec<_> = std::iter::from_fn(|| connection.take_late()).map(Result::ok).collect();
    assert_eq!(late, [Some(true), None, Some(false)]);
    assert!(connection.is_fit() && connection.unread() == 0);
}

#[test]
fn a_connection_that_was_closed_is_not_fit() {
    let (connection, theirs) = replying(b"");
    assert!(connection.is_fit());
    drop(theirs);
    assert!(!connection.is_fit());
}

#[test]
fn a_value_that_is_cut_off_is_an_error() {
    for reply in [&b"$5\r\nabc"[..], b"$3\r\nabc", b"$3\r\nabcde", b"$70000\r\nabc"] {
        let (outcome, _, _) = got(reply, reply.len());
        assert!(matches!(outcome, Err(WireError::Io(_) | WireError::Protocol(_))), "{reply:?}");
    }
}

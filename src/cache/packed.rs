//! Commands as they are sent: which key they name, and where one ends and the next begins.

/// The commands, one after the other. None if that is no sequence of commands.
pub(super) fn split(mut commands: &[u8]) -> Option<Vec<&[u8]>> {
    let mut all = Vec::new();
    while !commands.is_empty() {
        let (_, rest) = words(commands)?;
        all.push(commands.get(..commands.len() - rest.len())?);
        commands = rest;
    }
    Some(all)
}

/// The first key that a command names.
pub(super) fn key(command: &[u8]) -> Option<&[u8]> {
    let (words, _) = words(command)?;
    let place = match name(&words).as_str() {
        "EVAL" | "EVALSHA" if words.get(2).is_some_and(|keys| *keys != b"0") => 3,
        "MEMORY" => 2,
        "EVAL" | "EVALSHA" | "PING" | "INFO" | "SCAN" | "DBSIZE" | "CONFIG" | "TIME" | "CLUSTER"
        | "MULTI" | "EXEC" | "SELECT" | "AUTH" | "SCRIPT" | "CLIENT" | "ROLE" | "FLUSHDB" => return None,
        _ => 1,
    };
    words.get(place).copied()
}

/// Whether the commands are a transaction.
pub(super) fn is_transaction(commands: &[u8]) -> bool {
    words(commands).is_some_and(|(words, _)| name(&words) == "MULTI")
}

fn name(words: &[&[u8]]) -> String {
    let name = words.first().copied().unwrap_or_default();
    String::from_utf8_lossy(name).to_ascii_uppercase()
}

/// The words of the first command, and what follows it.
fn words(commands: &[u8]) -> Option<(Vec<&[u8]>, &[u8])> {
    let (count, mut rest) = number(commands, b'*')?;
    let mut words = Vec::new();
    for _ in 0..count {
        let (length, behind) = number(rest, b'$')?;
        words.push(behind.get(..length)?);
        rest = behind.get(length..)?.strip_prefix(b"\r\n")?;
    }
    Some((words, rest))
}

fn number(bytes: &[u8], mark: u8) -> Option<(usize, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\r')?;
    let digits = bytes.get(..end)?.strip_prefix(&[mark])?;
    let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some((number, bytes.get(end..)?.strip_prefix(b"\r\n")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(words: &[&str]) -> Vec<u8> {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.get_packed_command()
    }

    #[test]
    fn commands_are_told_apart_and_their_keys_found() {
        let get = packed(&["GET", "a\r\n$1"]);
        let eval = packed(&["EVAL", "return 1", "1", "key", "x"]);
        let all = [&get[..], &eval].concat();
        assert_eq!(split(&all).unwrap(), [&get[..], &eval]);
        assert_eq!((key(&get), key(&eval)), (Some(&b"a\r\n$1"[..]), Some(&b"key"[..])));
        assert_eq!(key(&packed(&["MEMORY", "USAGE", "k"])), Some(&b"k"[..]));
        for words in [&["INFO", "stats"][..], &["ping"], &["SCAN", "0"], &["EVAL", "return 1", "0", "x"]] {
            assert_eq!(key(&packed(words)), None, "{words:?}");
        }
        assert!(is_transaction(&[packed(&["MULTI"]), get].concat()) && !is_transaction(&eval));
    }

    #[test]
    fn what_is_no_command_is_none() {
        for bytes in
            [&b"GET a\r\n"[..], b"*1\r\n$5\r\nab\r\n", b"*2\r\n$1\r\na\r\n", b"*1\r\n$1\r\nab", b"*x\r\n"]
        {
            assert_eq!(split(bytes), None);
        }
        assert_eq!(split(b""), Some(Vec::new()));
    }
}

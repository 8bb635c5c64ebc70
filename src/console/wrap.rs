//! Breaks the lines of messages where a terminal ends, at spaces, so that words and commands stay
//! whole.

/// Columns where a message is broken that goes to a file or a pipe, and `COLUMNS` does not say
/// otherwise.
pub(super) const USUAL_WIDTH: usize = 100;
/// Narrower than this nothing can be read.
const LEAST_WIDTH: usize = 20;
/// Lines that begin with as many spaces are commands to be copied, or quoted, and stay as they are.
const VERBATIM: usize = 4;

/// Breaks every line of the text.
pub(super) fn wrap(text: &str, width: usize) -> String {
    let width = width.max(LEAST_WIDTH);
    text.split('\n').map(|line| wrap_line(line, width)).collect::<Vec<_>>().join("\n")
}

fn wrap_line(line: &str, width: usize) -> String {
    let indent = line.len() - line.trim_start_matches(' ').len();
    if indent >= VERBATIM || columns(line) <= width {
        return line.to_owned();
    }
    let mut wrapped = " ".repeat(indent);
    let mut used = indent;
    let mut is_first = true;
    for word in pieces(line.trim_start_matches(' ')) {
        let length = columns(&word);
        if !is_first && used + 1 + length > width {
            wrapped.push_str("\n  ");
            used = 2;
        } else if !is_first {
            wrapped.push(' ');
            used += 1;
        }
        wrapped.push_str(&word);
        used += length;
        is_first = false;
    }
    wrapped
}

/// Words between spaces; what is within backticks is one word.
fn pieces(line: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    let mut is_open = false;
    for word in line.split(' ') {
        match pieces.last_mut().filter(|_| is_open) {
            Some(last) => *last = format!("{last} {word}"),
            None => pieces.push(word.to_owned()),
        }
        is_open ^= word.matches('`').count() % 2 == 1;
    }
    pieces
}

fn columns(text: &str) -> usize {
    console::measure_text_width(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_break_at_spaces_and_are_indented() {
        let text = "error: the table is not seeded, and so there is nothing to read\n  fill it first, on the same servers:\n    rcache seed --users 100000 --force";
        assert_eq!(
            wrap(text, 40),
            "error: the table is not seeded, and so\n  there is nothing to read\n  fill it first, on the same servers:\n    rcache seed --users 100000 --force"
        );
    }

    #[test]
    fn commands_in_backticks_and_long_words_stay_whole() {
        assert_eq!(
            wrap("now run `rcache sandbox stop` first", 22),
            "now run\n  `rcache sandbox stop`\n  first"
        );
        assert_eq!(
            wrap("see /a/very/long/path/that/is/too/wide now", 20),
            "see\n  /a/very/long/path/that/is/too/wide\n  now"
        );
        assert_eq!(wrap("", 20), "");
    }

    proptest! {
        #[test]
        fn nothing_but_white_space_changes(text in "[a-z` \\n]{0,200}", width in 0usize..120) {
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            prop_assert_eq!(words(&wrap(&text, width)), words(&text));
        }
    }
}

//! Text from elsewhere, made safe to print: a server or a file must not steer the terminal.

/// The text on one line, with a space in place of each control character.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().map(|c| if steers(c) { ' ' } else { c }).collect()
}

/// A path for a message, on one line.
pub(crate) fn path(path: &std::path::Path) -> String {
    one_line(&path.display().to_string())
}

/// The text with its line breaks, and a space in place of every other control character.
pub(crate) fn lines(text: &str) -> String {
    text.chars().map(|c| if steers(c) && c != '\n' { ' ' } else { c }).collect()
}

/// Control characters, and those that change the direction in which text is written.
fn steers(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_the_terminal() {
        let text = "a\u{1b}[31mb\r\n\u{9b}2Jc\u{202e}d\tµ";
        assert_eq!(one_line(text), "a [31mb    2Jc d µ".replace("    ", "   "));
        assert_eq!(lines(text), "a [31mb \n 2Jc d µ");
    }
}

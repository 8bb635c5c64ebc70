//! Lines that fit the page: wrapping, hanging entries, blocks with one blank line between them.

use anstyle::Style as Ink;

use super::Style;

/// How far everything below a heading is set in.
pub(super) const INDENT: usize = 2;

/// A heading, alone on its lines.
pub(super) fn heading(text: &str, style: &Style) -> Vec<String> {
    wrap(text, style.columns()).iter().map(|line| style.paint(Ink::new().bold(), line)).collect()
}

/// Breaks text at spaces, but never between a number and what it counts; what is longer than the
/// width stands alone.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for chunk in chunks(text) {
        if !line.is_empty() && columns_of(&line) + 1 + columns_of(&chunk) > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&chunk);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// Words, a number together with the word after it.
fn chunks(text: &str) -> Vec<String> {
    let mut chunks: Vec<String> = Vec::new();
    let mut after_number = false;
    for word in text.split_whitespace() {
        match chunks.last_mut() {
            Some(number) if after_number => {
                number.push(' ');
                number.push_str(word);
            }
            _ => chunks.push(word.to_owned()),
        }
        after_number = word.ends_with(|c: char| c.is_ascii_digit())
            && word.chars().all(|c| c.is_ascii_digit() || c == ',' || c == '.');
    }
    chunks
}

/// A paragraph, set in below its heading.
pub(super) fn paragraph(text: &str, style: &Style) -> Vec<String> {
    let margin = " ".repeat(INDENT);
    wrap(text, style.columns() - INDENT).into_iter().map(|line| format!("{margin}{line}")).collect()
}

/// A label and its text, the text wrapped in a column of its own:
/// `  label   first line`
/// `          second line`
/// or below its label, where the page is too narrow for the two beside each other.
pub(super) fn entry(label: &str, ink: Ink, text_column: usize, text: &str, style: &Style) -> Vec<String> {
    const NARROWEST: usize = 20;
    let label = clean(label);
    let painted = format!("{}{}", " ".repeat(INDENT), style.paint(ink, &label));
    let beside = style.columns().saturating_sub(text_column);
    if beside < NARROWEST {
        let margin = " ".repeat(2 * INDENT);
        let lines = wrap(&clean(text), style.columns() - 2 * INDENT);
        return std::iter::once(painted).chain(lines.iter().map(|line| format!("{margin}{line}"))).collect();
    }
    let gap = text_column.saturating_sub(INDENT + columns_of(&label)).max(1);
    let head = format!("{painted}{}", " ".repeat(gap));
    let margin = " ".repeat(text_column);
    wrap(&clean(text), beside)
        .into_iter()
        .enumerate()
        .map(|(index, line)| format!("{}{line}", if index == 0 { &head } else { &margin }))
        .collect()
}

/// Where the text of entries with these labels begins.
pub(super) fn text_column<'a>(labels: impl IntoIterator<Item = &'a str>) -> usize {
    INDENT + labels.into_iter().map(columns_of).max().unwrap_or(0) + 2
}

/// Joins blocks of lines to a page. Empty blocks leave no gap, lines no spaces at their end.
pub(super) fn page(blocks: &[Vec<String>]) -> String {
    let mut page = String::new();
    for block in blocks.iter().filter(|block| !block.is_empty()) {
        if !page.is_empty() {
            page.push('\n');
        }
        for line in block {
            page.push_str(line.trim_end());
            page.push('\n');
        }
    }
    page
}

/// Every character that is printed here is one column wide.
pub(super) fn columns_of(text: &str) -> usize {
    text.chars().count()
}

/// A run file may come from anywhere; what it names must not steer the terminal.
pub(super) fn clean(text: &str) -> String {
    crate::plain_text::one_line(text)
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrapping_keeps_every_word_and_the_width() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("unbreakable of", 4), ["unbreakable", "of"]);
        assert_eq!(wrap("took 1.80 ms, p99 1,000 reads", 10), ["took", "1.80 ms,", "p99", "1,000 reads"]);
        assert!(wrap("  ", 4).is_empty());
    }

    #[test]
    fn entries_hang_in_their_column() {
        let style = Style { width: 40, color: false };
        let lines = entry("redis", super::super::PLAIN, 10, "a b \u{1b}[31mc", &style);
        assert_eq!(lines, ["  redis   a b [31mc"]);
        let narrow = entry("a-long-label", super::super::PLAIN, 24, "one two", &style);
        assert_eq!(narrow, ["  a-long-label", "    one two"]);
    }

    #[test]
    fn lists_read_like_a_sentence() {
        let items = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(list(&items), "a, b and c");
        assert_eq!(list(&items[..2]), "a and b");
        assert_eq!(list(&[]), "");
    }
}

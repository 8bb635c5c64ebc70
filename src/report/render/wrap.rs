//! Lines that fit a width.

/// Every character that is printed here is one column wide.
pub(super) fn columns_of(text: &str) -> usize {
    text.chars().count()
}

/// Breaks text at spaces, but never between a number and the word after it. A word that is longer
/// than the width gets a line of its own.
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

/// Cut or padded to a width.
pub(super) fn fit(text: &str, width: usize) -> String {
    let cut: String = text.chars().take(width).collect();
    format!("{cut:<width$}")
}

/// Splits a title at the space nearest to its middle.
pub(super) fn halves(title: &str) -> String {
    let middle = title.len() / 2;
    let spaces = title.match_indices(' ').map(|(index, _)| index);
    match spaces.min_by_key(|index| index.abs_diff(middle)) {
        Some(index) => format!("{}\n{}", &title[..index], &title[index + 1..]),
        None => title.to_owned(),
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
    fn titles_break_in_the_middle() {
        assert_eq!(halves("Redis is worth it above"), "Redis is\nworth it above");
        assert_eq!(halves("mean"), "mean");
    }
}

//! Documents as JSON inside a page.

/// The document without the white space between its tokens. Every number and text stays as it is
/// written.
pub(crate) fn compact(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    let (mut is_text, mut is_escaped) = (false, false);
    for c in json.chars() {
        if is_text {
            is_text = is_escaped || c != '"';
            is_escaped = !is_escaped && c == '\\';
        } else {
            if matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{feff}') {
                continue;
            }
            is_text = c == '"';
        }
        text.push(c);
    }
    text
}

/// The same document, in which nothing can end the script element. These characters are in texts
/// alone.
pub(crate) fn in_script(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                text.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            _ => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    proptest! {
        #[test]
        fn the_document_stays_the_same(name: String, text: String, number: i64) {
            let document = json!({ name: [text, number, null, { "a b": 1.25 }] });
            for written in [serde_json::to_string(&document), serde_json::to_string_pretty(&document)] {
                let embedded = in_script(&compact(&written.unwrap()));
                prop_assert!(!embedded.contains(['<', '>', '&', '\n']));
                prop_assert_eq!(serde_json::from_str::<Value>(&embedded).unwrap(), document.clone());
            }
        }
    }

    #[test]
    fn numbers_are_copied_as_they_are() {
        assert_eq!(compact("{ \"a\" : 1.0e5,\n\"b \\\" c\": 0.30 }"), "{\"a\":1.0e5,\"b \\\" c\":0.30}");
    }
}

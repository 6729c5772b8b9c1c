//! Topic patterns: does a binding's pattern take a routing key?
//! Words are parted by dots; `*` is exactly one word, `#` is any number of words, none included
//! (RabbitMQ, "Topic exchange"). No storage of bindings here.

/// Whether `pattern` matches `routing_key`.
///
/// Greedy with one remembered `#`, so the time is bounded by the product of the two lengths:
/// a plain recursion would be exponential in the number of `#`.
pub(super) fn matches(pattern: &str, routing_key: &str) -> bool {
    let pattern = words(pattern);
    let key = words(routing_key);
    let (mut at_pattern, mut at_key) = (0, 0);
    let mut last_hash: Option<(usize, usize)> = None;
    while at_key < key.len() {
        match pattern.get(at_pattern) {
            Some(&"#") => {
                last_hash = Some((at_pattern, at_key));
                at_pattern += 1;
            }
            Some(&word) if word == "*" || word == key[at_key] => {
                at_pattern += 1;
                at_key += 1;
            }
            Some(_) | None => {
                let Some((hash, taken)) = last_hash else {
                    return false;
                };
                last_hash = Some((hash, taken + 1));
                at_pattern = hash + 1;
                at_key = taken + 1;
            }
        }
    }
    pattern[at_pattern..].iter().all(|word| *word == "#")
}

fn words(text: &str) -> Vec<&str> {
    if text.is_empty() { Vec::new() } else { text.split('.').collect() }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_take_what_rabbitmq_says_they_take() {
        let cases = [
            ("a.b", "a.b", true),
            ("a.b", "a.c", false),
            ("a.b", "a", false),
            ("a.*", "a.b", true),
            ("a.*", "a", false),
            ("a.*", "a.b.c", false),
            ("a.#", "a", true),
            ("a.#", "a.b.c", true),
            ("a.#", "b", false),
            ("#", "", true),
            ("#", "a.b", true),
            ("*", "", false),
            ("#.c", "a.b.c", true),
            ("#.c", "a.c.b", false),
            ("#.b.#", "a.b.c", true),
            ("a.#.b.*", "a.x.b.y.b.z", true),
            ("", "", true),
            ("", "a", false),
        ];
        for (pattern, key, expected) in cases {
            assert_eq!(matches(pattern, key), expected, "{pattern:?} on {key:?}");
        }
    }

    #[test]
    fn many_hashes_do_not_take_exponential_time() {
        let pattern = "#.a.".repeat(60) + "b";
        assert!(!matches(&pattern, &"a.".repeat(120)));
    }
}

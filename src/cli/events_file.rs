//! Files with events: one event, a JSON array of them, or one after the other (JSON lines). What cannot be cut is handed on whole, so
//! that linting says what is wrong with it. Not here: what an event must hold.

use super::exit::Trouble;
use serde_json::value::RawValue;
use std::io::Read;
use std::path::Path;

/// The largest file, in bytes.
const FILE_MAX: u64 = 256 * 1024 * 1024;

/// An event and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundEvent {
    /// The file.
    pub file: String,
    /// The place in the file, counted from 1.
    pub number: usize,
    /// Both, for people; only the file where it holds one event.
    pub place: String,
    /// The event as it stands there.
    pub body: Vec<u8>,
}

/// Reads the events of a file, or of the standard input for `-`.
pub fn read(path: &Path) -> Result<Vec<FoundEvent>, Trouble> {
    let file = path.display().to_string();
    let bytes = bytes(path)?;
    let bodies = cut(&bytes);
    if bodies.is_empty() {
        return Err(Trouble::usage(format!("{file} has no event in it")));
    }
    let single = bodies.len() == 1;
    let numbered = bodies.into_iter().enumerate().map(|(index, body)| FoundEvent {
        number: index + 1,
        place: if single { file.clone() } else { format!("{file}, event {}", index + 1) },
        file: file.clone(),
        body: body.to_vec(),
    });
    Ok(numbered.collect())
}

/// The bytes of a file, or of the standard input for `-`.
pub fn bytes(path: &Path) -> Result<Vec<u8>, Trouble> {
    let wrong =
        |why: &dyn std::fmt::Display| Trouble::usage(format!("{} cannot be read: {why}", path.display()));
    let mut bytes = Vec::new();
    let count = if path == Path::new("-") {
        std::io::stdin().lock().take(FILE_MAX + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|opened| opened.take(FILE_MAX + 1).read_to_end(&mut bytes))
    };
    if count.map_err(|error| wrong(&error))? as u64 > FILE_MAX {
        return Err(wrong(&"it is larger than 256 MiB"));
    }
    Ok(bytes)
}

/// The events in their own bytes, untouched.
fn cut(bytes: &[u8]) -> Vec<&[u8]> {
    let text = bytes.trim_ascii();
    if text.starts_with(b"[")
        && let Ok(events) = serde_json::from_slice::<Vec<&RawValue>>(text)
    {
        return events.into_iter().map(|event| event.get().as_bytes()).collect();
    }
    let mut stream = serde_json::Deserializer::from_slice(text).into_iter::<&RawValue>();
    let mut events = Vec::new();
    loop {
        let begun = stream.byte_offset();
        match stream.next() {
            Some(Ok(event)) => events.push(event.get().as_bytes()),
            Some(Err(_)) => {
                events.push(text[begun..].trim_ascii());
                return events;
            }
            None if events.is_empty() => return vec![text],
            None => return events,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let found: Vec<_> =
            cut(text.as_bytes()).into_iter().map(|event| std::str::from_utf8(event).unwrap()).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn files_are_cut_into_events() {
        check(" {\"a\":\n 1}\n", &["{\"a\":\n 1}"]);
        check("[{\"a\":1}, {\"b\":2}]", &["{\"a\":1}", "{\"b\":2}"]);
        check("{\"a\":1}\n\n{\"b\":2}\n", &["{\"a\":1}", "{\"b\":2}"]);
        check("[]", &[]);
        check("", &[""]);
        check("{\"a\":1}\n{\"b\":", &["{\"a\":1}", "{\"b\":"]);
        check("nonsense", &["nonsense"]);
    }

    #[test]
    fn places_are_named_and_missing_files_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("two.jsonl");
        std::fs::write(&path, "{}\n{}").unwrap();
        let found = read(&path).unwrap();
        assert!(found[1].place.ends_with("two.jsonl, event 2"), "{}", found[1].place);
        assert!(read(&folder.path().join("none")).is_err());
        std::fs::write(&path, "[]").unwrap();
        assert!(read(&path).unwrap_err().text.contains("no event"));
    }
}

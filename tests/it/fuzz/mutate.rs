//! How an input is changed: bytes, lines, words of a dictionary, numbers at their limits, pieces of another input, and JSON by its
//! structure. Everything by a seed. Not here: which inputs are worth going on from (`engine`).

use serde_json::{Map, Value, json};

/// The longest input that is made, but for the one that is long on purpose.
const INPUT_MAX: usize = 64 * 1024;

/// How often a byte is repeated where an input is to be long: more than any limit of carepass allows.
const LONG: usize = 300 * 1024;

/// Numbers where readers go wrong.
const NUMBERS: [&str; 16] = [
    "0",
    "-1",
    "1",
    "1.5",
    "1e999",
    "1e-7",
    "-0",
    "255",
    "256",
    "65536",
    "2147483648",
    "9007199254740992",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "00",
];

/// Makes inputs.
pub struct Mutator<'w> {
    chance: fastrand::Rng,
    words: &'w [&'w str],
}

impl<'w> Mutator<'w> {
    pub fn new(seed: u64, words: &'w [&'w str]) -> Self {
        Self { chance: fastrand::Rng::with_seed(seed), words }
    }

    /// A new input from those of the pool.
    pub fn next(&mut self, pool: &[Vec<u8>]) -> Vec<u8> {
        // The newest led to something that nothing before it had led to.
        let newest = pool.len().saturating_sub(1 + self.chance.usize(..pool.len().min(32)));
        let parent = if self.chance.bool() { newest } else { self.chance.usize(..pool.len()) };
        let mut input = pool[parent].clone();
        for _ in 0..=self.chance.usize(..4) {
            let other = &pool[self.chance.usize(..pool.len())];
            self.change(&mut input, other);
        }
        if self.chance.usize(..2_000) == 0 {
            let at = self.chance.usize(..=input.len());
            let byte = *self.chance.choice(b"[{ a0\"\n").expect("some");
            input.splice(at..at, std::iter::repeat_n(byte, LONG));
        }
        input
    }

    fn change(&mut self, input: &mut Vec<u8>, other: &[u8]) {
        match self.chance.u8(..14) {
            0..5 => self.change_json(input),
            5 => self.flip(input),
            6 => {
                let range = self.range(input.len(), 64);
                input.drain(range);
            }
            7 => {
                let copy = input[self.range(input.len(), 256)].to_vec();
                self.insert(input, &copy);
            }
            8 => self.word_instead(input),
            9 => {
                let word = self.word();
                self.insert(input, word.as_bytes());
            }
            10 => {
                let piece = other[self.range(other.len(), 512)].to_vec();
                self.insert(input, &piece);
            }
            11 => input.truncate(self.chance.usize(..=input.len())),
            12 => self.swap_lines(input),
            _ => self.change_number(input),
        }
    }

    fn flip(&mut self, input: &mut [u8]) {
        let Some(byte) = (!input.is_empty()).then(|| self.chance.usize(..input.len())) else { return };
        if self.chance.bool() {
            input[byte] ^= 1 << self.chance.u8(..8);
        } else {
            input[byte] = self.chance.u8(..);
        }
    }

    fn insert(&mut self, input: &mut Vec<u8>, piece: &[u8]) {
        if input.len() + piece.len() <= INPUT_MAX {
            let at = self.chance.usize(..=input.len());
            input.splice(at..at, piece.iter().copied());
        }
    }

    fn word(&mut self) -> &'w str {
        if self.words.is_empty() { "\0" } else { self.words[self.chance.usize(..self.words.len())] }
    }

    fn word_instead(&mut self, input: &mut Vec<u8>) {
        let (range, word) = (self.range(input.len(), 16), self.word());
        if input.len() + word.len() <= INPUT_MAX {
            input.splice(range, word.bytes());
        }
    }

    fn swap_lines(&mut self, input: &mut Vec<u8>) {
        let mut lines: Vec<&[u8]> = input.split_inclusive(|byte| *byte == b'\n').collect();
        if lines.len() > 1 {
            let (one, other) = (self.chance.usize(..lines.len()), self.chance.usize(..lines.len()));
            lines.swap(one, other);
            if self.chance.u8(..4) == 0 {
                let double = lines[one];
                lines.insert(other, double);
            }
            *input = lines.concat();
        }
    }

    /// Puts another number where one stands.
    fn change_number(&mut self, input: &mut Vec<u8>) {
        let starts: Vec<usize> = (0..input.len())
            .filter(|at| is_digit(input, *at) && (*at == 0 || !is_digit(input, at - 1)))
            .collect();
        if starts.is_empty() {
            return;
        }
        let start = starts[self.chance.usize(..starts.len())];
        let end = (start..input.len()).find(|at| !is_digit(input, *at)).unwrap_or(input.len());
        let number = NUMBERS[self.chance.usize(..NUMBERS.len())];
        input.splice(start..end, number.bytes());
    }

    /// Changes what begins with the first brace, if it is JSON.
    fn change_json(&mut self, input: &mut Vec<u8>) {
        let Some(start) = input.iter().position(|byte| *byte == b'{') else { return };
        let Ok(mut value) = serde_json::from_slice::<Value>(&input[start..]) else { return };
        let mut places = Vec::new();
        places_of(&value, &mut String::new(), &mut places);
        let place = places[self.chance.usize(..places.len())].clone();
        let source = places[self.chance.usize(..places.len())].clone();
        let donor = value.pointer(&source).cloned().unwrap_or_default();
        if self.chance.u8(..4) == 0 {
            self.change_fields(&mut value, &place, donor);
        } else if let Some(found) = value.pointer_mut(&place) {
            let before = found.take();
            *found = self.instead_of(before, donor);
        }
        input.truncate(start);
        input.extend(value.to_string().into_bytes());
        input.truncate(INPUT_MAX);
    }

    /// Another value for a value.
    fn instead_of(&mut self, before: Value, donor: Value) -> Value {
        match (self.chance.u8(..9), before) {
            (0, _) => Value::Null,
            (1, before) => json!([before]),
            (2, before) => json!({ "x": before }),
            (3, _) => donor,
            (4, _) => self.word().into(),
            (5, _) => {
                let number = NUMBERS[self.chance.usize(..NUMBERS.len())];
                serde_json::from_str(number).unwrap_or_else(|_| number.into())
            }
            (6, _) => (0..self.chance.usize(..40)).fold(Value::Null, |inner, _| json!([inner])),
            (7, Value::Array(items)) => items.iter().chain(&items).cloned().collect(),
            (_, Value::String(text)) => self.text_like(&text).into(),
            (_, before) => before,
        }
    }

    fn text_like(&mut self, text: &str) -> String {
        let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let (one, other) = (self.chance.usize(..places.len()), self.chance.usize(..places.len()));
        let (start, end) = (places[one.min(other)], places[one.max(other)]);
        match self.chance.u8(..6) {
            0 => format!("{}{}{}", &text[..start], self.word(), &text[end..]),
            1 => format!("{}{}{}", &text[..start], self.word(), &text[start..]),
            2 => format!("{}{}", &text[..start], &text[end..]),
            3 => text.to_uppercase(),
            4 => format!("{}{}{}", &text[..start], self.chance.char(..), &text[start..]),
            _ => text[start..end].repeat(self.chance.usize(1..40)),
        }
    }

    /// Takes a field away, adds one, or spells it otherwise.
    fn change_fields(&mut self, value: &mut Value, place: &str, donor: Value) {
        let Some(Value::Object(fields)) = value.pointer_mut(place) else { return };
        let names: Vec<String> = fields.keys().cloned().collect();
        let name = (!names.is_empty()).then(|| names[self.chance.usize(..names.len())].clone());
        match (self.chance.u8(..4), name) {
            (0, Some(name)) => drop(fields.remove(&name)),
            (1, Some(name)) => {
                let before = fields.remove(&name).unwrap_or_default();
                fields.insert(self.text_like(&name), before);
            }
            (2, Some(name)) => drop(fields.insert(name.to_uppercase(), donor)),
            _ => drop(fields.insert(self.word().to_owned(), donor)),
        }
    }

    fn range(&mut self, length: usize, longest: usize) -> std::ops::Range<usize> {
        let start = self.chance.usize(..=length);
        start..(start + self.chance.usize(..=longest)).min(length)
    }
}

fn is_digit(input: &[u8], at: usize) -> bool {
    input[at].is_ascii_digit()
}

/// Pointers to all values within.
fn places_of(value: &Value, path: &mut String, places: &mut Vec<String>) {
    places.push(path.clone());
    let length = path.len();
    let mut inside = |name: &str, value: &Value| {
        path.push('/');
        path.push_str(&name.replace('~', "~0").replace('/', "~1"));
        places_of(value, path, places);
        path.truncate(length);
    };
    match value {
        Value::Object(fields) => walk(fields, &mut inside),
        Value::Array(items) => items.iter().enumerate().for_each(|(at, item)| inside(&at.to_string(), item)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => (),
    }
}

fn walk(fields: &Map<String, Value>, inside: &mut impl FnMut(&str, &Value)) {
    fields.iter().for_each(|(name, value)| inside(name, value));
}

//! Random and hostile texts from a seed: what a value might be by accident or by somebody's wish.
//! Not here: what is done with them.

/// Pieces that mean something to a URL, a query, JSON, a shell or an eye.
pub const PIECES: &[&str] = &[
    "..",
    ".",
    "/",
    "//",
    "\\",
    "%2e",
    "%2E%2e",
    "%2f",
    "%5C",
    "%00",
    "%",
    "?",
    "#",
    "&",
    "=",
    ";",
    ":",
    "@",
    "+",
    " ",
    "\t",
    "\n",
    "\r\n",
    "\0",
    "\u{7f}",
    "\u{202e}",
    "\u{200b}",
    "\u{feff}",
    "\u{ff0e}\u{ff0e}",
    "\u{2215}",
    "å",
    "Ö",
    "ß",
    "æ",
    "日本",
    "🦀",
    "e\u{301}",
    "{",
    "}",
    "{user}",
    "\"",
    "'",
    "<b>",
    "`",
    "$(id)",
    "|",
    "*",
    "~",
    "-",
    "_",
    "id:",
    "C01abc123",
    "my_customer",
    "ALL",
    "makeAdmin",
    "https://evil.example",
    "@evil.example",
    "/admin/directory/v1/users",
    "?resolveConflictAccount=false",
    "&showDeleted=true",
    "#:isInvitableUser",
    ":signJwt",
    "a",
    "Z",
    "0",
    "9",
    "xn--",
    "null",
    "%25",
    "\r",
    "\u{0}",
    "\u{ff0e}",
    "\u{ff0f}",
    "\u{3002}",
    "<",
    "?alt=media",
    ":80",
    "user:password@",
];

/// The source of texts.
pub struct Texts {
    chance: fastrand::Rng,
}

impl Texts {
    pub fn new(seed: u64) -> Self {
        Self { chance: fastrand::Rng::with_seed(seed) }
    }

    /// True once in so many times.
    pub fn chance(&mut self, of: u32) -> bool {
        self.chance.u32(0..of) == 0
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.chance.usize(0..end)
    }

    pub fn number(&mut self) -> i64 {
        self.chance.i64(..)
    }

    /// A good text, often as it is, often with something done to it, sometimes another one altogether.
    pub fn like(&mut self, good: &str) -> String {
        let mut text = good.to_owned();
        match self.below(4) {
            0 => return self.any(),
            1 => return text,
            _ => (),
        }
        for _ in 0..=self.below(2) {
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
            let at = places[self.below(places.len())];
            match self.below(3) {
                0 => text.insert_str(at, PIECES[self.below(PIECES.len())]),
                1 => text.truncate(at),
                _ => text.insert(at, self.character()),
            }
        }
        text
    }

    /// Pieces and characters, up to a dozen; now and then very many.
    pub fn any(&mut self) -> String {
        let most = if self.chance(200) { 6_000 } else { 12 };
        let length = self.below(most);
        let mut text = String::new();
        for _ in 0..length {
            if self.chance(2) {
                text.push(self.character());
            } else {
                text.push_str(PIECES[self.below(PIECES.len())]);
            }
        }
        text
    }

    /// Three parts of base64url, as a signed JWT has them.
    pub fn base64url(&mut self) -> String {
        let part = |chance: &mut fastrand::Rng| {
            let length = chance.usize(1..40);
            let symbol = |_| {
                let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
                char::from(alphabet[chance.usize(0..alphabet.len())])
            };
            (0..length).map(symbol).collect::<String>()
        };
        [part(&mut self.chance), part(&mut self.chance), part(&mut self.chance)].join(".")
    }

    fn character(&mut self) -> char {
        if self.chance(3) { self.chance.char(..) } else { self.chance.char('\0'..='~') }
    }
}

//! Who has signed in to the dashboard: in memory, of a bounded number, for a bounded time. A session is opened by a token and is worth
//! what that token is worth at each request: it ends when the token is taken out of the tokens file. Of what the browser keeps only a
//! hash is held here. Not here: cookies and where a request comes from (`visitor`).

use super::super::tokens::{Caller, TokenHash, Tokens};
use super::ENTER;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{Context, Digest, SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

/// A session ends when nobody has used it for so long (ASVS 5.0, 7.3.1), and at the latest after a shift (7.3.2).
pub(super) const IDLE_MAX: Duration = Duration::from_mins(30);
pub(super) const AGE_MAX: Duration = Duration::from_hours(8);

/// Sessions together, and of one token: whoever has one token cannot sign out the others.
const SESSIONS_MAX: usize = 1_000;
const SESSIONS_OF_TOKEN_MAX: usize = 20;

/// Random bytes in what a browser keeps, and their length in base64.
const ID_BYTES: usize = 32;
const ID_LENGTH: usize = 43;

/// The sessions of one process, and an invitation to open one.
#[derive(Default)]
pub struct Sessions {
    random: Chance,
    held: Mutex<Held>,
}

/// A browser that has signed in.
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// Whose token it was.
    pub(super) caller: Caller,
    /// What a form of this session carries, which no other page can know.
    pub(super) proof: String,
    /// Cancelled when the session ends, for what goes on beyond a request.
    pub(super) ended: CancellationToken,
}

/// Why no session was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSignedIn {
    /// The token is not known.
    #[error("the token is not known")]
    UnknownToken,
    /// The operating system gives no random bytes.
    #[error("the operating system gives no random bytes")]
    NoRandomness,
}

struct Chance(SystemRandom);

#[derive(Default)]
struct Held {
    /// By the hash of what the browser keeps.
    sessions: BTreeMap<[u8; 32], Record>,
    invited: Option<([u8; 32], TokenHash)>,
}

struct Record {
    token: TokenHash,
    since: Instant,
    used: Instant,
    ended: CancellationToken,
    /// However the record goes, the session has ended then.
    _ends: DropGuard,
}

impl Default for Chance {
    fn default() -> Self {
        Self(SystemRandom::new())
    }
}

impl Sessions {
    /// Makes a path that opens one session once, with the rights of a token; a newer invitation takes the place of an older one. It
    /// is for whoever has started the process: it belongs in no place that others read.
    ///
    /// # Errors
    /// When there are no random bytes, or the text can be no token.
    pub fn invite(&self, token: &str) -> Result<String, NotSignedIn> {
        let token = TokenHash::of(token).ok_or(NotSignedIn::UnknownToken)?;
        let word = self.random.word()?;
        self.held().invited = Some((hash(&word), token));
        Ok(format!("{ENTER}{word}"))
    }

    /// Opens a session for a token, and gives what the browser is to keep.
    pub(super) fn sign_in(&self, tokens: &Tokens, presented: &str) -> Result<String, NotSignedIn> {
        let token = TokenHash::of(presented).ok_or(NotSignedIn::UnknownToken)?;
        self.open(tokens, token)
    }

    /// Opens a session for the word of an invitation, which is spent with it.
    pub(super) fn accept(&self, tokens: &Tokens, word: &str) -> Result<String, NotSignedIn> {
        let token = self.held().take_invitation(word).ok_or(NotSignedIn::UnknownToken)?;
        self.open(tokens, token)
    }

    /// The session of what a browser has kept. A look that the page itself takes does not keep it open.
    pub(super) fn find(&self, tokens: &Tokens, kept: &str, is_used: bool) -> Option<Session> {
        if kept.len() != ID_LENGTH {
            return None;
        }
        let (now, place) = (Instant::now(), hash(kept));
        let mut held = self.held();
        held.end_old(now);
        let record = held.sessions.get_mut(&place)?;
        let Some(caller) = tokens.caller_of(&record.token) else {
            held.sessions.remove(&place);
            return None;
        };
        if is_used {
            record.used = now;
        }
        Some(Session { caller: caller.clone(), proof: proof(kept), ended: record.ended.clone() })
    }

    /// Ends a session.
    pub(super) fn sign_out(&self, kept: &str) {
        self.held().sessions.remove(&hash(kept));
    }

    fn open(&self, tokens: &Tokens, token: TokenHash) -> Result<String, NotSignedIn> {
        tokens.caller_of(&token).ok_or(NotSignedIn::UnknownToken)?;
        let (kept, now) = (self.random.word()?, Instant::now());
        let mut held = self.held();
        held.end_old(now);
        held.make_room(&token);
        held.sessions.insert(hash(&kept), Record::begin(token, now));
        Ok(kept)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // Nothing panics while it is held.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// Whether a form was made for this session. Hashes are compared: the time tells nothing about the proof.
    pub(super) fn is_proven(&self, sent: &str) -> bool {
        hash(sent) == hash(&self.proof)
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sessions(..)")
    }
}

impl Chance {
    fn word(&self) -> Result<String, NotSignedIn> {
        let mut bytes = [0; ID_BYTES];
        self.0.fill(&mut bytes).map_err(|_| NotSignedIn::NoRandomness)?;
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl Record {
    fn begin(token: TokenHash, now: Instant) -> Self {
        let ended = CancellationToken::new();
        Self { token, since: now, used: now, _ends: ended.clone().drop_guard(), ended }
    }
}

impl Held {
    /// The invitation, if the word is its own; a wrong word spends nothing.
    fn take_invitation(&mut self, word: &str) -> Option<TokenHash> {
        let (place, token) = self.invited.as_ref()?;
        let token = (*place == hash(word)).then_some(*token)?;
        self.invited = None;
        Some(token)
    }

    fn end_old(&mut self, now: Instant) {
        self.sessions.retain(|_, record| {
            now.duration_since(record.used) < IDLE_MAX && now.duration_since(record.since) < AGE_MAX
        });
    }

    /// Ends what was used least recently, first of the same token.
    fn make_room(&mut self, token: &TokenHash) {
        let mine = self.sessions.values().filter(|record| record.token.is_same(token)).count();
        if mine >= SESSIONS_OF_TOKEN_MAX {
            self.end_one(|record| record.token.is_same(token));
        } else if self.sessions.len() >= SESSIONS_MAX {
            self.end_one(|_| true);
        }
    }

    fn end_one(&mut self, may_end: impl Fn(&Record) -> bool) {
        let candidates = self.sessions.iter().filter(|(_, record)| may_end(record));
        let oldest = candidates.min_by_key(|(_, record)| record.used).map(|(place, _)| *place);
        if let Some(place) = oldest {
            self.sessions.remove(&place);
        }
    }
}

fn hash(text: &str) -> [u8; 32] {
    bytes(&digest(&SHA256, text.as_bytes()))
}

/// Follows from what the browser keeps, which nobody else has, and does not lead back to it.
fn proof(kept: &str) -> String {
    let mut context = Context::new(&SHA256);
    context.update(b"carepass form ");
    context.update(kept.as_bytes());
    URL_SAFE_NO_PAD.encode(context.finish())
}

fn bytes(digest: &Digest) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest.as_ref());
    bytes
}

#[cfg(test)]
mod tests {
    use super::super::super::tokens::{NewToken, Role};
    use super::*;

    fn tokens(made: &[(&str, &NewToken)]) -> Tokens {
        let file: String = made.iter().map(|(name, token)| token.lines(name, Role::Operator)).collect();
        Tokens::parse(&file, &SystemRandom::new()).unwrap()
    }

    fn token() -> NewToken {
        NewToken::make(&SystemRandom::new()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_lasts_while_it_is_used_and_no_longer_than_a_shift() {
        let (asa, sessions) = (token(), Sessions::default());
        let known = tokens(&[("asa", &asa)]);
        let is_in = |kept: &str, is_used| sessions.find(&known, kept, is_used).is_some();
        let kept = sessions.sign_in(&known, asa.reveal()).unwrap();
        for _ in 0..16 {
            assert!(is_in(&kept, true));
            tokio::time::advance(IDLE_MAX.saturating_sub(Duration::from_secs(1))).await;
        }
        assert!(is_in(&kept, true), "16 half hours less 16 seconds");
        tokio::time::advance(Duration::from_secs(16)).await;
        assert!(!is_in(&kept, true), "the shift is over");
        let kept = sessions.sign_in(&known, asa.reveal()).unwrap();
        tokio::time::advance(IDLE_MAX / 2).await;
        assert!(is_in(&kept, false));
        tokio::time::advance(IDLE_MAX / 2).await;
        assert!(!is_in(&kept, false), "a page that looks by itself keeps nobody signed in");
    }

    #[tokio::test]
    async fn a_session_ends_with_its_token_and_with_the_sign_out() {
        let (asa, bo, sessions) = (token(), token(), Sessions::default());
        let known = tokens(&[("asa", &asa), ("bo", &bo)]);
        let (kept, other) =
            (sessions.sign_in(&known, asa.reveal()).unwrap(), sessions.sign_in(&known, bo.reveal()).unwrap());
        let session = sessions.find(&known, &kept, true).unwrap();
        assert_eq!(session.caller.name, "asa");
        let others = sessions.find(&known, &other, true).unwrap();
        assert!(session.is_proven(&session.proof) && !session.is_proven(&others.proof));
        assert!(!session.is_proven("") && session.proof != kept);
        let without = tokens(&[("bo", &bo)]);
        let is_in = |tokens: &Tokens, kept: &str| sessions.find(tokens, kept, true).is_some();
        assert!(!session.ended.is_cancelled() && !is_in(&without, &kept), "the token was taken away");
        assert!(session.ended.is_cancelled() && !is_in(&known, &kept), "and that is final");
        assert!(!others.ended.is_cancelled());
        sessions.sign_out(&other);
        assert!(others.ended.is_cancelled() && !is_in(&known, &other));
        assert_eq!(sessions.sign_in(&known, token().reveal()), Err(NotSignedIn::UnknownToken));
        assert_eq!(sessions.sign_in(&known, "short"), Err(NotSignedIn::UnknownToken));
    }

    #[tokio::test]
    async fn an_invitation_is_good_once() {
        let (asa, sessions) = (token(), Sessions::default());
        let known = tokens(&[("asa", &asa)]);
        let path = sessions.invite(asa.reveal()).unwrap();
        let word = path.strip_prefix(ENTER).unwrap();
        assert_eq!(sessions.accept(&known, "another"), Err(NotSignedIn::UnknownToken));
        let kept = sessions.accept(&known, word).unwrap();
        assert!(sessions.find(&known, &kept, true).is_some());
        assert_eq!(sessions.accept(&known, word), Err(NotSignedIn::UnknownToken));
        assert_eq!(sessions.invite("short"), Err(NotSignedIn::UnknownToken));
    }

    #[tokio::test(start_paused = true)]
    async fn one_token_signs_out_itself_and_nobody_else() {
        let (asa, bo, sessions) = (token(), token(), Sessions::default());
        let known = tokens(&[("asa", &asa), ("bo", &bo)]);
        let bos = sessions.sign_in(&known, bo.reveal()).unwrap();
        let mut kept = Vec::new();
        for _ in 0..=SESSIONS_OF_TOKEN_MAX {
            tokio::time::advance(Duration::from_millis(1)).await;
            kept.push(sessions.sign_in(&known, asa.reveal()).unwrap());
        }
        let is_in = |kept: &str| sessions.find(&known, kept, true).is_some();
        assert!(!is_in(&kept[0]) && is_in(&kept[1]) && is_in(&bos));
        assert_eq!(sessions.held().sessions.len(), SESSIONS_OF_TOKEN_MAX + 1);
    }
}

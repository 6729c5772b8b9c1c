//! What goes wrong in the API, as a closed list: each has its code, its status and its sentences in English and Swedish (what is
//! so; what you can do). Answered as problem details (RFC 9457). Not here: failures of steps, which are data of a row.

use super::language::Spoken;
use super::reissue;
use super::tokens::Role;
use crate::engine::{IntakeError, OrderError, ReplayError};
use crate::model::event::{Fault as EventFault, Refusal};
use crate::model::parked::LetterId;
use crate::model::person::Language;
use crate::model::transition::Rejected;
use crate::store::{StoreError, seldom};
use axum::Json;
use axum::http::header::{CONTENT_LANGUAGE, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// What the `type` of a problem begins with; the code follows. It is a name and no address: nobody has to fetch it.
const TYPE_BASE: &str = "https://carepass.example/problems/";

/// Defines the problems: code, status, title and detail in both languages.
macro_rules! problems {
    ($($variant:ident $code:literal $status:ident
        $title:literal $detail:literal
        $title_sv:literal $detail_sv:literal)*) => {
        /// What went wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum ProblemKind {
            $(
                #[doc = $title]
                $variant,
            )*
        }

        impl ProblemKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The stable word: the end of `type`.
            pub fn code(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)*
                }
            }

            /// The status of the answer.
            pub fn status(self) -> StatusCode {
                match self {
                    $(Self::$variant => StatusCode::$status,)*
                }
            }

            /// Title and detail.
            fn words(self, language: Language) -> (&'static str, &'static str) {
                match (self, language) {
                    $(
                        (Self::$variant, Language::English) => ($title, $detail),
                        (Self::$variant, Language::Swedish) => ($title_sv, $detail_sv),
                    )*
                }
            }
        }
    };
}

problems! {
    Unauthorized "unauthorized" UNAUTHORIZED
        "No valid token" "Send `Authorization: Bearer` with a token of the tokens file; `carepass token new` makes one."
        "Ingen giltig token" "Skicka `Authorization: Bearer` med en token ur tokens-filen; `carepass token new` gör en."
    Forbidden "forbidden" FORBIDDEN
        "The token's role is too small" "Ask somebody whose token has the required role."
        "Tokenens roll räcker inte" "Be någon vars token har den roll som krävs."
    ForeignPage "foreign_page" FORBIDDEN
        "This was not sent by a page of this session" "Nothing was done. Open the dashboard yourself, look at what it shows, and decide there."
        "Detta skickades inte från en sida i den här sessionen" "Inget gjordes. Öppna översikten själv, titta på vad den visar och bestäm där."
    NotFound "not_found" NOT_FOUND
        "There is no such thing" "Check the path, and the key, reseller and domain in it."
        "Det finns inget sådant" "Kontrollera sökvägen och nyckeln, återförsäljaren och domänen i den."
    TaskNotOpen "task_not_open" NOT_FOUND
        "No task with this id is open now" "It is done, carepass is looking just now whether it is, or there is no task with this id. Look at the tasks again in a moment."
        "Ingen uppgift med detta id är öppen just nu" "Den är klar, carepass kontrollerar just nu om den är det, eller så finns ingen uppgift med det id:t. Titta på uppgifterna igen om en stund."
    MethodNotAllowed "method_not_allowed" METHOD_NOT_ALLOWED
        "The path does not take this method" "The header `Allow` says which ones it takes."
        "Sökvägen tar inte den metoden" "Huvudet `Allow` säger vilka den tar."
    HostNotAllowed "host_not_allowed" MISDIRECTED_REQUEST
        "This server does not go by that name" "Use the address it listens on, or have the name added to http.hosts in its configuration."
        "Servern har inte det namnet" "Använd adressen den lyssnar på, eller lägg till namnet i http.hosts i dess konfiguration."
    UriTooLong "uri_too_long" URI_TOO_LONG
        "The path or query is too long" "Ask for less at a time."
        "Sökvägen eller frågan är för lång" "Fråga efter mindre åt gången."
    HeadersTooLarge "headers_too_large" REQUEST_HEADER_FIELDS_TOO_LARGE
        "The headers are too large" "Send fewer or shorter ones."
        "Huvudena är för stora" "Skicka färre eller kortare."
    UnsupportedMediaType "unsupported_media_type" UNSUPPORTED_MEDIA_TYPE
        "The body is not JSON" "Send `Content-Type: application/json`."
        "Innehållet är inte JSON" "Skicka `Content-Type: application/json`."
    PayloadTooLarge "payload_too_large" PAYLOAD_TOO_LARGE
        "The body is too large" "An order has at most 16 KiB, an event or a batch of events 256 KiB; send less at a time."
        "Innehållet är för stort" "En order har högst 16 KiB, en händelse eller en sats händelser 256 KiB; skicka mindre åt gången."
    NoCloudEvent "no_cloud_event" UNSUPPORTED_MEDIA_TYPE
        "The body is no event" "Send application/cloudevents+json, application/cloudevents-batch+json, or JSON with the attributes as ce- headers."
        "Innehållet är ingen händelse" "Skicka application/cloudevents+json, application/cloudevents-batch+json, eller JSON med attributen som ce-huvuden."
    EventRefused "event_refused" UNPROCESSABLE_ENTITY
        "The event cannot be used" "It is kept as `letter`. Mend what `errors` names and send it with a new id, or have the cause mended here and the letter replayed."
        "Händelsen kan inte användas" "Den ligger kvar som `letter`. Rätta det som `errors` anger och skicka den med ett nytt id, eller låt åtgärda orsaken här och spela upp den igen."
    NoRoom "no_room" SERVICE_UNAVAILABLE
        "The event cannot be used, and there is no room to keep it" "Keep it yourself. Mend what `errors` names and send it with a new id; if the cause is here, have an operator look at `carepass dead list` first."
        "Händelsen kan inte användas, och det finns ingen plats att spara den" "Behåll den själv. Rätta det som `errors` anger och skicka den med ett nytt id; om orsaken finns här, be först en operatör titta på `carepass dead list`."
    IntakeClosed "intake_closed" NOT_FOUND
        "Events are not taken here" "Set intake.http.enabled in the configuration, or publish to the broker."
        "Händelser tas inte emot här" "Sätt intake.http.enabled i konfigurationen, eller publicera till meddelandekön."
    LetterLost "letter_lost" CONFLICT
        "The message itself is gone" "It cannot be opened with this master key, or its file is missing: restore the backup, or send the event again."
        "Själva meddelandet är borta" "Det kan inte öppnas med den här huvudnyckeln, eller så saknas filen: återställ säkerhetskopian eller skicka händelsen igen."
    IdempotencyKeyReused "idempotency_key_reused" UNPROCESSABLE_ENTITY
        "The idempotency key belongs to another order" "Send each order under a key of its own."
        "Idempotensnyckeln hör till en annan order" "Skicka varje order med en egen nyckel."
    OrderUnderWay "order_under_way" CONFLICT
        "The same order is being carried out" "Ask again in a moment, under the same key, for its answer."
        "Samma order utförs just nu" "Fråga igen om en stund, med samma nyckel, efter svaret."
    TooManyOrders "too_many_orders" SERVICE_UNAVAILABLE
        "Too many orders are being carried out" "Nothing was done. Send it again in a moment, under the same key."
        "För många order utförs just nu" "Inget gjordes. Skicka den igen om en stund, med samma nyckel."
    TooManyRequests "too_many_requests" TOO_MANY_REQUESTS
        "Too many requests came with this token" "Nothing was done. Ask a hundred times a second at most; to be told of changes, follow /v1/stream."
        "För många förfrågningar kom med den här token" "Inget gjordes. Fråga högst hundra gånger i sekunden; följ /v1/stream för att få veta vad som ändras."
    PreconditionFailed "precondition_failed" PRECONDITION_FAILED
        "It is not as you saw it any more" "Nothing was changed. Look at it again and decide anew."
        "Det är inte längre som du såg det" "Inget ändrades. Titta på det igen och bestäm på nytt."
    TooManyStreams "too_many_streams" TOO_MANY_REQUESTS
        "Too many streams are open" "A caller may have 8, and all together 64. Close one, or ask again later."
        "För många strömmar är öppna" "En anropare får ha 8, och alla tillsammans 64. Stäng en, eller fråga igen senare."
    AnswerNotKept "answer_not_kept" CONFLICT
        "The order was carried out, and its answer was too long to be kept" "Look at what it was about; nothing was done a second time."
        "Ordern utfördes, och svaret var för långt för att sparas" "Titta på det den gällde; inget gjordes en andra gång."
    InvalidRequest "invalid_request" BAD_REQUEST
        "The request has faults" "Mend what `errors` names and send it again."
        "Begäran har fel" "Rätta det som `errors` anger och skicka den igen."
    NotHeld "not_held" CONFLICT
        "The engineer is not held" "There is nothing to approve; look at the engineer."
        "Teknikern hålls inte tillbaka" "Det finns inget att godkänna; titta på teknikern."
    Settled "settled" CONFLICT
        "The enrollment has settled" "It is completed or cancelled, and an order changes nothing; look at it."
        "Registreringen är avslutad" "Den är klar eller avbruten och en order ändrar inget; titta på den."
    Busy "busy" CONFLICT
        "The enrollment is being worked on" "Nothing was changed; try again in a moment."
        "Registreringen bearbetas just nu" "Inget ändrades; försök igen om en stund."
    OrderDoesNotFit "order_does_not_fit" CONFLICT
        "The order does not fit the state" "Nothing was changed; look at the enrollment and decide anew."
        "Ordern passar inte läget" "Inget ändrades; titta på registreringen och bestäm på nytt."
    StoreUnavailable "store_unavailable" SERVICE_UNAVAILABLE
        "The store does not answer" "Try again; if it lasts, look at the disk or the database of carepass."
        "Lagringen svarar inte" "Försök igen; om det håller i sig, titta på carepass disk eller databas."
    RequestTimeout "request_timeout" SERVICE_UNAVAILABLE
        "The answer took too long" "An order may have been carried out: look before you repeat it."
        "Svaret tog för lång tid" "En order kan ha utförts: titta innan du upprepar den."
    Internal "internal" INTERNAL_SERVER_ERROR
        "A fault of carepass" "Look into the log of carepass and report it."
        "Ett fel i carepass" "Titta i carepass logg och rapportera det."
}

/// One faulty place of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "Fault")]
pub struct Fault {
    /// Where: a JSON pointer into the body, or the name of a query parameter.
    pub place: String,
    /// What is wrong there: of a request in English, of an event in the caller's language.
    pub detail: String,
    /// The code, of an event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
}

/// A problem on its way to the caller; `front` puts it into words once the caller's language is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What went wrong.
    pub kind: ProblemKind,
    /// Where, for a faulty request.
    pub errors: Vec<Fault>,
    /// The role that would do, for a refused caller.
    pub required_role: Option<Role>,
    /// The parked message, of a refused event.
    pub letter: Option<LetterId>,
}

#[derive(Serialize, schemars::JsonSchema)]
#[schemars(rename = "Problem")]
pub(super) struct Details<'a> {
    /// A name of its kind: `code` behind a fixed beginning.
    r#type: String,
    /// What is so.
    title: &'static str,
    status: u16,
    /// What you can do.
    detail: &'static str,
    #[schemars(extend("enum" = ProblemKind::codes()))]
    code: &'static str,
    /// Every faulty place of the request.
    #[serde(skip_serializing_if = "<[Fault]>::is_empty")]
    errors: &'a [Fault],
    #[serde(skip_serializing_if = "Option::is_none")]
    required_role: Option<Role>,
    /// The parked message, of an event that was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    letter: Option<&'a LetterId>,
}

impl From<ProblemKind> for Problem {
    fn from(kind: ProblemKind) -> Self {
        Self { kind, errors: Vec::new(), required_role: None, letter: None }
    }
}

impl Problem {
    /// A faulty place of a request.
    pub(super) fn invalid(place: &str, detail: impl Into<String>) -> Self {
        let fault = Fault { place: place.to_owned(), detail: detail.into(), reason: None };
        Self { errors: vec![fault], ..ProblemKind::InvalidRequest.into() }
    }

    /// All faulty places of a request.
    pub(super) fn faulty(errors: Vec<Fault>) -> Self {
        Self { errors, ..ProblemKind::InvalidRequest.into() }
    }

    /// An event that cannot be used, with everything that is wrong with it.
    pub(super) fn refused(refusal: &Refusal, letter: &LetterId, spoken: Spoken) -> Self {
        let errors = Self::event_faults(refusal, spoken);
        Self { errors, letter: Some(letter.clone()), ..ProblemKind::EventRefused.into() }
    }

    /// An event that cannot be used, nor kept.
    pub(super) fn no_room(refusal: &Refusal, spoken: Spoken) -> Self {
        Self { errors: Self::event_faults(refusal, spoken), ..ProblemKind::NoRoom.into() }
    }

    fn event_faults(refusal: &Refusal, spoken: Spoken) -> Vec<Fault> {
        let fault = |fault: &EventFault| Fault {
            place: fault.pointer.clone(),
            detail: fault.code.text(spoken.0).to_owned(),
            reason: Some(fault.code.code()),
        };
        refusal.faults.iter().map(fault).collect()
    }

    /// An order that fits nothing that it is about, with each of them.
    pub(super) fn unfit(errors: Vec<Fault>) -> Self {
        Self { errors, ..ProblemKind::OrderDoesNotFit.into() }
    }

    /// A caller whose role is too small.
    pub(super) fn needs(role: Role) -> Self {
        Self { required_role: Some(role), ..ProblemKind::Forbidden.into() }
    }

    /// The problem behind a bare status that axum answered with.
    pub(super) fn of_status(status: StatusCode) -> Self {
        let kind = match status {
            StatusCode::NOT_FOUND => ProblemKind::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => ProblemKind::MethodNotAllowed,
            StatusCode::PAYLOAD_TOO_LARGE => ProblemKind::PayloadTooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => ProblemKind::UnsupportedMediaType,
            status if status.is_client_error() => ProblemKind::InvalidRequest,
            _ => ProblemKind::Internal,
        };
        kind.into()
    }

    /// Title and what you can do, for a page.
    pub(super) fn words(&self, spoken: Spoken) -> (&'static str, &'static str) {
        self.kind.words(spoken.0)
    }

    /// The answer in the caller's language.
    pub(super) fn render(&self, spoken: Spoken) -> Response {
        let (title, detail) = self.kind.words(spoken.0);
        let status = self.kind.status();
        let details = Details {
            r#type: format!("{TYPE_BASE}{}", self.kind.code()),
            title,
            status: status.as_u16(),
            detail,
            code: self.kind.code(),
            errors: &self.errors,
            required_role: self.required_role,
            letter: self.letter.as_ref(),
        };
        let mut response = (status, Json(details)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CONTENT_LANGUAGE, spoken.tag());
        if let Some((name, value)) = self.kind.header() {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

impl ProblemKind {
    fn codes() -> Vec<&'static str> {
        Self::ALL.iter().map(|kind| kind.code()).collect()
    }

    /// What is so, in English.
    pub(super) fn title(self) -> &'static str {
        self.words(Language::English).0
    }

    /// The header that HTTP asks for beside the status.
    fn header(self) -> Option<(HeaderName, &'static str)> {
        match self.status() {
            StatusCode::UNAUTHORIZED => Some((WWW_AUTHENTICATE, "Bearer realm=\"carepass\"")),
            StatusCode::SERVICE_UNAVAILABLE => Some((RETRY_AFTER, "5")),
            _ if self == Self::TooManyStreams => Some((RETRY_AFTER, "30")),
            _ if [Self::Busy, Self::OrderUnderWay, Self::TooManyRequests].contains(&self) => {
                Some((RETRY_AFTER, "1"))
            }
            _ => None,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.kind.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if let Some(kept_back) = seldom::may_tell() {
            tracing::warn!(%error, kept_back, "a request failed: the store does not answer");
        }
        let kind = match error {
            StoreError::Conflict => ProblemKind::Busy,
            StoreError::Unavailable(_) | StoreError::Damaged(_) => ProblemKind::StoreUnavailable,
        };
        kind.into()
    }
}

/// Of an event that could not be stored, or parked. One that is refused is told with its faults (`refused`, `no_room`).
impl From<IntakeError> for Problem {
    fn from(error: IntakeError) -> Self {
        match error {
            IntakeError::Refused(_) => ProblemKind::EventRefused.into(),
            IntakeError::NoRoom(_) => ProblemKind::NoRoom.into(),
            // The intake has told it.
            IntakeError::Unavailable(_) => ProblemKind::StoreUnavailable.into(),
        }
    }
}

impl From<ReplayError> for Problem {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::NotFound => ProblemKind::NotFound.into(),
            ReplayError::Lost => ProblemKind::LetterLost.into(),
            ReplayError::Refused(_) => ProblemKind::EventRefused.into(),
            ReplayError::Unavailable(why) => StoreError::Unavailable(why).into(),
        }
    }
}

impl From<OrderError> for Problem {
    fn from(error: OrderError) -> Self {
        let kind = match error {
            OrderError::NotFound => ProblemKind::NotFound,
            OrderError::NotHeld => ProblemKind::NotHeld,
            OrderError::Moved => ProblemKind::PreconditionFailed,
            OrderError::Busy | OrderError::Rejected(Rejected::Busy) => ProblemKind::Busy,
            OrderError::Rejected(Rejected::Settled) => ProblemKind::Settled,
            OrderError::Rejected(
                Rejected::TooEarly
                | Rejected::NothingRan
                | Rejected::Stale
                | Rejected::Unskippable
                | Rejected::Unconfirmable
                | Rejected::StillOpen
                | Rejected::HasAccount
                | Rejected::NoFirstPassword,
            )
            | OrderError::NotHome => ProblemKind::OrderDoesNotFit,
            OrderError::NothingToReissue(refused) => return reissue::nothing(&refused),
            OrderError::Store(error) => return error.into(),
        };
        kind.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_distinct_and_every_problem_is_an_error_with_words() {
        let codes: BTreeSet<_> = ProblemKind::ALL.iter().map(|kind| kind.code()).collect();
        assert_eq!(codes.len(), ProblemKind::ALL.len());
        for kind in ProblemKind::ALL {
            assert!(kind.status().is_client_error() || kind.status().is_server_error(), "{kind:?}");
            let (english, swedish) = (kind.words(Language::English), kind.words(Language::Swedish));
            assert!(english.0 != swedish.0 && english.1 != swedish.1, "{kind:?} is not translated");
            assert!(english.1.ends_with('.') && swedish.1.ends_with('.'), "{kind:?}");
        }
    }

    #[test]
    fn the_page_for_integrators_lists_every_problem() {
        let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/API.md")).unwrap();
        let begin = |line: &&str| *line != "| `code` | Status | What is so | What you can do |";
        let rows = page.lines().skip_while(begin).skip(2).take_while(|line| line.starts_with("| "));
        let row = |kind: &ProblemKind| {
            let (title, detail) = kind.words(Language::English);
            format!("| `{}` | {} | {title}. | {detail} |", kind.code(), kind.status().as_u16())
        };
        let expected: Vec<String> = ProblemKind::ALL.iter().map(row).collect();
        assert_eq!(rows.collect::<Vec<_>>(), expected, "\n{}", expected.join("\n"));
    }

    #[test]
    fn a_rendered_problem_has_the_shape_of_the_rfc() {
        let response = Problem::needs(Role::Approver).render(Spoken(Language::Swedish));
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        assert_eq!(response.headers()[CONTENT_LANGUAGE], "sv");
        let refused = Problem::from(ProblemKind::Unauthorized).render(Spoken(Language::English));
        assert!(refused.headers().contains_key(WWW_AUTHENTICATE));
    }
}

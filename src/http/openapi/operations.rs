//! What is said of each route: its name, what is asked and sent, what is answered, and which problems. The tests hold it against the
//! table of routes. Not here: how it becomes a document (`openapi`).

use super::of;
use crate::http::dead_letters::{LetterView, Replay, Replayed};
use crate::http::drift::FindingView;
use crate::http::events::Taken;
use crate::http::health::Report;
use crate::http::orders::Body;
use crate::http::problem::ProblemKind;
use crate::http::reissue::ReissueView;
use crate::http::reseller_view::ResellerView;
use crate::http::tasks::Done;
use crate::http::usernames::{Answer as Preview, Asking};
use crate::http::views::{EngineerView, EnrollmentView, EntryView, Page, TaskView};
use crate::model::engineer::Progress;
use axum::http::Method;
use schemars::Schema;
use schemars::generate::SchemaGenerator;

/// One route, as the document shows it.
pub(super) struct Operation {
    pub(super) method: Method,
    pub(super) path: &'static str,
    /// A name that programs are made with.
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    pub(super) query: &'static [Query],
    pub(super) body: Option<Sent>,
    pub(super) answers: &'static [Answer],
    pub(super) problems: &'static [&'static [ProblemKind]],
}

/// What may be asked beside the path.
pub(super) struct Query {
    pub(super) name: &'static str,
    /// `query` or `header`.
    pub(super) place: &'static str,
    pub(super) about: &'static str,
    pub(super) shape: Shape,
}

/// A body that is sent.
pub(super) struct Sent {
    pub(super) media: &'static [&'static str],
    pub(super) shape: Shape,
}

/// A good answer.
pub(super) struct Answer {
    pub(super) status: u16,
    /// Its media type; empty where it has no body.
    pub(super) media: &'static str,
    pub(super) about: &'static str,
    pub(super) shape: Shape,
}

/// What a value looks like.
pub(super) enum Shape {
    /// Any text.
    Text,
    /// What another document describes.
    Anything,
    /// True or false.
    Flag,
    /// A number from 1.
    Count,
    /// A place in the ledger.
    Place,
    /// A type.
    Of(SchemaOf),
    /// One of several types.
    AnyOf(&'static [SchemaOf]),
}

type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// What every request may be answered, before anybody looks at who sent it.
const FRONT: &[ProblemKind] = &[
    ProblemKind::InvalidRequest,
    ProblemKind::HostNotAllowed,
    ProblemKind::PayloadTooLarge,
    ProblemKind::UriTooLong,
    ProblemKind::HeadersTooLarge,
    ProblemKind::RequestTimeout,
    ProblemKind::Internal,
];

/// What every request with a token may be answered.
const KNOWN: &[ProblemKind] = &[
    ProblemKind::Unauthorized,
    ProblemKind::Forbidden,
    ProblemKind::TooManyRequests,
    ProblemKind::StoreUnavailable,
];

const FOUND: &[ProblemKind] = &[ProblemKind::NotFound];

/// What every order may be answered.
const ORDERED: &[ProblemKind] = &[
    ProblemKind::UnsupportedMediaType,
    ProblemKind::IdempotencyKeyReused,
    ProblemKind::OrderUnderWay,
    ProblemKind::TooManyOrders,
    ProblemKind::AnswerNotKept,
];

/// What an order about an engineer or a row may be answered beside that.
const DECIDED: &[ProblemKind] = &[
    ProblemKind::NotHeld,
    ProblemKind::Settled,
    ProblemKind::Busy,
    ProblemKind::OrderDoesNotFit,
    ProblemKind::PreconditionFailed,
];

const OFFERED: &[ProblemKind] = &[ProblemKind::EventRefused, ProblemKind::NoRoom];

const READ: &[&[ProblemKind]] = &[FRONT, KNOWN];
const READ_ONE: &[&[ProblemKind]] = &[FRONT, KNOWN, FOUND];
const ORDER: &[&[ProblemKind]] = &[FRONT, KNOWN, FOUND, ORDERED, DECIDED];

const LIMIT: Query = Query {
    name: "limit",
    place: "query",
    about: "Items of a part: 50 unless said otherwise, 200 at most.",
    shape: Shape::Count,
};
const CURSOR: Query = Query {
    name: "cursor",
    place: "query",
    about: "The `next_cursor` of the part before.",
    shape: Shape::Text,
};
const ONCE: Query = Query {
    name: "Idempotency-Key",
    place: "header",
    about: "An order that is sent again under the same key is carried out once, and answered the same.",
    shape: Shape::Text,
};

const SEEN: Query = Query {
    name: "If-Match",
    place: "header",
    about: "The `version`, in quotes, in which you saw what the order is about: the engineer (approve, and reissue of all domains; its `ETag` will do) or the row (everything else).",
    shape: Shape::Text,
};
const KNOWN_TAG: Query = Query {
    name: "If-None-Match",
    place: "header",
    about: "The `ETag` of the answer that you have.",
    shape: Shape::Text,
};
const NOT_MODIFIED: Answer =
    Answer { status: 304, media: "", about: "It is the answer that you have.", shape: Shape::Anything };

const JSON: &str = "application/json";

const fn answered(about: &'static str, shape: SchemaOf) -> Answer {
    Answer { status: 200, media: JSON, about, shape: Shape::Of(shape) }
}

const fn sent(shape: SchemaOf) -> Sent {
    Sent { media: &[JSON], shape: Shape::Of(shape) }
}

const fn probe(
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    query: &'static [Query],
) -> Operation {
    const GOOD: Answer = answered("It is. Whoever shows a token is told the parts.", of::<Report>);
    const BAD: Answer = Answer { status: 503, ..answered("It is not.", of::<Report>) };
    Operation {
        method: Method::GET,
        path,
        id,
        summary,
        query,
        body: None,
        answers: &[GOOD, BAD],
        problems: &[FRONT],
    }
}

const fn document(
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    media: &'static str,
) -> Operation {
    let answers: &'static [Answer] = match media.as_bytes() {
        b"application/schema+json" => &[Answer {
            status: 200,
            media: "application/schema+json",
            about: "The document.",
            shape: Shape::Anything,
        }],
        _ => &[Answer { status: 200, media: JSON, about: "The document.", shape: Shape::Anything }],
    };
    Operation { method: Method::GET, path, id, summary, query: &[], body: None, answers, problems: &[FRONT] }
}

/// Every route of the API. The page on which an engineer opens first passwords is for people and stands nowhere here.
pub(super) const OPERATIONS: [Operation; 25] = [
    Operation {
        method: Method::GET,
        path: "/v1/engineers",
        id: "listEngineers",
        summary: "Engineers in the order of their keys. A part may be short, or empty, and have a next one.",
        query: &[
            Query {
                name: "state",
                place: "query",
                about: "Only those who are so far.",
                shape: Shape::Of(of::<Progress>),
            },
            Query {
                name: "reseller",
                place: "query",
                about: "Only those who have a row in this reseller account.",
                shape: Shape::Text,
            },
            CURSOR,
            LIMIT,
            KNOWN_TAG,
        ],
        body: None,
        answers: &[answered("A part of the list.", of::<Page<EngineerView>>), NOT_MODIFIED],
        problems: READ,
    },
    Operation {
        method: Method::GET,
        path: "/v1/engineers/{key}",
        id: "getEngineer",
        summary: "An engineer with all rows.",
        query: &[KNOWN_TAG],
        body: None,
        answers: &[answered("The engineer.", of::<EngineerView>), NOT_MODIFIED],
        problems: READ_ONE,
    },
    Operation {
        method: Method::GET,
        path: "/v1/engineers/{key}/ledger",
        id: "getHistory",
        summary: "What the ledger says of an engineer, the oldest first.",
        query: &[CURSOR, LIMIT, KNOWN_TAG],
        body: None,
        answers: &[answered("A part of the list.", of::<Page<EntryView>>), NOT_MODIFIED],
        problems: READ_ONE,
    },
    Operation {
        method: Method::GET,
        path: "/v1/resellers",
        id: "listResellers",
        summary: "The reseller accounts of the configuration.",
        query: &[CURSOR, LIMIT, KNOWN_TAG],
        body: None,
        answers: &[answered("A part of the list.", of::<Page<ResellerView>>), NOT_MODIFIED],
        problems: READ,
    },
    Operation {
        method: Method::GET,
        path: "/v1/tasks",
        id: "listTasks",
        summary: "One card for each thing that only a person can do; first what keeps a leaver's access open, then the earliest first day, then the oldest.",
        query: &[CURSOR, LIMIT, KNOWN_TAG],
        body: None,
        answers: &[answered("A part of the list.", of::<Page<TaskView>>), NOT_MODIFIED],
        problems: READ,
    },
    Operation {
        method: Method::GET,
        path: "/v1/drift",
        id: "listDrift",
        summary: "What others have changed at Google, as the last look at each reseller account found it.",
        query: &[
            Query {
                name: "reseller",
                place: "query",
                about: "Only in this reseller account.",
                shape: Shape::Text,
            },
            CURSOR,
            LIMIT,
            KNOWN_TAG,
        ],
        body: None,
        answers: &[answered("A part of the list.", of::<Page<FindingView>>), NOT_MODIFIED],
        problems: READ,
    },
    Operation {
        method: Method::GET,
        path: "/v1/stream",
        id: "follow",
        summary: "What changes, as server-sent events; the data of each is a StreamEvent.",
        query: &[
            Query {
                name: "after",
                place: "query",
                about: "Behind which entry of the ledger it begins; without it, now. `Last-Event-ID` goes before it.",
                shape: Shape::Place,
            },
            Query {
                name: "Last-Event-ID",
                place: "header",
                about: "The `id` of the last event that was seen.",
                shape: Shape::Place,
            },
        ],
        body: None,
        answers: &[Answer {
            status: 200,
            media: "text/event-stream",
            about: "Events, until the caller goes, ten minutes have passed, or carepass stops.",
            shape: Shape::Text,
        }],
        problems: &[FRONT, KNOWN, &[ProblemKind::TooManyStreams]],
    },
    Operation {
        method: Method::POST,
        path: "/v1/engineers/{key}/orders",
        id: "orderEngineer",
        summary: "Decides about an engineer: approve, or new first passwords (reissue); retry, skip and cancel are about the last row.",
        query: &[ONCE, SEEN],
        body: Some(sent(of::<Body>)),
        answers: &[Answer {
            status: 200,
            media: JSON,
            about: "The engineer (approve, reissue) or the row as it is now.",
            shape: Shape::AnyOf(&[of::<EngineerView>, of::<ReissueView>, of::<EnrollmentView>]),
        }],
        problems: ORDER,
    },
    Operation {
        method: Method::POST,
        path: "/v1/enrollments/{key}/{reseller}/{domain}/orders",
        id: "orderEnrollment",
        summary: "Decides about an engineer in a domain: retry, skip, cancel, adopt, reissue.",
        query: &[ONCE, SEEN],
        body: Some(sent(of::<Body>)),
        answers: &[answered("The row as it is now.", of::<EnrollmentView>)],
        problems: ORDER,
    },
    Operation {
        method: Method::POST,
        path: "/v1/resellers/{reseller}/orders",
        id: "orderReseller",
        summary: "Decides about the set-up of a reseller account: retry, cancel. Its steps guard all its domains: a skip is refused (409).",
        query: &[ONCE, SEEN],
        body: Some(sent(of::<Body>)),
        answers: &[answered("The row as it is now.", of::<EnrollmentView>)],
        problems: ORDER,
    },
    Operation {
        method: Method::POST,
        path: "/v1/tasks/{id}/done",
        id: "taskDone",
        summary: "A person says that a task is done; carepass looks at once, or takes the word for it.",
        query: &[ONCE],
        body: Some(sent(of::<Done>)),
        answers: &[Answer {
            status: 200,
            media: JSON,
            about: "The rows of the card as they are now, or the engineers who were let in.",
            shape: Shape::AnyOf(&[of::<Page<EnrollmentView>>, of::<Page<EngineerView>>]),
        }],
        problems: &[FRONT, KNOWN, &[ProblemKind::NotFound, ProblemKind::TaskNotOpen], ORDERED, DECIDED],
    },
    Operation {
        method: Method::POST,
        path: "/v1/usernames:preview",
        id: "previewUsername",
        summary: "Which username a person would get. Nothing is kept.",
        query: &[ONCE],
        body: Some(sent(of::<Asking>)),
        answers: &[answered("The name, and all that came into question.", of::<Preview>)],
        problems: &[FRONT, KNOWN, ORDERED],
    },
    Operation {
        method: Method::GET,
        path: "/v1/dead-letters",
        id: "listDeadLetters",
        summary: "Messages that could not be used, the oldest first.",
        query: &[CURSOR, LIMIT, KNOWN_TAG],
        body: None,
        answers: &[answered("A part of the list.", of::<Page<LetterView>>), NOT_MODIFIED],
        problems: READ,
    },
    Operation {
        method: Method::GET,
        path: "/v1/dead-letters/{id}",
        id: "getDeadLetter",
        summary: "A message that could not be used.",
        query: &[
            Query {
                name: "body",
                place: "query",
                about: "With the message itself, which is personal data: for operators.",
                shape: Shape::Flag,
            },
            KNOWN_TAG,
        ],
        body: None,
        answers: &[answered("The message.", of::<LetterView>), NOT_MODIFIED],
        problems: &[FRONT, KNOWN, FOUND, &[ProblemKind::LetterLost]],
    },
    Operation {
        method: Method::POST,
        path: "/v1/dead-letters/{id}/replay",
        id: "replayDeadLetter",
        summary: "Takes a parked message up again.",
        query: &[ONCE],
        body: Some(sent(of::<Replay>)),
        answers: &[answered("What became of it.", of::<Replayed>)],
        problems: &[FRONT, KNOWN, FOUND, ORDERED, OFFERED, &[ProblemKind::LetterLost]],
    },
    Operation {
        method: Method::POST,
        path: "/v1/events",
        id: "sendEvents",
        summary: "Takes events in: CloudEvents 1.0, structured, binary or batched (`/v1/asyncapi.json`).",
        query: &[],
        body: Some(Sent {
            media: &["application/cloudevents+json", "application/cloudevents-batch+json", JSON],
            shape: Shape::Anything,
        }),
        answers: &[Answer {
            status: 202,
            media: JSON,
            about: "On disk, each with what became of it.",
            shape: Shape::Of(of::<Taken>),
        }],
        problems: &[FRONT, KNOWN, OFFERED, &[ProblemKind::NoCloudEvent, ProblemKind::IntakeClosed]],
    },
    Operation {
        method: Method::GET,
        path: "/v1/resellers/{reseller}/address-map.csv",
        id: "getAddressMap",
        summary: "The engineers' new addresses and their main ones, for Gmail's recipient address map. Personal data.",
        query: &[
            Query { name: "domain", place: "query", about: "Only those of this domain.", shape: Shape::Text },
            KNOWN_TAG,
        ],
        body: None,
        answers: &[
            Answer {
                status: 200,
                media: "text/csv",
                about: "One line for each account.",
                shape: Shape::Text,
            },
            NOT_MODIFIED,
        ],
        problems: READ_ONE,
    },
    probe("/startupz", "hasStarted", "Whether the start is over.", &[]),
    probe("/livez", "isLive", "Whether the process need not be restarted.", &[]),
    probe(
        "/readyz",
        "isReady",
        "Whether carepass works.",
        &[Query {
            name: "intake",
            place: "query",
            about: "Asks about the broker as well.",
            shape: Shape::Text,
        }],
    ),
    Operation {
        method: Method::GET,
        path: "/metrics",
        id: "getMetrics",
        summary: "Metrics in the text format of Prometheus.",
        query: &[],
        body: None,
        answers: &[Answer { status: 200, media: "text/plain", about: "The metrics.", shape: Shape::Text }],
        problems: &[FRONT],
    },
    document(super::PATH, "getOpenApi", "This document.", JSON),
    document(
        "/v1/asyncapi.json",
        "getAsyncApi",
        "The events that carepass takes and sends, as AsyncAPI.",
        JSON,
    ),
    document(
        "/v1/schemas/engineer/1.0.json",
        "getEngineerSchema",
        "The schema of what HR says.",
        "application/schema+json",
    ),
    document(
        "/v1/schemas/engineer-full/1.0.json",
        "getFullEngineerSchema",
        "The schema of all that HR says of a joiner.",
        "application/schema+json",
    ),
];

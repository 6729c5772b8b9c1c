//! Floor 0: what is being done now, and for whom: spans for a collector of traces, and the ids that log lines carry. A span is known to
//! whatever runs in it without being handed on; where nothing is exported it holds those ids and nothing else.
//! Not here: what spans say (`engine/traced`, the doors, `google/transport`), and how they leave the house (`otlp`).

mod context;
mod span;
mod tracer;

pub use context::{Context, SpanId, TraceId};
pub use span::{Kind, LogIds, Notes, Span, Value, current};
pub use tracer::{Finished, Tracer, tracer};

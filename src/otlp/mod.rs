//! Floor 1: spans leave the house by OTLP over HTTP, in protobuf, for a collector that the operator names.
//! Not here: what spans say (`trace`, `engine/traced`), and other signals: logs go to standard error, metrics are asked for.

mod exporter;
mod settings;
mod wire;

pub use exporter::Exporter;
pub use settings::{InvalidHeaders, OtlpSettings, headers};

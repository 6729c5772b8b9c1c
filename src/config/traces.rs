//! Reading where traces go. Not here: whether anybody takes them there.

use super::broker::pem;
use super::kinds;
use super::reader::{Read, Section};
use crate::model::authorities::Authorities;
use crate::otlp::{self, OtlpSettings};

/// The collector; none where no endpoint is named.
pub(super) fn read(mut s: Section<'_>) -> Read<Option<OtlpSettings>> {
    let endpoint = s.optional("endpoint", kinds::base);
    let headers = s.secret("headers", "headers_file", |text| {
        otlp::headers(&text).map_err(|wrong| wrong.to_string())
    });
    let authorities = s.optional("ca_file", |leaf| pem(leaf, Authorities::parse));
    let service = s.defaulted("service", kinds::text);
    s.close();
    let (endpoint, headers, authorities, service) = (endpoint?, headers?, authorities?, service?);
    let settings = |endpoint| OtlpSettings {
        endpoint,
        headers: headers.unwrap_or_default(),
        authorities,
        service,
    };
    Ok(endpoint.map(settings))
}

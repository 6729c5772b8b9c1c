//! Reading where traces go. Not here: whether anybody takes them there.

use super::broker::pem;
use super::kinds;
use super::reader::{Read, Section};
use crate::model::authorities::Authorities;
use crate::otlp::{self, OtlpSettings};

/// The collector; none where no endpoint is named.
pub(super) fn read(mut s: Section<'_>) -> Read<Option<OtlpSettings>> {
    let endpoint = s.optional("endpoint", kinds::base);
    let headers =
        s.secret("headers", "headers_file", |text| otlp::headers(&text).map_err(|wrong| wrong.to_string()));
    let authorities = s.optional("ca_file", |leaf| pem(leaf, Authorities::parse));
    let service = s.defaulted("service", kinds::text);
    s.close();
    let (endpoint, headers, authorities, service) = (endpoint?, headers?, authorities?, service?);
    let settings =
        |endpoint| OtlpSettings { endpoint, headers: headers.unwrap_or_default(), authorities, service };
    Ok(endpoint.map(settings))
}

#[cfg(test)]
mod tests {
    use crate::config::fault_tests::check_added;
    use crate::config::tests::{LEAST, folder, load_in};

    #[test]
    fn where_traces_go_is_said_in_full_or_not_at_all() {
        let base = "not the beginning of an address; write one like https://carepass.example, without query; http:// is for this machine only";
        check_added(
            "[traces]\nendpoint = \"http://collector.example:4318\"",
            &[&format!("carepass.toml: traces.endpoint: {base}")],
        );
        let headers =
            "not headers; write them like name=value, with a comma or a new line between two, 16 at most";
        check_added(
            "[traces]\nheaders = \"hunter2\"",
            &[&format!("carepass.toml: traces.headers: {headers}")],
        );
        check_added(
            "[traces]\nendpiont = \"\"",
            &["carepass.toml: traces.endpiont: unknown key; did you mean endpoint?"],
        );
    }

    #[test]
    fn headers_come_from_a_file_of_their_own() {
        let folder = folder(&[("carepass.toml", LEAST), ("headers", "authorization=Bearer hunter2\n")]);
        let load = |variables: &[(&str, &str)]| {
            let loaded = load_in(folder.path(), &["carepass.toml"], variables);
            loaded.unwrap_or_else(|faults| panic!("{faults}")).traces
        };
        assert!(load(&[]).is_none());
        let endpoint = ("CAREPASS__TRACES__ENDPOINT", "https://collector.example:4318/");
        let settings = load(&[endpoint, ("CAREPASS__TRACES__HEADERS_FILE", "DIR/headers")]).unwrap();
        assert_eq!(
            (settings.endpoint.as_str(), settings.service.as_str()),
            ("https://collector.example:4318", "carepass")
        );
        assert_eq!(settings.headers["authorization"], "Bearer hunter2");
        assert!(!format!("{settings:?}").contains("hunter2"), "{settings:?}");
    }
}

//! How the broker is known and how carepass shows itself to it: the authorities that may vouch for it, and a certificate of carepass's
//! own (mutual TLS). Not here: reading files, and connections.

use lapin::tcp::{RustlsConnector, RustlsConnectorConfig};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{AlertDescription, CertificateError, Error};
use secrecy::{ExposeSecret, SecretString};
use std::{fmt, io};

use crate::model::authorities::Authorities;

/// Why TLS cannot be had: what is so and what to do. Never a part of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTls {
    /// The text is no certificate.
    #[error("no certificates in PEM, which begin with -----BEGIN CERTIFICATE-----")]
    Certificate,
    /// The text is no key that is understood, or one that has a password.
    #[error("no private key in PEM without a password, which begins with -----BEGIN PRIVATE KEY-----")]
    Key,
    /// They do not belong together, or the machine has no authorities.
    #[error("cannot be used: {0}")]
    Unusable(String),
}

/// What carepass shows to a broker that asks for it.
pub struct ClientCertificate {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl ClientCertificate {
    /// Reads a certificate with those between it and its authority.
    ///
    /// # Errors
    /// [`InvalidTls::Certificate`].
    pub fn chain(pem: &str) -> Result<Vec<CertificateDer<'static>>, InvalidTls> {
        let chain = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>();
        chain.ok().filter(|chain| !chain.is_empty()).ok_or(InvalidTls::Certificate)
    }

    /// Reads a key.
    ///
    /// # Errors
    /// [`InvalidTls::Key`].
    pub fn key(pem: &SecretString) -> Result<PrivateKeyDer<'static>, InvalidTls> {
        PrivateKeyDer::from_pem_slice(pem.expose_secret().as_bytes()).map_err(|_| InvalidTls::Key)
    }

    /// Both.
    pub fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Self {
        Self { chain, key }
    }
}

/// Whom to trust and what to show. Clones share the key.
#[derive(Clone)]
pub struct Tls(RustlsConnector);

impl Tls {
    /// Trusts these authorities and no others, or those of the machine where none are named.
    ///
    /// # Errors
    /// [`InvalidTls::Unusable`].
    pub fn new(
        authorities: Option<&Authorities>,
        certificate: Option<ClientCertificate>,
    ) -> Result<Self, InvalidTls> {
        let trusted = match authorities {
            Some(these) => RustlsConnectorConfig::default()
                .with_parsable_certificates(these.certificates().map(CertificateDer::from).collect()),
            None => RustlsConnectorConfig::new_with_platform_verifier(),
        };
        let connector = match certificate {
            Some(ClientCertificate { chain, key }) => trusted.connector_with_single_cert(chain, key),
            None => trusted.connector_with_no_client_auth(),
        };
        connector.map(Self).map_err(|error| InvalidTls::Unusable(unusable(&error)))
    }

    pub(super) const fn connector(&self) -> &RustlsConnector {
        &self.0
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Tls(..)")
    }
}

fn unusable(error: &io::Error) -> String {
    match tls_error(error) {
        Some(Error::InconsistentKeys(_)) => "the key is not the certificate's".to_owned(),
        Some(_) | None => error.to_string(),
    }
}

/// A failed handshake as one sentence for an operator; nothing if it was none.
pub(super) fn words(cause: &io::Error) -> Option<String> {
    let error = tls_error(cause)?;
    if let Error::InvalidCertificate(fault) = error {
        return Some(format!("the broker's certificate {}", certificate_words(fault)));
    }
    if let Error::AlertReceived(AlertDescription::CertificateRequired) = error {
        return Some(
            "the broker asks for a client certificate; set intake.amqp.client_certificate_file and client_key_file".to_owned(),
        );
    }
    if let Error::AlertReceived(alert) = error {
        return Some(format!(
            "the broker ended the TLS handshake ({alert:?}); is intake.amqp.client_certificate_file signed by an authority that it trusts?"
        ));
    }
    if let Error::InvalidMessage(_) = error {
        return Some(
            "the broker does not speak TLS on that port; is it the one for amqps://, usually 5671?"
                .to_owned(),
        );
    }
    Some(format!("TLS failed: {error}"))
}

fn certificate_words(fault: &CertificateError) -> String {
    use CertificateError as Fault;
    if matches!(fault, Fault::UnknownIssuer | Fault::BadSignature) {
        "is signed by nobody who is trusted here; name the authority in intake.amqp.ca_file".to_owned()
    } else if matches!(fault, Fault::NotValidForName | Fault::NotValidForNameContext { .. }) {
        "is for another name; write the URL's host as in the certificate".to_owned()
    } else if matches!(fault, Fault::Expired | Fault::ExpiredContext { .. }) {
        "has expired; have it renewed".to_owned()
    } else {
        format!("cannot be trusted: {fault}")
    }
}

fn tls_error(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_and_its_key_and_nothing_else() {
        let made = || rcgen::generate_simple_self_signed(["carepass".to_owned()]).unwrap();
        let (own, other) = (made(), made());
        let key = |pem: String| ClientCertificate::key(&SecretString::from(pem));
        let authorities = Authorities::parse(&other.cert.pem()).unwrap();
        let paired = |key_of: &rcgen::CertifiedKey<rcgen::KeyPair>| {
            let chain = ClientCertificate::chain(&own.cert.pem()).unwrap();
            let key = key(key_of.signing_key.serialize_pem()).unwrap();
            Tls::new(Some(&authorities), Some(ClientCertificate::new(chain, key)))
        };
        assert_eq!(format!("{:?}", paired(&own).unwrap()), "Tls(..)");
        let wrong = paired(&other).unwrap_err();
        assert_eq!(wrong.to_string(), "cannot be used: the key is not the certificate's");
        assert_eq!(ClientCertificate::chain(""), Err(InvalidTls::Certificate));
        assert_eq!(ClientCertificate::chain(&own.signing_key.serialize_pem()), Err(InvalidTls::Certificate));
        for pem in [
            String::new(),
            own.cert.pem(),
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n".to_owned(),
        ] {
            assert_eq!(key(pem).err(), Some(InvalidTls::Key));
        }
    }

    #[test]
    fn what_fails_in_a_handshake_is_said_in_plain_words() {
        let check = |error: Error, expected: &str| {
            let said = words(&io::Error::new(io::ErrorKind::InvalidData, error)).unwrap();
            assert!(said.contains(expected), "{said}");
        };
        check(Error::InvalidCertificate(CertificateError::UnknownIssuer), "intake.amqp.ca_file");
        check(Error::InvalidCertificate(CertificateError::Expired), "has expired");
        check(Error::InvalidCertificate(CertificateError::NotValidForName), "another name");
        check(Error::AlertReceived(AlertDescription::CertificateRequired), "client_key_file");
        check(Error::AlertReceived(AlertDescription::UnknownCA), "UnknownCA");
        check(Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType), "5671");
        assert_eq!(words(&io::Error::from(io::ErrorKind::ConnectionReset)), None);
    }
}

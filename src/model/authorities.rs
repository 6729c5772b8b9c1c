//! The certificate authorities that may vouch for a mail server or a broker, instead of those that the world trusts. Not here: reading
//! the file.

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// One certificate or more that a TLS client can trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorities(Vec<CertificateDer<'static>>);

/// Why a text holds no [`Authorities`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no certificates in PEM, which begin with -----BEGIN CERTIFICATE-----")]
pub struct InvalidAuthorities;

impl Authorities {
    /// Parses certificates in PEM.
    ///
    /// # Errors
    /// When there is none, or one that is no certificate.
    pub fn parse(pem: &str) -> Result<Self, InvalidAuthorities> {
        let certificates = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>();
        let certificates = certificates.map_err(|_| InvalidAuthorities)?;
        let mut store = RootCertStore::empty();
        for certificate in &certificates {
            store.add(certificate.clone()).map_err(|_| InvalidAuthorities)?;
        }
        if certificates.is_empty() { Err(InvalidAuthorities) } else { Ok(Self(certificates)) }
    }

    /// Each certificate in DER.
    pub fn certificates(&self) -> impl Iterator<Item = Vec<u8>> {
        self.0.iter().map(|certificate| certificate.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_certificates_are_trusted() {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (pem, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let check = |text: &str, expected: Result<usize, InvalidAuthorities>| {
            assert_eq!(
                Authorities::parse(text).map(|these| these.certificates().count()),
                expected,
                "{text}"
            );
        };
        check(&pem, Ok(1));
        check(&format!("a note\n{pem}{pem}"), Ok(2));
        check("", Err(InvalidAuthorities));
        check(&key, Err(InvalidAuthorities));
        check(damaged, Err(InvalidAuthorities));
        check(&format!("{pem}{damaged}"), Err(InvalidAuthorities));
    }
}

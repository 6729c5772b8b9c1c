//! HTTPS for clients that insist on it: a certificate and a key from files, on loopback like everything else.
//! Not here: making certificates, and the client's trust in them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_rustls::server::TlsStream;

/// The longest handshake.
const HANDSHAKE_MOST: Duration = Duration::from_secs(10);

/// Why a certificate and its key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file is not there, or not PEM, or holds nothing of the kind.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// They do not belong together, or are of a kind that is not understood.
    #[error("the certificate and its key: {0}")]
    Pair(#[from] rustls::Error),
}

/// A server's side of TLS. Clones share the key.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    /// Reads a certificate chain and its key, both PEM.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| TlsError::File { path, source }
        };
        let chain = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect);
        let chain: Vec<CertificateDer<'static>> = chain.map_err(failed(certificate))?;
        let key = PrivateKeyDer::from_pem_file(key).map_err(failed(key))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    /// Nothing when the client gives up, is too slow, or does not trust the certificate.
    pub(super) async fn handshake(&self, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
        tokio::time::timeout(HANDSHAKE_MOST, self.0.accept(stream)).await.ok()?.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::{Sandbox, World};
    use tokio_util::sync::CancellationToken;

    /// A throw-away certificate for `localhost`, in files.
    fn certificate(folder: &Path) -> (PathBuf, PathBuf) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        (certificate, key)
    }

    #[tokio::test]
    async fn a_client_that_insists_is_served_and_a_silent_one_holds_nobody_up() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = certificate(folder.path());
        let tls = Tls::read(&certificate, &key).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let serving = tokio::spawn(Sandbox::new(World::demo(&[])).serve_tls(listener, tls, stop.clone()));
        let silent = TcpStream::connect(address).await.unwrap();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let trusted = reqwest::Certificate::from_pem(&std::fs::read(&certificate).unwrap()).unwrap();
        let client = |builder: reqwest::ClientBuilder| {
            builder.no_proxy().resolve("localhost", address).build().unwrap()
        };
        let url = format!("https://localhost:{}/_sandbox/world", address.port());
        let insisting = client(reqwest::Client::builder().tls_certs_only([trusted]));
        assert_eq!(insisting.get(&url).send().await.unwrap().status(), 200);
        let distrustful = client(reqwest::Client::builder().tls_certs_only([]));
        assert!(distrustful.get(&url).send().await.is_err());
        drop(silent);
        stop.cancel();
        serving.await.unwrap().unwrap();
    }

    #[test]
    fn files_that_cannot_be_used_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = certificate(folder.path());
        let said = |certificate: &Path, key: &Path| Tls::read(certificate, key).unwrap_err().to_string();
        assert!(said(&folder.path().join("none"), &key).contains("none"));
        assert!(said(&certificate, &certificate).contains("cert.pem"), "no key in it");
    }
}

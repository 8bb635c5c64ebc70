//! TLS: which authorities are trusted, and the certificate that this side shows.

#[cfg(not(feature = "tls"))]
use crate::endpoint::Certificates;

/// Certificates that cannot be used; names the file, and never quotes it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TlsError(String);

#[cfg(not(feature = "tls"))]
pub(super) const WITHOUT: &str =
    "rediss:// needs the crate's feature `tls`, which is turned off in this program";

/// Reads the certificates once, so that a program fails when it starts and not at its first
/// connection.
#[cfg(not(feature = "tls"))]
pub fn check(_: &Certificates) -> Result<(), TlsError> {
    Err(TlsError(WITHOUT.to_owned()))
}

#[cfg(feature = "tls")]
pub use encrypted::check;
#[cfg(feature = "tls")]
pub(super) use encrypted::{Stream, open};

#[cfg(feature = "tls")]
mod encrypted {
    use std::io;
    use std::path::Path;
    use std::sync::{Arc, LazyLock};

    use rustls::pki_types::pem::{self, PemObject};
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
    use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

    use super::TlsError;
    use crate::endpoint::Certificates;
    use crate::wire::socket::Socket;

    pub(in crate::wire) type Stream = StreamOwned<ClientConnection, Socket>;

    /// Reads the certificates once, so that a program fails when it starts and not at its first
    /// connection.
    pub fn check(certificates: &Certificates) -> Result<(), TlsError> {
        config(certificates).map(drop)
    }

    pub(in crate::wire) fn open(
        certificates: &Certificates,
        host: &str,
        socket: Socket,
    ) -> io::Result<Stream> {
        let config = config(certificates).map_err(io::Error::other)?;
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let session = ClientConnection::new(config, name).map_err(io::Error::other)?;
        Ok(StreamOwned::new(session, socket))
    }

    /// Own files are read for each connection: certificates that live for a day are renewed while
    /// the program runs.
    fn config(certificates: &Certificates) -> Result<Arc<ClientConfig>, TlsError> {
        // Reading the system's certificates takes longer than connecting: once is enough.
        static SYSTEM: LazyLock<Arc<RootCertStore>> = LazyLock::new(|| {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            Arc::new(roots)
        });
        static PLAIN: LazyLock<Result<Arc<ClientConfig>, String>> = LazyLock::new(|| {
            let built = build(Arc::clone(&SYSTEM), None).map_err(|error| error.0)?;
            Ok(Arc::new(built))
        });
        if *certificates == Certificates::default() {
            return PLAIN.clone().map_err(TlsError);
        }
        let roots = match &certificates.authority {
            Some(file) => Arc::new(trusted(file)?),
            None => Arc::clone(&SYSTEM),
        };
        build(
            roots,
            certificates.client.as_ref().map(|(certificate, key)| (certificate.as_path(), key.as_path())),
        )
        .map(Arc::new)
    }

    fn build(roots: Arc<RootCertStore>, client: Option<(&Path, &Path)>) -> Result<ClientConfig, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError(error.to_string()))?
            .with_root_certificates(roots);
        let Some((certificate, key)) = client else { return Ok(config.with_no_client_auth()) };
        let chain = chain(certificate)?;
        let private = PrivateKeyDer::from_pem_file(key).map_err(|error| match error {
            pem::Error::Io(error) => unusable("private key", key, error),
            // The parser quotes lines.
            _ => unusable("private key", key, "there is none in the file (PEM is expected)"),
        })?;
        config
            .with_client_auth_cert(chain, private)
            .map_err(|error| unusable("client certificate with its key", certificate, error))
    }

    fn trusted(file: &Path) -> Result<RootCertStore, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in chain(file)? {
            roots.add(certificate).map_err(|error| unusable("certificate", file, error))?;
        }
        Ok(roots)
    }

    /// The certificates of a file, at least one.
    fn chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        match read {
            Ok(chain) if !chain.is_empty() => Ok(chain),
            Err(pem::Error::Io(error)) => Err(unusable("certificate", file, error)),
            // The parser quotes lines, and the file may be the key's by mistake.
            Ok(_) | Err(_) => {
                Err(unusable("certificate", file, "there is none in the file (PEM is expected)"))
            }
        }
    }

    fn unusable(what: &str, file: &Path, error: impl std::fmt::Display) -> TlsError {
        TlsError(format!("the {what} in {} cannot be used: {error}", file.display()))
    }
}

#[cfg(all(test, feature = "tls"))]
mod tests {
    use super::*;
    use crate::endpoint::Certificates;

    #[test]
    fn files_that_cannot_be_used_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, content: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            path
        };
        let empty = file("empty.pem", "");
        let broken =
            file("broken.pem", "-----BEGIN CERTIFICATE-----\nnonsense!\n-----END CERTIFICATE-----\n");
        let absent = folder.path().join("absent.pem");
        for path in [empty, broken, absent] {
            let authority = Certificates { authority: Some(path.clone()), client: None };
            let client = Certificates { authority: None, client: Some((path.clone(), path.clone())) };
            for certificates in [authority, client] {
                let error = check(&certificates).unwrap_err().to_string();
                assert!(error.contains(&path.display().to_string()), "{error}");
            }
        }
        check(&Certificates::default()).unwrap();
    }
}

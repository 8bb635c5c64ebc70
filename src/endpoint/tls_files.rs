//! Looks at the certificates that a URL names before they are used, so that an error names the
//! parameter and the file.

use std::fs;
use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::Certificates;

/// A file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot use {parameter}={}: {reason}", path.display())]
pub(crate) struct TlsFileError {
    parameter: &'static str,
    path: PathBuf,
    reason: String,
}

/// Reads the files and looks whether they hold what they should.
pub(crate) fn check(certificates: &Certificates) -> Result<(), TlsFileError> {
    if let Some(path) = &certificates.authority {
        check_file("ssl-ca", path, holds_certificate)?;
    }
    if let Some((certificate, key)) = &certificates.client {
        check_file("ssl-cert", certificate, holds_certificate)?;
        check_file("ssl-key", key, holds_key)?;
    }
    Ok(())
}

fn check_file(
    parameter: &'static str,
    path: &Path,
    examine: fn(&[u8]) -> Result<(), &'static str>,
) -> Result<(), TlsFileError> {
    let fail = |reason: String| TlsFileError { parameter, path: path.to_owned(), reason };
    let bytes = fs::read(path).map_err(|error| fail(plain_io(&error)))?;
    examine(&bytes).map_err(|reason| fail(reason.to_owned()))
}

/// The error without its number.
pub(crate) fn plain_io(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

fn holds_certificate(bytes: &[u8]) -> Result<(), &'static str> {
    let is_pem = CertificateDer::pem_slice_iter(bytes).next().is_some_and(|certificate| certificate.is_ok());
    if is_pem || is_der(bytes) { Ok(()) } else { Err("the file holds no certificate (PEM or DER)") }
}

fn holds_key(bytes: &[u8]) -> Result<(), &'static str> {
    let is_encrypted = bytes.windows(9).any(|window| window == b"ENCRYPTED");
    match PrivateKeyDer::from_pem_slice(bytes) {
        Ok(_) => Ok(()),
        Err(_) if is_encrypted => Err("the key is protected by a passphrase; rcache needs one without"),
        Err(_) if is_der(bytes) => Ok(()),
        Err(_) => Err("the file holds no private key (PEM or DER)"),
    }
}

/// A sequence, as every certificate and key begins.
fn is_der(bytes: &[u8]) -> bool {
    bytes.first() == Some(&0x30)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_used_is_named_with_its_parameter() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let certificate = rcgen::generate_simple_self_signed(vec!["db.example".to_owned()]).unwrap();
        let good = write("good.pem", &certificate.cert.pem());
        let key = write("key.pem", &certificate.signing_key.serialize_pem());
        let text = write("text.pem", "no certificate");
        let encrypted = write(
            "encrypted.pem",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        );
        let missing = dir.path().join("missing.pem");
        let ca = |path: &PathBuf| Certificates { authority: Some(path.clone()), client: None };
        let identity = |certificate: &PathBuf, key: &PathBuf| Certificates {
            authority: None,
            client: Some((certificate.clone(), key.clone())),
        };
        for (files, words) in [
            (ca(&good), ""),
            (identity(&good, &key), ""),
            (Certificates::default(), ""),
            (ca(&missing), "missing.pem: No such file"),
            (ca(&dir.path().to_owned()), "directory"),
            (ca(&text), "ssl-ca="),
            (ca(&key), "no certificate"),
            (identity(&key, &key), "ssl-cert="),
            (identity(&good, &good), "no private key"),
            (identity(&good, &encrypted), "passphrase"),
            (identity(&good, &missing), "ssl-key="),
        ] {
            match check(&files) {
                Ok(()) => assert_eq!(words, "", "{files:?}"),
                Err(error) => {
                    let error = error.to_string();
                    assert!(!words.is_empty() && error.contains(words), "{error} for {files:?}");
                    assert!(!error.contains("os error"), "{error}");
                }
            }
        }
    }
}

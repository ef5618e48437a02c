//! TLS by rustls.

use std::sync::Arc;

use fred::types::config::{TlsConfig, TlsConnector};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::config_error::RedisConfigError;

/// The certificates that were set at the builder.
#[derive(Default)]
pub(crate) struct Certificates {
    /// If there are none, those of the operating system are trusted.
    pub(crate) roots: Option<Roots>,
    pub(crate) client: Option<ClientPem>,
}

pub(crate) enum Roots {
    Der(Vec<Vec<u8>>),
    Pem(Vec<u8>),
}

pub(crate) struct ClientPem {
    pub(crate) certificates: Vec<u8>,
    pub(crate) key: Vec<u8>,
}

impl Certificates {
    pub(crate) fn connector(&self) -> Result<TlsConfig, RedisConfigError> {
        // The provider is named, because an application that compiles two providers has no default one.
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|_| RedisConfigError::Certificates)?
            .with_root_certificates(self.root_store()?);
        let config = match &self.client {
            Some(client) => {
                let (certificates, key) = client.parse().ok_or(RedisConfigError::ClientCertificate)?;
                config.with_client_auth_cert(certificates, key).map_err(|_| RedisConfigError::ClientCertificate)?
            }
            None => config.with_no_client_auth(),
        };
        Ok(TlsConnector::from(config).into())
    }

    fn root_store(&self) -> Result<RootCertStore, RedisConfigError> {
        let roots = match &self.roots {
            None => rustls_native_certs::load_native_certs().certs,
            Some(Roots::Der(roots)) => roots.iter().map(|der| der.clone().into()).collect(),
            Some(Roots::Pem(pem)) => parse_certificates(pem).ok_or(RedisConfigError::Certificates)?,
        };
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(roots);
        if store.is_empty() { Err(RedisConfigError::Certificates) } else { Ok(store) }
    }
}

impl ClientPem {
    fn parse(&self) -> Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
        Some((parse_certificates(&self.certificates)?, PrivateKeyDer::from_pem_slice(&self.key).ok()?))
    }
}

fn parse_certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().ok()
}

//! TLS by rustls.

use std::sync::Arc;

use fred::types::config::{TlsConfig, TlsConnector};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};

use crate::config_error::RedisConfigError;

/// A connector that trusts these certificates, or else those of the operating system.
pub(crate) fn connector(roots: Option<&[Vec<u8>]>) -> Result<TlsConfig, RedisConfigError> {
    let mut store = RootCertStore::empty();
    match roots {
        Some(roots) => store.add_parsable_certificates(roots.iter().map(|der| der.clone().into())),
        None => store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs),
    };
    if store.is_empty() {
        return Err(RedisConfigError::Certificates);
    }
    // Named, since an application that has compiled two providers has no default one.
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| RedisConfigError::Certificates)?
        .with_root_certificates(store)
        .with_no_client_auth();
    Ok(TlsConnector::from(config).into())
}

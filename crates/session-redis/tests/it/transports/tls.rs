//! Connections with TLS.

use std::error::Error;

use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use session_core::{AtomicBackend, BackendErrorKind};
use session_redis::{RedisBackend, RedisBackendBuilder, RedisConfigError};

use super::assert_works;
use crate::support::{Server, free_port};

const MADE: &str = "a certificate can be made";

/// An authority that signs certificates.
struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let (key, mut params) = (KeyPair::generate().expect(MADE), CertificateParams::new([]).expect(MADE));
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { certificate: params.self_signed(&key).expect(MADE), issuer: Issuer::new(params, key) }
    }

    /// Returns a certificate and its private key, in PEM.
    fn sign(&self, names: &[&str]) -> [String; 2] {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let (key, params) = (KeyPair::generate().expect(MADE), CertificateParams::new(names).expect(MADE));
        [params.signed_by(&key, &self.issuer).expect(MADE).pem(), key.serialize_pem()]
    }

    /// Starts a server whose certificate has these names, and returns its port for TLS.
    fn server(&self, names: &[&str], ask_clients: &str) -> (Server, u16) {
        let tls_port = free_port();
        let port = tls_port.to_string();
        let options = ["--tls-port", &port, "--tls-cert-file", "cert.pem", "--tls-key-file", "key.pem"];
        let options = [&options[..], &["--tls-ca-cert-file", "ca.pem", "--tls-auth-clients", ask_clients]].concat();
        let mut server = Server::new(free_port(), &options);
        let [certificate, key] = self.sign(names);
        for (file, pem) in [("ca.pem", &self.certificate.pem()), ("cert.pem", &certificate), ("key.pem", &key)] {
            std::fs::write(server.folder().join(file), pem).expect("the folder is there");
        }
        server.run();
        (server, tls_port)
    }
}

/// The cause of the first call's failure, without the server's name.
async fn cause(builder: RedisBackendBuilder, url: &str) -> String {
    let error = builder.connect(url).expect("the url is good").fetch("session:a").await.expect_err("it can't connect");
    assert_eq!(error.kind(), BackendErrorKind::Unavailable);
    error.source().expect("a cause").to_string().split_once(": ").expect("a cause").1.to_owned()
}

#[tokio::test]
async fn a_server_with_a_trusted_certificate_is_used() {
    let authority = Authority::new("an authority");
    let (_server, port) = authority.server(&["localhost", "127.0.0.1"], "no");
    for host in ["localhost", "127.0.0.1"] {
        let url = format!("rediss://{host}:{port}");
        let der = RedisBackend::builder().root_certificates([authority.certificate.der().to_vec()]);
        assert_works(&der.connect(&url).unwrap()).await;
        let pem = RedisBackend::builder().root_certificates_pem(authority.certificate.pem());
        assert_works(&pem.connect(&url).unwrap()).await;
    }
}

#[tokio::test]
async fn a_client_shows_its_certificate_to_a_server_that_asks_for_one() {
    let authority = Authority::new("an authority");
    let (_server, port) = authority.server(&["localhost"], "yes");
    let url = format!("rediss://localhost:{port}");
    let builder = || RedisBackend::builder().root_certificates_pem(authority.certificate.pem());
    let [certificate, key] = authority.sign(&["a client"]);
    assert_works(&builder().client_certificate_pem(certificate, key).connect(&url).unwrap()).await;
    assert_eq!(cause(builder(), &url).await, "tls: the server asks for a client certificate");
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_the_cause() {
    let (authority, other) = (Authority::new("the trusted one"), Authority::new("another one"));
    let (_server, port) = authority.server(&["elsewhere"], "no");
    let url = format!("rediss://localhost:{port}");
    let trusting = |authority: &Authority| RedisBackend::builder().root_certificates_pem(authority.certificate.pem());
    assert_eq!(cause(trusting(&other), &url).await, "tls: no trusted root has signed the certificate of the server");
    assert_eq!(cause(trusting(&authority), &url).await, "tls: the certificate of the server is for another host name");
}

#[test]
fn malformed_certificates_are_refused() {
    let refusal = |builder: RedisBackendBuilder| builder.connect("rediss://localhost").unwrap_err();
    let builder = RedisBackend::builder;
    assert_eq!(refusal(builder().root_certificates([b"text".to_vec()])), RedisConfigError::Certificates);
    assert_eq!(refusal(builder().root_certificates_pem("text")), RedisConfigError::Certificates);
    let authority = Authority::new("an authority");
    let ([certificate, _], [_, key_of_another]) = (authority.sign(&["a"]), authority.sign(&["b"]));
    for (certificate, key) in [("text", &*key_of_another), (&*certificate, "text"), (&*certificate, &*key_of_another)] {
        let builder = builder().root_certificates_pem(authority.certificate.pem());
        let error = refusal(builder.client_certificate_pem(certificate, key));
        assert_eq!(error, RedisConfigError::ClientCertificate);
    }
}

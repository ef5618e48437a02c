//! Connections with TLS.

use rcgen::{CertifiedKey, generate_simple_self_signed};
use session_core::AtomicBackend;
use session_sql::SqlBackend;
use session_test_support::PostgresServer;

use crate::support::{Server, cause, create};

/// Returns a server with a certificate for `localhost`, and a file that clients can read with that certificate.
fn server_with_tls() -> (PostgresServer, std::path::PathBuf) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate can be made");
    let mut server = PostgresServer::new(&["ssl=on"]);
    let certificate = server.write_file("server.crt", &cert.pem());
    let key = server.write_file("server.key", &signing_key.serialize_pem());
    server.set(&format!("ssl_cert_file={certificate}"));
    server.set(&format!("ssl_key_file={key}"));
    server.run();
    let roots = std::env::temp_dir().join(format!("session-sql-{}-root.crt", server.port));
    std::fs::write(&roots, cert.pem()).expect("there is a folder for temporary files");
    (server, roots)
}

#[tokio::test]
async fn a_server_is_verified_by_its_certificate() {
    let (server, roots) = server_with_tls();
    server.backend().await;
    let url =
        |host: &str, parameters: &str| format!("postgres://postgres@{host}:{}/postgres?{parameters}", server.port);
    let verified = format!("sslmode=verify-full&sslrootcert={}", roots.display());
    let backend = server.builder().connect(&url("localhost", &verified)).unwrap();
    create(&backend, "a", "{}").await;

    let other_name = server.builder().connect(&url("127.0.0.1", &verified)).unwrap();
    let error = other_name.fetch("a").await.unwrap_err();
    assert!(cause(&error).contains(": tls: "), "{}", cause(&error));
    let unknown_root = SqlBackend::connect(&url("localhost", "sslmode=verify-full")).unwrap();
    assert!(unknown_root.fetch("a").await.is_err());
    std::fs::remove_file(roots).unwrap();
}

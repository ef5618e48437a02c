//! Rows of Django's table, session hashes of its users, and its cookies.

use serde::Deserialize;
use serde_json::Value;
use session_compat::{DjangoDb, django_auth_hash};
use session_core::{BackendErrorKind, SessionCodec};
use session_testkit::TestClock;

use crate::support::vectors;

#[derive(Deserialize)]
struct Vector {
    id: String,
    format: String,
    tags: Vec<String>,
    secret: String,
    secret_fallbacks: Option<Vec<String>>,
    token: Option<String>,
    session_data: Option<String>,
    session: Option<String>,
    recommend: Option<String>,
    signed_at: Option<u64>,
    #[serde(default)]
    sign_matches: bool,
    password: Option<String>,
    session_auth_hash: Option<String>,
}

impl Vector {
    fn all(format: &str) -> Vec<Self> {
        vectors::<Self>("django-db.json").into_iter().filter(|vector| vector.format == format).collect()
    }

    fn django(&self) -> DjangoDb {
        self.secret_fallbacks.iter().flatten().fold(DjangoDb::new(&self.secret), DjangoDb::fallback)
    }
}

#[test]
fn each_row_is_the_session_that_django_read_or_refused() {
    let vectors = Vector::all("django_db");
    assert_eq!(vectors.len(), 9);
    let mut written = 0;
    for vector in vectors {
        let Vector { id, tags, .. } = &vector;
        let (django, token) = (vector.django(), vector.token.as_deref().expect("it has a token"));
        let read = match (django.decode(token.as_bytes()), vector.recommend.as_deref()) {
            (Ok(read), Some("ok")) => read,
            (Err(error), Some("empty")) => {
                assert_eq!(error.kind(), BackendErrorKind::Corrupt, "{id} {tags:?}");
                continue;
            }
            (read, recommended) => panic!("{id} {tags:?}: {read:?} instead of {recommended:?}"),
        };
        let expected: Value = serde_json::from_str(vector.session.as_deref().expect("it is a session")).expect("JSON");
        assert_eq!(serde_json::from_str::<Value>(&read.as_json()).expect("JSON"), expected, "{id} {tags:?}");
        let Some(signed_at) = vector.signed_at else { continue };
        let again = django.clock(TestClock::at(signed_at)).encode(&read).expect("it is JSON");
        let again = String::from_utf8(again).expect("it is text");
        // Compressors differ in their bytes.
        match vector.sign_matches {
            true => assert_eq!(again, token, "{id} {tags:?}"),
            false => assert!(again.starts_with('.') && token.starts_with('.'), "{id} {tags:?}"),
        }
        written += 1;
    }
    assert_eq!(written, 3);
}

#[test]
fn a_row_of_djangos_table_is_read() {
    let [row] = Vector::all("django_db_row").try_into().unwrap_or_else(|_| panic!("there is one"));
    let read = row.django().decode(row.session_data.expect("it has data").as_bytes()).expect("it is readable");
    assert_eq!(read.as_json(), r#"{"user":"ann"}"#);
}

#[test]
fn a_row_with_text_that_is_not_ascii_is_refused() {
    let django = DjangoDb::new("secret");
    // Both are signed by Django: {"user":"J\u00fcrgen"}, and the same with ü in UTF-8, which Django reads as Latin-1.
    let escaped = b"eyJ1c2VyIjoiSlx1MDBmY3JnZW4ifQ:1r31eq:g7XysXULqjYbqEwWc44IYBGWI9QAJLv6f36O5spPw5w";
    let utf8 = b"eyJ1c2VyIjoiSsO8cmdlbiJ9:1r31eq:26j-QsN-ULeT7JioGiXbUA-EiLwxdykdYFmLQ-zU8iE";
    let read = django.decode(escaped).expect("it is ASCII");
    assert_eq!(read.get::<String>("user").expect("it is text").as_deref(), Some("Jürgen"));
    assert_eq!(django.decode(utf8).unwrap_err().kind(), BackendErrorKind::Corrupt);
}

#[test]
fn the_session_hash_of_a_user_is_that_of_django() {
    let vectors = Vector::all("django_auth_hash");
    assert_eq!(vectors.len(), 2);
    for Vector { id, secret, password, session_auth_hash, .. } in vectors {
        let hash = django_auth_hash(&secret, &password.expect("it has a password"));
        assert_eq!(Some(hash), session_auth_hash, "{id}");
    }
}

#[test]
fn the_lifetime_is_the_expiry_of_django() {
    use session_core::SessionMap;
    use session_core::format::StoredRecord;

    let django = DjangoDb::new("a secret");
    let mut session = SessionMap::from_json(r#"{"a":1}"#).expect("it is JSON");
    let mut record = StoredRecord::detach(&mut session);
    record.max_age = Some(300);
    record.attach(&mut session).expect("it is JSON");
    let text = django.encode(&session).expect("it is JSON");
    // {"a":1,"_session_expiry":300}
    assert!(text.starts_with(b"eyJhIjoxLCJfc2Vzc2lvbl9leHBpcnkiOjMwMH0:"), "{}", String::from_utf8_lossy(&text));
    let mut read = django.decode(&text).expect("it was written so");
    assert_eq!(StoredRecord::detach(&mut read).max_age, Some(300));
    assert_eq!(read.as_json(), r#"{"a":1}"#);
}

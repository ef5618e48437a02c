//! Keys with a type of their own.

use session_core::{SessionError, SessionKey};

use crate::support::{App, Browser, defaults};

const VISITS: SessionKey<u64> = SessionKey::new("visits");
const NAME: SessionKey<String> = SessionKey::new("name");

#[tokio::test]
async fn each_method_of_a_typed_key_is_that_of_the_session() {
    let app = App::in_cookie(defaults);
    let session = app.open(&Browser::default()).await;
    assert!(!VISITS.is_in(&session));
    VISITS.insert(&session, &1).unwrap();
    assert_eq!(VISITS.update(&session, |visits| visits.unwrap() + 1).unwrap(), 2);
    let refused = VISITS.try_update(&session, |_| Err::<Option<u64>, _>(SessionError::NotSignedIn));
    assert!(matches!(refused, Err(SessionError::NotSignedIn)));
    assert_eq!(VISITS.try_update(&session, |visits| Ok::<_, SessionError>(visits.map(|n| n + 1))).unwrap(), Some(3));
    assert_eq!(VISITS.get(&session).unwrap(), Some(3));
    assert_eq!(VISITS.take(&session).unwrap(), Some(3));
    assert!(!VISITS.remove(&session).unwrap());

    NAME.insert(&session, &"ann".to_owned()).unwrap();
    assert_eq!(NAME.pop(&session).unwrap().as_deref(), Some("ann"));
    assert!(!NAME.is_in(&session));

    session.insert(NAME.name(), 7).unwrap();
    assert!(matches!(NAME.pop(&session), Err(SessionError::Value(_))));
    assert_eq!(session.get(NAME.name()).unwrap(), Some(7), "a value that can't be read stays");
    assert_eq!(NAME.read_or_remove(&session).unwrap(), None);
    assert!(session.is_empty());
}

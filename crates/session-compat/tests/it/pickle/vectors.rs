//! Pickles that Python and starlette-session wrote.

use serde::Deserialize;
use serde_json::Value;

use super::{read, write};
use crate::support::{unhex, vectors};

#[derive(Deserialize)]
struct Vector {
    id: String,
    tags: Vec<String>,
    hex: String,
    session: Option<String>,
    recommend: String,
    convert: Option<String>,
}

#[test]
fn each_pickle_is_read_exactly_or_refused_as_recommended() {
    let vectors = vectors::<Vector>("pickles.json");
    assert_eq!(vectors.len(), 75);
    for Vector { id, tags, hex, session, recommend, convert } in vectors {
        let outcome = read(&unhex(&hex));
        match &*recommend {
            "accept" => assert!(outcome.is_ok(), "{id}: {outcome:?}"),
            "reject" => assert!(outcome.is_err(), "{id}"),
            _ if convert.as_deref() == Some("changed") => {
                assert!(outcome.is_err(), "{id}: JSON can't carry it exactly")
            }
            _ => {}
        }
        let Ok(read) = outcome else { continue };
        let expected: Value = serde_json::from_str(&session.expect("it is JSON")).unwrap();
        let found: Value = serde_json::from_str(&read.as_json()).unwrap();
        assert_eq!(found, expected, "{id} {tags:?}");
        // Python keeps the last of two values of a key.
        if tags.iter().any(|tag| tag == "dup-keys") {
            continue;
        }
        let again = super::read(&write(&read.as_json())).unwrap();
        assert_eq!(again.as_json(), read.as_json(), "{id}: it goes back as it came");
    }
}

#[test]
fn a_refusal_names_key_and_type() {
    let refusal = |pickle: &str| read(&unhex(pickle)).unwrap_err().to_string();
    let found: Vec<String> = vectors::<Vector>("pickles.json")
        .iter()
        .filter(|vector| vector.tags[0] == "python-type" && vector.recommend == "reject")
        .map(|vector| refusal(&vector.hex).split(" at byte").next().unwrap_or_default().to_owned())
        .collect();
    for name in ["bytes", "set", "NaN", "datetime.datetime", "datetime.date", "decimal.Decimal", "uuid.UUID"] {
        assert!(found.iter().any(|text| text.contains(name)), "{name}: {found:?}");
    }
    // {"user": "ann", "rows": [], "n": {"x": 1}, "when": datetime.date(2024, 2, 29)}: an empty list hides the key.
    let date = "8c086461746574696d65948c0464617465949394430407e8021d9485945294752e";
    let named = format!("80047d94288c0475736572948c03616e6e948c0477686 56e94{date}").replace(' ', "");
    assert!(refusal(&named).ends_with(r#"in session key "when""#), "{}", refusal(&named));
    let nested = format!("80047d94288c016e947d94288c0178944b01758c047768656e94{date}").replace(' ', "");
    assert!(refusal(&nested).ends_with(r#"in session key "when""#), "{}", refusal(&nested));
    let hidden = format!("80047d94288c0172945d948c047768656e94{date}").replace(' ', "");
    assert!(!refusal(&hidden).contains("session key"), "{}", refusal(&hidden));
}

#[test]
fn no_data_of_a_list_is_taken_for_a_key() {
    // {"names": ["secret", b"x"]} and {"a": 1, "names": ["secret", b"x"]}, framed as Python does it and without marks.
    for pickle in [
        "80047d948c056e616d6573945d94288c06736563726574944301789465732e",
        "80047d94288c0161944b018c056e616d6573945d94288c0673656372657494430178946575 2e",
        "80047d288c0161944b018c056e616d65735d8c06736563726574614301786175 2e",
    ] {
        let refusal = read(&unhex(&pickle.replace(' ', ""))).unwrap_err().to_string();
        assert!(!refusal.contains("secret") && refusal.contains("bytes"), "{refusal}");
    }
}

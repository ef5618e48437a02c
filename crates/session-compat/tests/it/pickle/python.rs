//! Python's own pickler and unpickler as the other side.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::{read, write};
use crate::support::{hex, python, unhex};

const DUMP: &str = "
import json, pickle, sys
for line in sys.stdin:
    value = json.loads(line)
    print(' '.join(pickle.dumps(value, protocol).hex() for protocol in range(2, 6)))
";

const LOAD: &str = "
import json, pickle, sys
for line in sys.stdin:
    print(json.dumps(pickle.loads(bytes.fromhex(line))))
";

/// Sessions of all kinds of JSON, written as Python does it.
fn sessions() -> Vec<String> {
    let mut sessions: Vec<String> = [
        "{}",
        r#"{"n":[0,-1,255,256,65535,65536,-2147483648,2147483648,123456789012345678901234567890,-5000000000]}"#,
        r#"{"f":[0.0,-0.0,0.1,1e16,1e-07,5e-324,1.7976931348623157e308]}"#,
        r#"{"t":["","\u00e9\ud83d\ude00","\u0000\n\"\\"],"same":["key","key",{"key":"key"}]}"#,
    ]
    .map(str::to_owned)
    .to_vec();
    sessions.push(format!(r#"{{"long":"{}","list":[{}0]}}"#, "x".repeat(70_000), "1,".repeat(2500)));
    sessions.push(format!("{{{}\"last\":0}}", (0..1500).map(|n| format!("\"key {n}\":{n},")).collect::<String>()));
    let mut runner = TestRunner::deterministic();
    let strategy = prop::collection::btree_map("\\PC{0,9}", super::hostile::json(), 0..6);
    sessions.extend((0..200).map(|_| {
        let map = strategy.new_tree(&mut runner).expect("nothing is filtered").current();
        serde_json::to_string(&map).expect("it is JSON")
    }));
    sessions
}

fn same(one: &str, other: &str) -> bool {
    // Floats are spelled differently, and `Value` would make floats of long integers.
    let spelled = |text: &str| -> serde_json::Value { serde_json::from_str(text).expect("it is JSON") };
    spelled(one) == spelled(other)
}

#[test]
fn pickles_of_each_protocol_of_python_are_read() {
    let sessions = sessions();
    for (session, pickles) in sessions.iter().zip(python(DUMP, &sessions)) {
        for pickle in pickles.split(' ') {
            let found = read(&unhex(pickle)).unwrap_or_else(|error| panic!("{error}: {session}"));
            assert!(same(&found.as_json(), session), "{session}");
        }
    }
}

#[test]
fn python_reads_what_is_written() {
    let sessions = sessions();
    let pickles: Vec<String> = sessions.iter().map(|session| hex(&write(session))).collect();
    let found = python(LOAD, &pickles);
    assert_eq!(found.len(), sessions.len());
    for (session, found) in sessions.iter().zip(found) {
        assert!(same(&found, session), "{session} became {found}");
    }
}

#[test]
fn integers_of_any_size_pass_through_python() {
    let session = r#"{"n": 123456789012345678901234567890, "m": -9223372036854775809}"#;
    assert_eq!(python(LOAD, &[hex(&write(session))]), [session]);
    let pickles = python(DUMP, &[session.to_owned()]).remove(0);
    for pickle in pickles.split(' ') {
        assert_eq!(read(&unhex(pickle)).unwrap().as_json(), session.replace(": ", ":").replace(", ", ","));
    }
}

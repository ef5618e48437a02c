//! The causes of failures, as texts that quote no key, data or password.
//!
//! An error text of the server or the client library may quote data that was sent. Only known texts are passed on.

use std::borrow::Cow;

use session_core::BackendErrorKind::{self, Corrupt, Other, Refused, Unavailable};

pub(crate) type Cause = Cow<'static, str>;

/// The meaning of an error that a server answered with.
pub(crate) struct Meaning {
    pub(crate) kind: BackendErrorKind,
    pub(crate) cause: Cause,
    /// The connection leads to the wrong server. Another server may serve the call.
    pub(crate) wrong_server: bool,
}

/// The error codes of servers. The first [`WRONG_SERVER`] codes come from a server that can't serve the call, or not
/// yet.
const CODES: [(&str, BackendErrorKind, &str); 12] = [
    ("READONLY", Refused, "the server is a read-only replica"),
    ("MASTERDOWN", Unavailable, "the server is a replica that has lost its primary"),
    ("LOADING", Unavailable, "the server is loading its data"),
    ("NOREPLICAS", Refused, "the server has too few replicas to take writes"),
    ("CLUSTERDOWN", Unavailable, "the Cluster is down"),
    ("BUSY", Unavailable, "the server is busy with a script"),
    ("NOAUTH", Unavailable, "the server requires a password, and the url has none"),
    ("WRONGPASS", Unavailable, "the user name or the password is wrong"),
    ("DENIED", Unavailable, "the server is in protected mode"),
    ("OOM", Refused, "the server is out of memory"),
    ("MISCONF", Refused, "the server can't save its data to its disk"),
    ("WRONGTYPE", Corrupt, "the key of a session holds a value that is not a string"),
];

/// The number of codes that mean a wrong server.
const WRONG_SERVER: usize = 4;

/// Errors without their own code, found by a part of their text.
const TEXTS: [(&str, BackendErrorKind, &str); 4] = [
    (
        "can't run this command or subcommand script",
        Refused,
        "the user lacks an ACL right that scripts need, such as +get, +set or +del",
    ),
    ("DB index is out of range", Unavailable, "the server has no database with the number in the url"),
    ("max number of clients reached", Unavailable, "the server has as many clients as its maxclients allows"),
    ("cluster support disabled", Unavailable, "the server does not belong to a Cluster, and the url names one"),
];

/// Returns the word in capitals that a server's error begins with.
pub(crate) fn code(text: &str) -> Option<&str> {
    let word = text.split(' ').next()?;
    let in_capitals = !word.is_empty() && word.len() <= 20 && word.bytes().all(|byte| byte.is_ascii_uppercase());
    in_capitals.then_some(word)
}

/// Reads an error that a server answered with.
pub(crate) fn of_reply(code: &str, text: &str) -> Meaning {
    // Up to version 6, Redis puts a prefix before the error of a command in a script.
    let is_code = |known: &str| code == known || text.contains(&["-", known, " "].concat());
    if code == "NOPERM" {
        return Meaning { kind: Refused, cause: no_permission(text), wrong_server: false };
    }
    if let Some((at, (known, kind, cause))) = CODES.iter().enumerate().find(|(_, (known, ..))| is_code(known)) {
        return Meaning { kind: *kind, cause: format!("{cause} ({known})").into(), wrong_server: at < WRONG_SERVER };
    }
    if let Some((_, kind, cause)) = TEXTS.iter().find(|(part, ..)| text.contains(part)) {
        return Meaning { kind: *kind, cause: Cow::Borrowed(cause), wrong_server: false };
    }
    let cause = match quoted_command(text).filter(|_| text.contains("unknown command")) {
        Some(command) => format!("the server does not know the command `{command}`"),
        None => format!("the server answered with the error {code}"),
    };
    Meaning { kind: Other, cause: cause.into(), wrong_server: false }
}

fn no_permission(text: &str) -> Cause {
    match quoted_command(text) {
        Some(command) => format!("the user lacks the ACL right +{command} (NOPERM)").into(),
        None => "the user's ACL does not allow the keys of sessions, ~session:* and ~gone:{session:* (NOPERM)".into(),
    }
}

/// Returns the first quoted word, if it can only be the name of a command.
fn quoted_command(text: &str) -> Option<&str> {
    let word = text.split('\'').nth(1)?;
    let is_name = |byte: u8| byte.is_ascii_alphabetic() || byte == b'|';
    (!word.is_empty() && word.len() <= 20 && word.bytes().all(is_name)).then_some(word)
}

/// Returns the cause of a connection that could not be made or was lost, from the text of the client library.
pub(crate) fn of_connection(details: &str) -> Option<Cause> {
    if let Some(text) = between(details, "message: \"", "\"") {
        // An error of the operating system.
        return Some(text.to_ascii_lowercase().into());
    }
    if details.contains("lookup address") {
        return Some("the DNS does not know the name of the host".into());
    }
    let tls = ["InvalidCertificate(", "AlertReceived(", "InvalidMessage(", "PeerIncompatible("];
    if let Some(at) = tls.iter().find_map(|kind| details.find(kind)) {
        return Some(of_tls(&details[at..]));
    }
    let known = [
        ("Connection closed", "the server closed the connection"),
        ("unexpected end of file", "the server closed the connection"),
        ("Failed to connect to all sentinel nodes", "no Sentinel can be reached, or none accepts the password"),
        ("Missing primary address", "the Sentinels know no primary of this service name"),
        ("Invalid role", "the Sentinels name a server that is not a primary"),
    ];
    known.iter().find(|(part, _)| details.contains(part)).map(|(_, cause)| Cow::Borrowed(*cause))
}

fn of_tls(details: &str) -> Cause {
    let known = [
        ("UnknownIssuer", "tls: no trusted root has signed the certificate of the server"),
        ("NotValidForName", "tls: the certificate of the server is for another host name"),
        ("Expired", "tls: the certificate of the server has expired"),
        ("CertificateRequired", "tls: the server asks for a client certificate"),
    ];
    match known.iter().find(|(part, _)| details.contains(part)) {
        Some((_, cause)) => Cow::Borrowed(cause),
        None => {
            let name: String =
                details.chars().take_while(|char| char.is_ascii_alphanumeric() || *char == '(').collect();
            format!("tls: {}", name.replace('(', " ").trim_end()).into()
        }
    }
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    text.split_once(start)?.1.split_once(end).map(|(text, _)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(text: &str) -> String {
        of_reply(code(text).expect("an error has a code"), text).cause.into()
    }

    #[test]
    fn causes_quote_nothing_but_names_of_commands() {
        let unknown = "ERR unknown command 'evalsha', with args beginning with: 'session:secret'";
        assert_eq!(reply(unknown), "the server does not know the command `evalsha`");
        assert_eq!(reply("ERR unknown command 'session:secret'"), "the server answered with the error ERR");
        assert_eq!(of_connection("could not write session:secret"), None);
    }

    #[test]
    fn a_missing_acl_right_is_named() {
        for text in [
            "NOPERM this user has no permissions to run the 'evalsha' command",
            "NOPERM this user has no permissions to run the 'evalsha' command or its subcommand",
            "NOPERM User web has no permissions to run the 'evalsha' command",
        ] {
            assert_eq!(reply(text), "the user lacks the ACL right +evalsha (NOPERM)");
        }
    }

    #[test]
    fn errors_of_connections_become_plain_causes() {
        for (details, told) in [
            (r#"Os { code: 111, kind: ConnectionRefused, message: "Connection refused" }"#, "connection refused"),
            (
                r#"Custom { kind: Uncategorized, error: "failed to lookup address information: No such host" }"#,
                "the DNS does not know the name of the host",
            ),
            (
                "Custom { kind: InvalidData, error: InvalidCertificate(UnknownIssuer) }",
                "tls: no trusted root has signed the certificate of the server",
            ),
            ("Custom { kind: InvalidData, error: InvalidCertificate(Revoked) }", "tls: InvalidCertificate Revoked"),
        ] {
            assert_eq!(of_connection(details).as_deref(), Some(told));
        }
    }
}

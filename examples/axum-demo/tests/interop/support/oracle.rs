//! Python's answers to single questions.

use std::sync::{Mutex, OnceLock, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use session_test_support::Process;

use super::python::peer;

/// A Python process that answers questions about `itsdangerous` and about the cookie; see `peer.py` for them.
///
/// The `signer` of each question is an object with the fields that tell how and when.
pub(crate) struct Oracle {
    process: Mutex<Process>,
}

/// The reason why Python refuses an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The class of the exception.
    pub(crate) exception: String,
    pub(crate) message: String,
}

impl Oracle {
    /// The process that all tests share.
    pub(crate) fn shared() -> &'static Self {
        static ORACLE: OnceLock<Oracle> = OnceLock::new();
        ORACLE.get_or_init(|| Self { process: Mutex::new(Process::start(peer().arg("oracle"))) })
    }

    /// `TimestampSigner.sign`.
    pub(crate) fn sign(&self, signer: &Value, value: &[u8]) -> Vec<u8> {
        decode(&self.ask(signer, "sign", "value_b64", &quoted_base64(value)).expect("Python signs everything"))
    }

    /// `TimestampSigner.unsign`: the value and its timestamp.
    pub(crate) fn unsign(&self, signer: &Value, token: &[u8]) -> Result<(Vec<u8>, u64), Refusal> {
        let answer = self.ask(signer, "unsign", "token_b64", &quoted_base64(token))?;
        Ok((decode(&answer), answer["timestamp"].as_u64().expect("the timestamp of a value")))
    }

    /// The cookie that both middlewares make of a session.
    pub(crate) fn dump_session(&self, signer: &Value, session_json: &str) -> String {
        text(&self.ask(signer, "dump_session", "session", session_json).expect("Python writes every session"))
            .to_owned()
    }

    /// The session that both middlewares make of a cookie, as the JSON text that Python writes.
    pub(crate) fn load_session(&self, signer: &Value, cookie: &str) -> Result<String, Refusal> {
        let answer = self.ask(signer, "load_session", "cookie_value", &json!(cookie).to_string())?;
        Ok(text(&answer).to_owned())
    }

    /// Asks with one more field, whose JSON text may hold more than a `Value` can.
    fn ask(&self, signer: &Value, operation: &str, field: &str, json: &str) -> Result<Value, Refusal> {
        let signer = signer.to_string();
        let signer = signer.strip_suffix('}').expect("a signer is an object");
        let answer = {
            let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
            process.write_line(&format!(r#"{signer},"op":"{operation}","{field}":{json}}}"#));
            process.read_line()
        };
        let answer: Value = serde_json::from_str(&answer).expect("an answer is JSON");
        match answer["error"].as_str() {
            None => Ok(answer),
            Some(exception) => Err(Refusal {
                exception: exception.to_owned(),
                message: answer["message"].as_str().unwrap_or_default().to_owned(),
            }),
        }
    }
}

fn quoted_base64(bytes: &[u8]) -> String {
    format!(r#""{}""#, STANDARD.encode(bytes))
}

fn text(answer: &Value) -> &str {
    answer["ok"].as_str().expect("an answer is text")
}

fn decode(answer: &Value) -> Vec<u8> {
    STANDARD.decode(text(answer)).expect("bytes travel in base64")
}

//! `session sign`.

use std::io::{Read, Write};

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use session_core::SessionMap;

use crate::Answer;
use crate::args::SignArgs;
use crate::secrets;
use crate::signing::Scheme;

pub(crate) fn run(args: &SignArgs) -> Result<Answer> {
    let mut text = String::new();
    match &args.file {
        Some(file) => {
            text = std::fs::read_to_string(file).with_context(|| format!("can't read {}", file.display()))?;
        }
        None => {
            std::io::stdin().read_to_string(&mut text).context("can't read standard input")?;
        }
    }
    let text = text.trim();
    SessionMap::from_json(text).context("the text to sign is not a JSON object")?;
    let keys = secrets::require(&args.keys)?;
    let signer = Scheme::new(&args.signing).timestamp_signer(&keys[0]);
    let mut token = signer.sign(STANDARD.encode(text), args.signing.now());
    token.push(b'\n');
    std::io::stdout().write_all(&token).context("can't print the cookie")?;
    Ok(Answer::Yes)
}

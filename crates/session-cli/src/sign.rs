//! `session sign`.

use std::io::Write;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use session_core::SessionMap;

use crate::Answer;
use crate::args::SignArgs;
use crate::secrets;
use crate::signing::Scheme;

pub(crate) fn run(args: &SignArgs) -> Result<Answer> {
    let source = args.file.as_ref().map_or("standard input".to_owned(), |file| file.display().to_string());
    let text = match &args.file {
        Some(file) => std::fs::read_to_string(file),
        None => std::io::read_to_string(std::io::stdin()),
    };
    let text = text.with_context(|| format!("can't read {source}"))?;
    let text = text.trim();
    SessionMap::from_json(text).with_context(|| format!("can't sign {source}"))?;
    let keys = secrets::require(&args.keys)?;
    let signer = Scheme::new(&args.signing).timestamp_signer(&keys[0]);
    let mut token = signer.sign(STANDARD.encode(text), args.signing.now());
    token.push(b'\n');
    std::io::stdout().write_all(&token).context("can't print the cookie")?;
    Ok(Answer::Yes)
}

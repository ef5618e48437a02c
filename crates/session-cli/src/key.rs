//! `session key new`.

use std::fs::OpenOptions;
use std::io::Write;

use anyhow::{Context, Result, anyhow};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::Answer;
use crate::args::KeyNewArgs;

pub(crate) fn run(args: &KeyNewArgs) -> Result<Answer> {
    let mut bits = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *bits).map_err(|error| anyhow!("the operating system has no random numbers: {error}"))?;
    let line = Zeroizing::new(URL_SAFE_NO_PAD.encode(*bits) + "\n");
    let Some(path) = &args.out else {
        std::io::stdout().write_all(line.as_bytes()).context("can't print the key")?;
        return Ok(Answer::Yes);
    };
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).with_context(|| format!("can't make {}", path.display()))?;
    file.write_all(line.as_bytes()).with_context(|| format!("can't write {}", path.display()))?;
    Ok(Answer::Yes)
}

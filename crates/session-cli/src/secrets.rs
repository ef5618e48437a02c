//! The keys of a service, from a file, the environment or the terminal.

use std::path::Path;

use anyhow::{Context, Result, bail};
use zeroize::Zeroizing;

use crate::args::KeyArgs;

/// The variable that is read if no other source is given.
const DEFAULT_VARIABLE: &str = "SESSION_SECRET";

/// A secret. It has no `Debug`, and is overwritten when it is dropped.
pub(crate) type Secret = Zeroizing<Vec<u8>>;

/// Reads the keys, the signing one first. Returns no key if no source is given and the default variable is not set.
pub(crate) fn read(args: &KeyArgs) -> Result<Vec<Secret>> {
    if let Some(file) = &args.secret_file {
        return read_file(file);
    }
    if args.prompt {
        let typed = Zeroizing::new(rpassword::prompt_password("Key: ").context("can't ask for the key")?);
        if typed.is_empty() {
            bail!("no key was typed");
        }
        return Ok(vec![Zeroizing::new(typed.as_bytes().to_vec())]);
    }
    let name = args.secret_env.as_deref().unwrap_or(DEFAULT_VARIABLE);
    match std::env::var_os(name) {
        Some(value) if value.is_empty() => bail!("the environment variable {name} is empty"),
        Some(value) => Ok(vec![Zeroizing::new(value.into_encoded_bytes())]),
        None if args.secret_env.is_some() => bail!("the environment variable {name} is not set"),
        None => Ok(Vec::new()),
    }
}

/// Reads the keys, and fails if there is none.
pub(crate) fn require(args: &KeyArgs) -> Result<Vec<Secret>> {
    let keys = read(args)?;
    if keys.is_empty() {
        bail!("no key is given: use --secret-file, --secret-env or --prompt, or set {DEFAULT_VARIABLE}");
    }
    Ok(keys)
}

/// Reads a file of keys, one per line. Empty lines are skipped.
pub(crate) fn read_file(file: &Path) -> Result<Vec<Secret>> {
    let content = Zeroizing::new(std::fs::read(file).with_context(|| format!("can't read {}", file.display()))?);
    let lines = content.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let keys: Vec<Secret> = lines.filter(|line| !line.is_empty()).map(|line| Zeroizing::new(line.to_vec())).collect();
    if keys.is_empty() {
        bail!("{} holds no key: write one per line", file.display());
    }
    Ok(keys)
}

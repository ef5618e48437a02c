//! The pictures of the README: the axum demo in a real browser.

use anyhow::{Result, bail};

use crate::process::{cargo, root, run};
use crate::provision;

const FOLDER: &str = "examples/demo-common/screenshots";

/// Takes the pictures, or with `-- --check` compares them with those that are there.
pub(crate) fn run_with(arguments: &[String]) -> Result<()> {
    let checks = match arguments {
        [] => false,
        [separator, flag] if separator == "--" && flag == "--check" => true,
        _ => bail!("unexpected arguments: `-- --check` is all it takes"),
    };
    let mut test = cargo(&["test", "--package", "axum-demo", "--all-features", "--test", "browser"]);
    test.envs(provision::all()?).env("SESSION_SCREENSHOTS", root().join(FOLDER));
    if checks {
        test.env("SESSION_SCREENSHOTS_CHECK", "1");
    }
    run(&mut test)
}

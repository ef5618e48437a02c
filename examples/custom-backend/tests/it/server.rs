//! The program on a free port.

use std::process::Command;

use reqwest::Client;
use session_test_support::Process;

use crate::Folder;

/// A running server, which is killed when it is dropped; and its address.
fn start(folder: &Folder) -> (Process, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_custom-backend"));
    command.env("SESSION_SECRET", "the secret of the tests of a custom backend");
    let mut process = Process::start(command.arg(&folder.0).arg("127.0.0.1:0"));
    let address = process.read_after("listening on ");
    (process, address)
}

#[tokio::test]
async fn a_server_that_was_started_again_goes_on_counting() {
    let folder = Folder::new("server");
    let browser = Client::builder().no_proxy().cookie_store(true).build().unwrap();
    for visits in [1, 3] {
        let (_server, url) = start(&folder);
        for visit in visits..visits + 2 {
            let response = browser.get(&url).send().await.unwrap();
            assert_eq!(response.text().await.unwrap(), format!("This is visit {visit}.\n"));
        }
    }
}

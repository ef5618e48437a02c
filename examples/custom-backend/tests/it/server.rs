//! The program on a free port.

use std::process::Stdio;
use std::time::Duration;

use reqwest::Client;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::Folder;

/// A running server, which is killed when it is dropped; and its address.
async fn start(folder: &Folder) -> (Child, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_custom-backend"));
    command.arg(&folder.0).arg("127.0.0.1:0").stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut process = command.spawn().unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(process.stdout.take().unwrap());
    timeout(Duration::from_secs(30), stdout.read_line(&mut line)).await.unwrap().unwrap();
    (process, line.trim_end().strip_prefix("listening on ").unwrap().to_owned())
}

#[tokio::test]
async fn a_server_that_was_started_again_goes_on_counting() {
    let folder = Folder::new("server");
    let browser = Client::builder().no_proxy().cookie_store(true).build().unwrap();
    for visits in [1, 3] {
        let (mut server, url) = start(&folder).await;
        for visit in visits..visits + 2 {
            let response = browser.get(&url).send().await.unwrap();
            assert_eq!(response.text().await.unwrap(), format!("This is visit {visit}.\n"));
        }
        server.kill().await.unwrap();
    }
}

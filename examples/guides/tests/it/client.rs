//! A program on a free port, and its browsers.

use std::process::Command;

use reqwest::{Client, Response};
use session_test_support::Process;

/// Starts the program of a guide: `start!("flash")`.
macro_rules! start {
    ($name:literal) => {
        $crate::client::Program::start(env!(concat!("CARGO_BIN_EXE_", $name)))
    };
}

pub(crate) use start;

/// A running program, which is killed when this is dropped.
pub(crate) struct Program {
    _process: Process,
    pub(crate) url: String,
}

impl Program {
    pub(crate) fn start(path: &str) -> Self {
        Self::start_with(path, &[])
    }

    /// Starts it with these variables of the environment.
    pub(crate) fn start_with(path: &str, variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(path);
        command.env("LISTEN", "127.0.0.1:0").env("SESSION_SECRET", "the secret of the guides: 9f4Kq2Wm7Zr1Xc8V");
        let mut process = Process::start(command.envs(variables.iter().copied()));
        let url = process.read_line();
        Self { _process: process, url }
    }

    /// A browser with cookies of its own.
    pub(crate) fn browser(&self) -> Browser {
        let client = Client::builder().no_proxy().cookie_store(true).build().expect("a client needs nothing");
        Browser { client, url: self.url.clone() }
    }
}

pub(crate) struct Browser {
    client: Client,
    url: String,
}

impl Browser {
    pub(crate) async fn fetch(&self, path: &str) -> Response {
        self.client.get(format!("{}{path}", self.url)).send().await.expect("the program answers")
    }

    pub(crate) async fn send(&self, path: &str, form: &[(&str, &str)]) -> Response {
        self.client.post(format!("{}{path}", self.url)).form(form).send().await.expect("the program answers")
    }

    /// Returns the status and the text of a page.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        read(self.fetch(path).await).await
    }

    /// Returns the status and the text of the answer to a form.
    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)]) -> (u16, String) {
        read(self.send(path, form).await).await
    }
}

async fn read(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    (status, response.text().await.expect("the answer is text").trim_end().to_owned())
}

/// An answer with status 200.
pub(crate) fn ok(text: &str) -> (u16, String) {
    (200, text.to_owned())
}

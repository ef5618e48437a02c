//! The backend passes the tests of every backend, and the server keeps its sessions over a restart.

#![expect(clippy::unwrap_used, reason = "a helper that can't go on fails the test")]

mod server;

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use custom_backend::FolderBackend;
use session_core::{BackendErrorKind, ISessionBackend, SessionMap};
use session_testkit::conformance::{self, Candidate};

/// A folder for one test, which removes it at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}-{}", std::process::id()));
        // An earlier run that was killed may have left one.
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn backend(&self) -> FolderBackend {
        FolderBackend(self.0.clone())
    }

    fn files(&self) -> Vec<PathBuf> {
        fs::read_dir(&self.0).unwrap().map(|file| file.unwrap().path()).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_backend_conforms() {
    let folder = Folder::new("conforms");
    conformance::check(Candidate::simple(folder.backend())).await.assert_passed();
}

#[test]
fn the_backend_has_less_than_80_lines() {
    let lines = include_str!("../../src/lib.rs").lines().count();
    assert!(lines < 80, "{lines}");
}

#[tokio::test]
async fn sessions_that_ended_long_ago_are_freed_and_other_files_are_not() {
    let folder = Folder::new("freed");
    let session = SessionMap::from_json(r#"{"user":"ann"}"#).unwrap();
    folder.backend().set("ended", &session, Duration::from_secs(60)).await.unwrap();
    let ended = folder.files().remove(0);
    let other = folder.0.join("another program's");
    fs::write(&other, "precious").unwrap();
    for file in [&ended, &other] {
        let two_hours_ago = SystemTime::now() - Duration::from_secs(2 * 3600);
        File::options().append(true).open(file).unwrap().set_modified(two_hours_ago).unwrap();
    }
    folder.backend().set("live", &session, Duration::from_secs(60)).await.unwrap();
    folder.backend().sweep().unwrap();
    assert!(!ended.exists());
    assert_eq!(folder.files().len(), 2, "the live session, and {other:?}");
}

#[tokio::test]
async fn a_file_that_is_no_session_is_an_error() {
    let folder = Folder::new("corrupt");
    folder.backend().set("key", &SessionMap::new(), Duration::from_secs(60)).await.unwrap();
    let file = folder.files().remove(0);
    fs::write(&file, [0xff]).unwrap();
    File::options()
        .append(true)
        .open(&file)
        .unwrap()
        .set_modified(SystemTime::now() + Duration::from_secs(60))
        .unwrap();
    assert_eq!(folder.backend().get("key").await.unwrap_err().kind(), BackendErrorKind::Corrupt);
}

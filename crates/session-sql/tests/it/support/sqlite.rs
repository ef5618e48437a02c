//! SQLite files, which are deleted after the test.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use session_sql::{SqlBackend, SqlBackendBuilder};

pub(crate) struct Sqlite {
    folder: PathBuf,
}

impl Sqlite {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("session-sqlite-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        Self { folder }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.join("sessions.db")
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn url(&self) -> String {
        format!("sqlite:{}", self.file().display())
    }

    pub(crate) fn backend(&self, set: impl FnOnce(SqlBackendBuilder) -> SqlBackendBuilder) -> SqlBackend {
        set(SqlBackend::builder()).connect(&self.url()).expect("the url is good")
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

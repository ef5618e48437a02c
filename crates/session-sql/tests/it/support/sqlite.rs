//! SQLite files, which are deleted after the test.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, Row as _};

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

    pub(crate) fn url(&self) -> String {
        format!("sqlite:{}", self.file().display())
    }

    pub(crate) async fn ask(&self, sql: &str) -> Vec<String> {
        let options = SqliteConnectOptions::new().filename(self.file());
        let mut connection = options.connect().await.expect("the file can be opened");
        let rows = connection.fetch_all(AssertSqlSafe(sql)).await.expect("the statement is good");
        rows.iter().map(|row| row.get_unchecked(0)).collect()
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

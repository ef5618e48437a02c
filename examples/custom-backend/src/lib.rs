//! A complete custom session backend: sessions are files in a folder, and survive a server restart. Files have no
//! compare-and-set, so this is not an `AtomicBackend`: of servers that share a folder, one may undo another's write.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use session_core::{Applied, BackendError, BackendErrorKind, ISessionBackend, SessionMap, async_trait};
use sha2::{Digest, Sha256};

/// A folder with a file for each session. A program that may read it can read all sessions.
#[derive(Debug)]
pub struct FolderBackend(pub PathBuf);

/// There is no `await`, because reading a small file from a local disk takes less time than waking another thread.
/// Also, a call that is cancelled at the request's deadline can't take effect later.
#[async_trait]
impl ISessionBackend for FolderBackend {
    async fn get(&self, key: &str) -> Result<Option<SessionMap>, BackendError> {
        let Some(json) = self.read(key).or_else(absent).map_err(failed)? else { return Ok(None) };
        let corrupt = |error| BackendError::new(BackendErrorKind::Corrupt, Applied::No).with_source(error);
        SessionMap::from_slice(&json).map(Some).map_err(corrupt)
    }

    async fn set(&self, key: &str, session: &SessionMap, ttl: Duration) -> Result<(), BackendError> {
        self.write(key, &session.as_json(), ttl).map_err(failed)
    }

    async fn delete(&self, key: &str) -> Result<(), BackendError> {
        fs::remove_file(self.file(key)).or_else(absent).map_err(failed)
    }
}

impl FolderBackend {
    /// Returns the file of a key, named by a digest: a key may contain slashes, or be longer than a file name can be.
    fn file(&self, key: &str) -> PathBuf {
        let digest: String = Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect();
        self.0.join(format!("session-{digest}"))
    }

    fn read(&self, key: &str) -> io::Result<Option<Vec<u8>>> {
        let (mut file, mut json) = (File::open(self.file(key))?, Vec::new());
        let is_live = file.metadata()?.modified()? > SystemTime::now();
        file.read_to_end(&mut json).map(|_| is_live.then_some(json))
    }

    /// Writes a file, modified when the session ends. A draft replaces it in one step, so no request reads half a file.
    fn write(&self, key: &str, json: &str, ttl: Duration) -> io::Result<()> {
        let draft = self.file(key).with_extension(format!("{}-{:?}", std::process::id(), std::thread::current().id()));
        fs::write(&draft, json)?;
        File::options().append(true).open(&draft)?.set_modified(SystemTime::now() + ttl)?;
        fs::rename(draft, self.file(key))
    }

    /// Removes the files of sessions that ended an hour ago, when every draft is finished. Call it from time to time.
    ///
    /// # Errors
    ///
    /// If the folder can't be read or a file can't be removed.
    pub fn sweep(&self) -> io::Result<()> {
        let hour_ago = SystemTime::now() - Duration::from_secs(3600);
        for file in fs::read_dir(&self.0)?.flatten() {
            let ended = file.metadata().and_then(|file| file.modified()).is_ok_and(|end| end < hour_ago);
            if ended && file.file_name().to_string_lossy().starts_with("session-") {
                fs::remove_file(file.path()).or_else(absent)?;
            }
        }
        Ok(())
    }
}

fn absent<T: Default>(error: io::Error) -> io::Result<T> {
    if error.kind() == ErrorKind::NotFound { Ok(T::default()) } else { Err(error) }
}

fn failed(error: io::Error) -> BackendError {
    BackendError::new(BackendErrorKind::Unavailable, Applied::Maybe).with_source(error)
}

//! A blocking client for the commands of tests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A connection to a Redis server.
#[derive(Debug)]
pub struct RedisConnection {
    stream: BufReader<TcpStream>,
}

/// The answer of a Redis server. Nested replies are flattened.
pub type RedisReply = Result<Vec<String>, String>;

impl RedisConnection {
    /// Opens a connection to a server of this machine.
    ///
    /// # Errors
    ///
    /// If nothing listens on the port.
    pub fn open(port: u16) -> std::io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends a command, and returns the answer.
    ///
    /// # Errors
    ///
    /// If the connection is lost, or the answer can't be parsed.
    pub fn ask(&mut self, words: &[&str]) -> std::io::Result<RedisReply> {
        let mut request = format!("*{}\r\n", words.len());
        for word in words {
            request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut found = Vec::new();
        Ok(self.read(&mut found)?.map(|()| found))
    }

    fn read(&mut self, found: &mut Vec<String>) -> std::io::Result<Result<(), String>> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let (kind, rest) = line.trim_end().split_at(1);
        let length = || rest.parse::<i64>().map_err(std::io::Error::other);
        match kind {
            "+" | ":" => found.push(rest.to_owned()),
            "-" => return Ok(Err(rest.to_owned())),
            "$" => {
                let length = length()?;
                if let Ok(length) = usize::try_from(length) {
                    let mut bytes = vec![0; length + 2];
                    self.stream.read_exact(&mut bytes)?;
                    bytes.truncate(length);
                    found.push(String::from_utf8_lossy(&bytes).into_owned());
                }
            }
            "*" => {
                for _ in 0..length()? {
                    if let Err(error) = self.read(found)? {
                        return Ok(Err(error));
                    }
                }
            }
            other => return Err(std::io::Error::other(format!("no reply begins with {other}"))),
        }
        Ok(Ok(()))
    }
}

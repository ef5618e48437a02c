//! What no session layer can do without, each alone: `part/mac of an id` and so on.

use std::hint::black_box;

use anyhow::{Result, bail};
use fred::prelude::{Builder, Client, ClientLike, Config, KeysInterface, LuaInterface};
use session_core::signer::TimestampSigner;
use sha1::{Digest, Sha1};
use tokio::runtime::Runtime;

use crate::mode::Mode;
use crate::server::{REDIS, address};
use crate::session::{SECRET, VALUES};

/// As long as the text that is signed for a session in a store: base64 of `{"_cssid": "..."}`.
const ID_PAYLOAD: [u8; 48] = [b'a'; 48];

/// As long as base64 of [`VALUES`].
const SESSION_PAYLOAD: [u8; VALUES.len().div_ceil(3) * 4] = [b'a'; VALUES.len().div_ceil(3) * 4];

/// Blocks that [`known_work`] hashes.
pub const KNOWN_BLOCKS: usize = 10;

/// Allocations that [`known_work`] makes.
pub const KNOWN_ALLOCATIONS: usize = 4;

pub(super) fn run(runtime: &Runtime, part: &str, mode: Mode) -> Result<()> {
    let Mode::Measure(times) = mode else { bail!("a part is no server") };
    match part {
        "known work" => count(runtime, times, async || known_work()),
        "mac of an id" => mac(runtime, times, &ID_PAYLOAD),
        "mac of a session" => mac(runtime, times, &SESSION_PAYLOAD),
        "redis get" => {
            let client = connect(runtime)?;
            count(runtime, times, async || get(&client).await);
        }
        "redis get and script" => {
            let client = connect(runtime)?;
            let digest: String = runtime.block_on(client.script_load(REPLACE))?;
            count(runtime, times, async || {
                get(&client).await;
                let done = client.evalsha(&*digest, KEY, vec![VALUES, "1209600"]).await;
                let (): () = done.expect("the server answers");
            });
        }
        _ => bail!("no part is called `{part}`"),
    }
    Ok(())
}

fn count(runtime: &Runtime, times: u32, work: impl AsyncFn()) {
    runtime.block_on(async {
        for _ in 0..times {
            work().await;
        }
    });
}

/// Verifies one signature.
fn mac(runtime: &Runtime, times: u32, payload: &[u8]) {
    let signer = TimestampSigner::new(SECRET);
    let token = signer.sign(payload, 1_700_000_000);
    count(runtime, times, async || {
        let unsigned = signer.unsign(black_box(&token), Some(60), 1_700_000_001);
        assert!(unsigned.is_ok());
    });
}

/// Work whose counts are known: shows that the measuring is right.
fn known_work() {
    for _ in 0..KNOWN_BLOCKS {
        black_box(Sha1::digest(black_box("fits a block")));
    }
    // An allocation, one of zeros, and one that grows.
    black_box(Box::new(black_box(1_u64)));
    black_box(vec![0_u8; black_box(100)]);
    let mut text = String::with_capacity(black_box(10));
    text.push_str(black_box("twenty characters..."));
    black_box(text);
}

const KEY: &str = "part";

const REPLACE: &str = "redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2]) return 1";

fn connect(runtime: &Runtime) -> Result<Client> {
    let client = Builder::from_config(Config::from_url(&address(REDIS)?)?).build()?;
    runtime.block_on(async {
        client.init().await?;
        client.set::<(), _, _>(KEY, VALUES, None, None, false).await
    })?;
    Ok(client)
}

async fn get(client: &Client) {
    let value: Option<Vec<u8>> = client.get(KEY).await.expect("the server answers");
    assert_eq!(value.map(|value| value.len()), Some(VALUES.len()));
}

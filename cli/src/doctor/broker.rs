//! A named RabbitMQ: reachable, and which version.
//!
//! The first frame of AMQP 0-9-1 tells product and version before anybody has signed in: that is read here. Whether
//! the credentials are right is not tried, since a wrong try would be in the broker's log as an attack.

use std::time::Duration;

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::finding::Finding;
use crate::dev::platform::masked;

const PATIENCE: Duration = Duration::from_secs(5);

/// The greeting is some hundreds of bytes.
const GREETING_MAX: usize = 8 * 1024;

pub(super) async fn look(url: &str) -> Finding {
    let fix = "is the server up, and is --amqp-url right (host, port)? sudo rabbitmq-diagnostics check_running";
    let found = match tokio::time::timeout(PATIENCE, greeting(url)).await {
        Ok(Ok(greeting)) => greeting,
        Ok(Err(error)) => {
            return Finding::fail("broker", format!("{}: {error:#}", masked(url)), fix);
        }
        Err(_) => {
            return Finding::fail("broker", format!("{}: no answer in 5 s", masked(url)), fix);
        }
    };
    let word = |name| field(&found, name).unwrap_or_else(|| "unknown".to_owned());
    Finding::ok("broker", format!("{} {}", word("product"), word("version")))
}

async fn greeting(url: &str) -> anyhow::Result<Vec<u8>> {
    let address = reqwest::Url::parse(url).context("no URL")?;
    anyhow::ensure!(address.scheme() == "amqp", "only amqp:// is looked at");
    let host = address.host_str().context("no host")?;
    let mut stream = TcpStream::connect((host, address.port().unwrap_or(5672))).await?;
    stream.write_all(b"AMQP\x00\x00\x09\x01").await?;
    // A method frame: type 1, channel 0, size; then the method and its table.
    let mut head = [0; 7];
    stream
        .read_exact(&mut head)
        .await
        .context("it says nothing: is it a RabbitMQ?")?;
    let size = u32::from_be_bytes([head[3], head[4], head[5], head[6]]);
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    anyhow::ensure!(
        head[0] == 1 && size <= GREETING_MAX,
        "it does not speak AMQP 0-9-1"
    );
    let mut body = vec![0; size];
    stream.read_exact(&mut body).await?;
    Ok(body)
}

/// A long string of the greeting's table: short name, `S`, length, text.
fn field(greeting: &[u8], name: &str) -> Option<String> {
    let length = u8::try_from(name.len()).ok()?;
    let mut wanted = vec![length];
    wanted.extend(name.as_bytes());
    wanted.push(b'S');
    let at = greeting
        .windows(wanted.len())
        .position(|window| window == wanted)?
        + wanted.len();
    let size = u32::from_be_bytes(greeting.get(at..at + 4)?.try_into().ok()?);
    let text = greeting.get(at + 4..at + 4 + usize::try_from(size).ok()?)?;
    Some(String::from_utf8_lossy(text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_tells_product_and_version() {
        let greeting =
            b"\x00\x0a\x07productS\x00\x00\x00\x08RabbitMQ\x07versionS\x00\x00\x00\x063.10.8";
        assert_eq!(field(greeting, "product").as_deref(), Some("RabbitMQ"));
        assert_eq!(field(greeting, "version").as_deref(), Some("3.10.8"));
        assert_eq!(field(greeting, "cluster"), None);
        assert_eq!(field(b"\x07versionS\xff\xff\xff\xff", "version"), None);
    }
}

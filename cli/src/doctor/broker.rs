//! A named RabbitMQ: reachable, which version, and whether it lets us in.
//!
//! The first frame of AMQP 0-9-1 tells product and version before anybody has signed in. Then it is signed in for
//! real, because a wrong password or a missing virtual host shows nowhere else before the first booking. Nothing is
//! declared or published.

use std::time::Duration;

use anyhow::Context;
use impresario_orchestrator::broker::rabbit::{self, VisitError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::finding::Finding;
use crate::dev::platform::masked;

const PATIENCE: Duration = Duration::from_secs(5);

/// The greeting is some hundreds of bytes.
const GREETING_MAX: usize = 8 * 1024;

pub(super) async fn look(url: &str) -> Vec<Finding> {
    let fix = "is the server up, and is --amqp-url right (host, port)? sudo rabbitmq-diagnostics check_running";
    let product = match tokio::time::timeout(PATIENCE, product(url)).await {
        Ok(Ok(product)) => product,
        Ok(Err(error)) => {
            let found = format!("{}: {error:#}", masked(url));
            return vec![Finding::fail("broker", found, fix)];
        }
        Err(_) => {
            let found = format!("{}: no answer in 5 s", masked(url));
            return vec![Finding::fail("broker", found, fix)];
        }
    };
    vec![Finding::ok("broker", product), sign_in(url).await]
}

async fn sign_in(url: &str) -> Finding {
    match rabbit::visit(url, PATIENCE).await {
        Ok(signed) => {
            let found = format!("as {} at virtual host {}", signed.user, signed.vhost);
            Finding::ok("sign-in", found)
        }
        Err(error) => Finding::fail("sign-in", error.to_string(), remedy(&error)),
    }
}

fn remedy(error: &VisitError) -> String {
    match error {
        VisitError::Url(_) => "write --amqp-url as amqp://user:password@host:port/vhost".to_owned(),
        // The server's default user is only let in from the machine itself.
        VisitError::Credentials { user, .. } => format!(
            "is the password in --amqp-url right? sudo rabbitmqctl authenticate_user {user} PASSWORD"
        ),
        VisitError::VirtualHost { user, vhost, .. } => format!(
            "sudo rabbitmqctl add_vhost '{vhost}'; sudo rabbitmqctl set_permissions -p '{vhost}' {user} '.*' '.*' '.*'"
        ),
        VisitError::Silent(_) | VisitError::Other(_) => {
            "sudo rabbitmq-diagnostics check_running; its log says why".to_owned()
        }
    }
}

/// What stands at that address, as far as it says so before anybody has signed in.
async fn product(url: &str) -> anyhow::Result<String> {
    let address = reqwest::Url::parse(url).context("no URL")?;
    if address.scheme() == "amqps" {
        return Ok("behind TLS, so its version is not looked at".to_owned());
    }
    anyhow::ensure!(address.scheme() == "amqp", "no amqp:// and no amqps:// URL");
    let host = address.host_str().context("no host")?;
    let found = greeting(host, address.port().unwrap_or(5672)).await?;
    let word = |name| field(&found, name).unwrap_or_else(|| "unknown".to_owned());
    Ok(format!("{} {}", word("product"), word("version")))
}

async fn greeting(host: &str, port: u16) -> anyhow::Result<Vec<u8>> {
    let mut stream = TcpStream::connect((host, port)).await?;
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

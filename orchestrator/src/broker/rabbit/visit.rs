//! Signing in and leaving again, for whoever wants to know whether that works. Changes nothing over there.

use std::time::Duration;

use lapin::uri::AMQPUri;
use lapin::{Connection, ConnectionProperties, ErrorKind};
use tokio::time::timeout;

/// Where it was signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// As whom.
    pub user: String,
    /// Virtual host.
    pub vhost: String,
}

/// Why not. No message carries the password.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum VisitError {
    /// The address is no AMQP URL.
    #[error("the broker's URL cannot be read: {0}")]
    Url(String),
    /// User and password do not belong together.
    #[error("user `{user}` is not let in: {said}")]
    Credentials {
        /// As whom it was tried.
        user: String,
        /// The broker's sentence.
        said: String,
    },
    /// The virtual host is not there, or not for this user.
    #[error("virtual host `{vhost}` is not for user `{user}`: {said}")]
    VirtualHost {
        /// As whom it was tried.
        user: String,
        /// Where.
        vhost: String,
        /// The broker's sentence.
        said: String,
    },
    /// It does not answer.
    #[error("no answer within {0:?}")]
    Silent(Duration),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

const ACCESS_REFUSED: u16 = 403;
const NOT_ALLOWED: u16 = 530;

/// Signs in with the URL's user at its virtual host, and leaves.
pub async fn visit(url: &str, patience: Duration) -> Result<Signed, VisitError> {
    let uri: AMQPUri = url.parse().map_err(VisitError::Url)?;
    let user = uri.authority.userinfo.username.clone();
    let vhost = uri.vhost.clone();
    let properties =
        ConnectionProperties::default().with_connection_name("impresario doctor".into());
    let connecting = Connection::connect_uri(uri, properties);
    let connection = match timeout(patience, connecting).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => return Err(refused(&error, user, vhost)),
        Err(_elapsed) => return Err(VisitError::Silent(patience)),
    };
    super::close(&connection).await;
    Ok(Signed { user, vhost })
}

fn refused(error: &lapin::Error, user: String, vhost: String) -> VisitError {
    let said = error.to_string();
    match error.kind() {
        ErrorKind::ProtocolError(amqp) if amqp.get_id() == ACCESS_REFUSED => {
            VisitError::Credentials { user, said }
        }
        ErrorKind::ProtocolError(amqp) if amqp.get_id() == NOT_ALLOWED => {
            VisitError::VirtualHost { user, vhost, said }
        }
        // Not exhaustive over there: a socket that is closed, a certificate that is not believed, and so on.
        _ => VisitError::Other(said),
    }
}

//! The links of all processes: each has its own to every server that it talks to, so that one can be cut alone.

use std::collections::BTreeMap;

use tokio::runtime::Runtime;

use crate::link::Link;
use crate::programs::{ROLES, Role};

/// The other end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Far {
    Database,
    Broker,
    Provider,
}

/// All links; none, when the processes talk to the servers directly.
#[derive(Debug, Default)]
pub(crate) struct Wires {
    links: BTreeMap<(Role, Far), Link>,
}

impl Wires {
    /// A link for each process to each of these ports.
    pub(crate) fn lay(runtime: &Runtime, ports: &[(Far, u16)]) -> Wires {
        let mut links = BTreeMap::new();
        for role in ROLES {
            for &(far, port) in ports {
                links.insert((role, far), Link::to(runtime, port));
            }
        }
        Wires { links }
    }

    /// The URL of a server as this process reaches it.
    pub(crate) fn url(&self, role: Role, far: Far, url: &str) -> String {
        let Some(link) = self.links.get(&(role, far)) else {
            return url.to_owned();
        };
        let (scheme, rest) = url.split_once("://").unwrap();
        let authority = rest.split(['/', '?']).next().unwrap();
        let host = authority
            .rsplit_once('@')
            .map_or(authority, |(_, host)| host);
        let there = format!("127.0.0.1:{}", link.port());
        format!("{scheme}://{}", rest.replacen(host, &there, 1))
    }

    pub(crate) fn of(&self, role: Role, far: Far) -> &Link {
        self.links
            .get(&(role, far))
            .expect("this platform has links")
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Link> {
        self.links.values()
    }
}

//! Several private RabbitMQ nodes that are one cluster: what is in a quorum queue outlives any minority of them.
//!
//! They share a port mapper, which is a process of the cluster's own: a node that is killed comes back to it.

use std::process::Command;
use std::time::Duration;

use super::{Options, RabbitMq};
use crate::binaries;
use crate::error::Error;
use crate::folder::Folder;
use crate::{Program, port};

/// It only opens a port.
const MAPPER_PATIENCE: Duration = Duration::from_secs(30);

/// A node's place in a cluster.
#[derive(Debug, Clone)]
pub(super) struct Member {
    number: usize,
    pub(super) mapper: u16,
    pub(super) cookie: String,
}

impl Member {
    pub(super) fn node(&self) -> String {
        Cluster::node(self.number)
    }
}

/// A running cluster. Dropping it stops it.
#[derive(Debug)]
pub struct Cluster {
    /// Its nodes, each to be killed and started like any other.
    pub members: Vec<RabbitMq>,
    // Dropped last: whoever stops asks it.
    _mapper: Program,
}

impl Cluster {
    /// Starts so many nodes, one after another: each joins those that are there.
    ///
    /// # Errors
    /// When it is not installed, or one does not come up.
    pub fn start(nodes: usize) -> Result<Self, Error> {
        let (mapper, port) = mapper()?;
        // Nobody else's nodes know it, should one of them ever ask this mapper.
        let cookie = format!("impresario{port}x{}", std::process::id());
        let mut members = Vec::new();
        for number in 0..nodes {
            let member = Member {
                number,
                mapper: port,
                cookie: cookie.clone(),
            };
            members.push(RabbitMq::start(Options {
                settings: peers(number),
                member: Some(member),
                ..Options::at(Folder::temporary(&format!("rabbitmq-{number}")))
            })?);
        }
        Ok(Self {
            members,
            _mapper: mapper,
        })
    }

    /// What a node calls itself.
    #[must_use]
    pub fn node(number: usize) -> String {
        format!("impresario-{number}@localhost")
    }
}

/// The first start of a node looks for these. Not for those that come later: it would wait for them.
fn peers(number: usize) -> Vec<String> {
    let backend = "cluster_formation.peer_discovery_backend = classic_config".to_owned();
    let names = (0..=number).map(|peer| {
        let at = format!("cluster_formation.classic_config.nodes.{}", peer + 1);
        format!("{at} = {}", Cluster::node(peer))
    });
    std::iter::once(backend).chain(names).collect()
}

fn mapper() -> Result<(Program, u16), Error> {
    let folder = Folder::temporary("epmd").create()?;
    let port = port::free()?;
    let mut command = Command::new(binaries::epmd()?);
    command
        .env("ERL_EPMD_PORT", port.to_string())
        .env("ERL_EPMD_ADDRESS", "127.0.0.1")
        .current_dir(folder.path());
    let mut mapper = Program::start("epmd", command, &folder.path().join("epmd.log"))?;
    mapper.wait_ready(MAPPER_PATIENCE, || port::connect(port).is_ok())?;
    Ok((mapper, port))
}

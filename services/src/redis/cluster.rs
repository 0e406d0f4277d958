//! A private Redis cluster on loopback: three primaries with a replica each, six processes. Its members can be killed
//! and restarted one by one; a primary's replica takes its slots over. Who speaks to it needs a client for clusters.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::{Options, Redis};
use crate::binaries;
use crate::error::Error;
use crate::folder::Folder;

/// Three primaries are the fewest that can elect a successor.
const MEMBERS: usize = 6;
/// Until all members agree about the slots and every replica follows its primary.
const AGREE_PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A running private cluster. Dropping it stops its members.
#[derive(Debug)]
pub struct Cluster {
    members: Vec<Redis>,
}

impl Cluster {
    /// Starts six servers with folders that vanish with them, and makes them one cluster.
    ///
    /// # Errors
    /// When one does not come up, or they do not agree.
    pub fn temporary() -> Result<Self, Error> {
        let start = |_| {
            let mut options = Options::at(Folder::temporary("redis-member"));
            options.member = true;
            Redis::start(options)
        };
        let members = (0..MEMBERS).map(start).collect::<Result<_, _>>()?;
        let cluster = Self { members };
        cluster.create()?;
        cluster.agree()?;
        Ok(cluster)
    }

    /// The URLs of all members, separated by commas.
    #[must_use]
    pub fn urls(&self) -> String {
        let urls: Vec<String> = self.members.iter().map(Redis::url).collect();
        urls.join(",")
    }

    /// Its members, to be killed and restarted.
    pub fn members(&mut self) -> &mut [Redis] {
        &mut self.members
    }

    fn create(&self) -> Result<(), Error> {
        let mut command = Command::new(binaries::redis_cli()?);
        command.args(["--cluster", "create"]);
        command.args(self.members.iter().map(|m| format!("127.0.0.1:{}", m.port)));
        command.args(["--cluster-replicas", "1", "--cluster-yes"]);
        let said = command
            .output()
            .map_err(|e| Error::new(format!("could not run redis-cli: {e}")))?;
        if said.status.success() {
            return Ok(());
        }
        Err(Error::new("redis-cli could not make a cluster").output(&said.stdout))
    }

    fn agree(&self) -> Result<(), Error> {
        let cli = binaries::redis_cli()?;
        let give_up = Instant::now() + AGREE_PATIENCE;
        while !self.members.iter().all(|member| is_settled(&cli, member)) {
            if Instant::now() > give_up {
                return Err(Error::new("the members of a Redis cluster do not agree"));
            }
            thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }
}

/// Whether it finds the cluster whole, and follows its primary or is followed.
fn is_settled(cli: &Path, member: &Redis) -> bool {
    let ask = |words: &[&str]| {
        let mut command = Command::new(cli);
        command.args(["-p", &member.port.to_string()]).args(words);
        let said = command.output().map(|said| said.stdout).unwrap_or_default();
        String::from_utf8_lossy(&said).into_owned()
    };
    let replication = ask(&["INFO", "replication"]);
    ask(&["CLUSTER", "INFO"]).contains("cluster_state:ok")
        && (replication.contains("master_link_status:up")
            || replication.contains("connected_slaves:1"))
}

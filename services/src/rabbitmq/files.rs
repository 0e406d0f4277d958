//! The files and the environment that keep a RabbitMQ node to itself.
//!
//! RabbitMQ looks in many places outside its data: /etc for settings, the home folder for the cookie, a well-known
//! port for the port mapper. Each of them is pointed into our folder here, for the server and for `rabbitmqctl`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Error;

/// The ports of one node, all on loopback.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    pub(super) amqp: u16,
    /// Erlang's port mapper, so that ours never meets the machine's.
    pub(super) mapper: u16,
    /// Where `rabbitmqctl` reaches the node.
    pub(super) node: u16,
}

/// The files of one node.
#[derive(Debug, Clone)]
pub(super) struct Files {
    folder: PathBuf,
    node: String,
}

impl Files {
    pub(super) fn below(folder: &Path, node: &str) -> Self {
        Self {
            folder: folder.to_owned(),
            node: node.to_owned(),
        }
    }

    /// Members of a cluster know each other by one cookie.
    pub(super) fn write_cookie(&self, cookie: &str) -> Result<(), Error> {
        let file = self.folder.join("home/.erlang.cookie");
        if file.exists() {
            return Ok(());
        }
        fs::write(&file, cookie).map_err(|e| Error::io("write", &file, &e))?;
        // Erlang refuses one that others can read.
        let private = fs::Permissions::from_mode(0o400);
        fs::set_permissions(&file, private).map_err(|e| Error::io("protect", &file, &e))
    }

    pub(super) fn log(&self) -> PathBuf {
        self.folder.join("rabbitmq.log")
    }

    /// Writes the settings. Those that are empty exist so that the machine's own are not read.
    pub(super) fn write(&self, settings: &[String], plugins: &[&str]) -> Result<(), Error> {
        for name in ["home", "data", "log"] {
            let path = self.folder.join(name);
            fs::create_dir_all(&path).map_err(|e| Error::io("create", &path, &e))?;
        }
        let mut conf = String::from(
            "# Written at every start.\nlog.console = true\nlog.console.level = info\nlog.file = false\n",
        );
        for line in settings {
            conf.push_str(line);
            conf.push('\n');
        }
        self.put("rabbitmq.conf", &conf)?;
        self.put("advanced.config", "[].\n")?;
        self.put("enabled_plugins", &format!("[{}].\n", plugins.join(",")))?;
        self.put("rabbitmq-env.conf", "")
    }

    pub(super) fn write_ports(&self, ports: Ports) -> Result<(), Error> {
        self.put(
            "ports",
            &format!("{} {} {}\n", ports.amqp, ports.mapper, ports.node),
        )
    }

    /// The ports as the owner of the node wrote them; we may have merely borrowed it.
    pub(super) fn read_ports(&self) -> Result<Ports, Error> {
        let path = self.folder.join("ports");
        let text = fs::read_to_string(&path).map_err(|e| Error::io("read", &path, &e))?;
        let numbers: Vec<u16> = text
            .split_whitespace()
            .filter_map(|word| word.parse().ok())
            .collect();
        match numbers.as_slice() {
            [amqp, mapper, node] => Ok(Ports {
                amqp: *amqp,
                mapper: *mapper,
                node: *node,
            }),
            _ => Err(
                Error::new(format!("{} does not hold three ports", path.display()))
                    .fix("start the server again"),
            ),
        }
    }

    /// The variables that the server, `rabbitmqctl` and `epmd` read.
    pub(super) fn environment(&self, command: &mut Command, ports: Ports) {
        let folder = |name: &str| self.folder.join(name);
        command.current_dir(&self.folder);
        command.env("HOME", folder("home"));
        command.env("LANG", "C.UTF-8").env("LC_ALL", "C.UTF-8");
        command.env("ERL_EPMD_PORT", ports.mapper.to_string());
        command.env("ERL_EPMD_ADDRESS", "127.0.0.1");
        command.env("RABBITMQ_NODENAME", &self.node);
        command.env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1");
        command.env("RABBITMQ_NODE_PORT", ports.amqp.to_string());
        command.env("RABBITMQ_DIST_PORT", ports.node.to_string());
        command.env("RABBITMQ_CONF_ENV_FILE", folder("rabbitmq-env.conf"));
        // Without the extension in 3.x, with or without in 4.x.
        command.env("RABBITMQ_CONFIG_FILE", folder("rabbitmq"));
        command.env("RABBITMQ_ADVANCED_CONFIG_FILE", folder("advanced.config"));
        command.env("RABBITMQ_ENABLED_PLUGINS_FILE", folder("enabled_plugins"));
        command.env("RABBITMQ_MNESIA_BASE", folder("data"));
        command.env("RABBITMQ_LOG_BASE", folder("log"));
        command.env("RABBITMQ_PID_FILE", folder("pid"));
        // The node listens on loopback only, and uses the port mapper that we started.
        command.env(
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
            "-kernel inet_dist_use_interface {127,0,0,1} -start_epmd false",
        );
    }

    fn put(&self, name: &str, text: &str) -> Result<(), Error> {
        let path = self.folder.join(name);
        fs::write(&path, text).map_err(|e| Error::io("write", &path, &e))
    }
}

//! The package managers that we know, and how each installs without starting servers.
//!
//! Debian's packages start a system server when they are installed. We run private ones and want no other, so for
//! the time of the installation a policy file forbids it, unless the machine has a policy of its own.

use std::path::Path;
use std::process::Command;

use super::Need;
use crate::{Outcome, cargo};

/// Run as root. Lists are fetched when there are none, and once more when a package is not found in old ones.
const APT: &str = r#"
set -e
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 130' INT TERM
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
ls /var/lib/apt/lists/*_Packages* >/dev/null 2>&1 || apt-get update
apt-get install -y --no-install-recommends "$@" || {
    apt-get update
    apt-get install -y --no-install-recommends "$@"
}
"#;

/// How this machine gets its packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manager {
    Apt,
    Brew,
    Dnf,
}

impl Manager {
    pub(super) fn of_this_machine() -> Option<Self> {
        // Homebrew last: on Linux it may exist beside the system's own.
        [
            (Self::Apt, "apt-get"),
            (Self::Dnf, "dnf"),
            (Self::Brew, "brew"),
        ]
        .into_iter()
        .find(|(_, program)| on_path(program))
        .map(|(manager, _)| manager)
    }

    pub(super) fn package(self, need: &Need) -> &'static str {
        match self {
            Self::Apt => need.apt,
            Self::Brew => need.brew,
            Self::Dnf => need.dnf,
        }
    }

    /// The command as the reader would type it.
    pub(super) fn shown(self, packages: &[&str]) -> String {
        let packages = packages.join(" ");
        match self {
            Self::Apt => format!(
                "{}apt-get install -y --no-install-recommends {packages}",
                sudo()
            ),
            Self::Brew => format!("brew install {packages}"),
            Self::Dnf => format!("{}dnf install -y {packages}", sudo()),
        }
    }

    /// What we promise about system servers.
    pub(super) fn promise(self) -> Option<&'static str> {
        match self {
            Self::Apt if Path::new("/usr/sbin/policy-rc.d").exists() => Some(
                "(this machine's own policy-rc.d decides whether the packages start their servers)",
            ),
            Self::Apt => Some("(without starting their system servers: a temporary policy-rc.d)"),
            Self::Brew | Self::Dnf => None,
        }
    }

    pub(super) fn install(self, packages: &[&str]) -> Outcome {
        let mut command = match self {
            Self::Apt => {
                let mut command = as_root("sh");
                command.args(["-c", APT, "apt"]);
                command
            }
            Self::Brew => {
                let mut command = Command::new("brew");
                command.arg("install");
                command
            }
            Self::Dnf => {
                let mut command = as_root("dnf");
                command.args(["install", "-y"]);
                command
            }
        };
        command.args(packages);
        let status = command
            .status()
            .map_err(|e| format!("could not run the package manager: {e}"))?;
        if status.success() {
            return Ok(());
        }
        Err(format!("{} ended with {status}", self.shown(packages)))
    }
}

fn as_root(program: &str) -> Command {
    if is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.arg(program);
    command
}

fn sudo() -> &'static str {
    if is_root() { "" } else { "sudo " }
}

fn is_root() -> bool {
    cargo::read(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

pub(super) fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

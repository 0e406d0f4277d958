//! PostgreSQL's own programs: where they are, and running them to their end.

use std::path::{Path, PathBuf};

use impresario_services::Postgres;
use tokio::process::Command;

use crate::exit::{Code, coded};

/// The folder of the programs.
#[derive(Clone, Debug)]
pub(crate) struct Tools {
    bin: PathBuf,
}

impl Tools {
    /// Those in a folder, or those that are installed.
    pub(crate) fn find(bin: Option<&Path>) -> anyhow::Result<Tools> {
        let bin = bin.map(Path::to_owned).or_else(Postgres::installed);
        let Some(bin) = bin.filter(|bin| bin.join("pg_basebackup").is_file()) else {
            let text = "PostgreSQL's programs (pg_basebackup, pg_receivewal, pg_verifybackup) were not found: \
                        name their folder with --pg-bin";
            return Err(coded(Code::NotFound, text));
        };
        Ok(Tools { bin })
    }

    /// A command for one of them; it ends with us.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        command
            .kill_on_drop(true)
            .stdin(std::process::Stdio::null());
        command
    }

    /// The major version, as `PG_VERSION` in data says it.
    pub(crate) async fn version(&self) -> anyhow::Result<String> {
        let said = run(self.command("pg_basebackup").arg("--version")).await?;
        let number = said
            .split_whitespace()
            .find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
        let major = number
            .unwrap_or_default()
            .split('.')
            .next()
            .unwrap_or_default();
        Ok(major.to_owned())
    }

    /// Whether every file of a base backup is as its manifest says.
    pub(crate) async fn verify(&self, base: &Path) -> anyhow::Result<()> {
        run(self.command("pg_verifybackup").arg("--quiet").arg(base)).await?;
        Ok(())
    }
}

/// Runs a program to its end; what it printed. One that fails is told in its own words.
pub(crate) async fn run(command: &mut Command) -> anyhow::Result<String> {
    let name = command.as_std().get_program().to_owned();
    let name = Path::new(&name)
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let output = command
        .output()
        .await
        .map_err(|error| coded(Code::NotFound, format!("{name} cannot be run: {error}")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(coded(Code::Failed, format!("{name}: {}", said.trim())))
}

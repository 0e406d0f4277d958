//! A standby of a private Postgres that every commit waits for, and its taking over: what a cluster with a synchronous
//! replica does when its primary is lost. Nothing that was acknowledged is gone.

use std::fs;
use std::process::Command;

use super::{Options, Postgres};
use crate::error::Error;
use crate::folder::Folder;

impl Postgres {
    /// Starts a copy that follows this server; from now on each commit here waits until it is on both disks.
    ///
    /// # Errors
    /// When it does not come up, or does not follow.
    pub fn synchronous_standby(&self) -> Result<Postgres, Error> {
        let backup = self.base_backup("standby")?;
        let folder = Folder::temporary("postgres-standby").create()?;
        let data = folder.path().join("data");
        super::backup::rename(backup.data(), &data)?;
        let settings = data.join("postgresql.auto.conf");
        let follows = format!(
            "primary_conninfo = 'host=127.0.0.1 port={} user=postgres application_name=standby'\n",
            self.port
        );
        let written = fs::read_to_string(&settings).unwrap_or_default() + &follows;
        fs::write(&settings, written).map_err(|e| Error::io("write", &settings, &e))?;
        let signal = data.join("standby.signal");
        fs::write(&signal, "").map_err(|e| Error::io("write", &signal, &e))?;
        self.account.own(&signal)?;
        let standby = Postgres::start(Options {
            folder,
            port: 0,
            ..self.options.clone()
        })?;
        self.ask("alter system set synchronous_standby_names = 'standby'")?;
        self.ask("select pg_reload_conf()")?;
        self.ask(
            "do $$ begin
                 for look in 1 .. 600 loop
                     perform pg_stat_clear_snapshot();
                     if exists (select from pg_stat_replication where sync_state = 'sync') then return; end if;
                     perform pg_sleep(0.1);
                 end loop;
                 raise 'no standby follows';
             end $$",
        )?;
        Ok(standby)
    }

    /// The primary ends without a warning, and this standby becomes the primary at its address.
    ///
    /// # Errors
    /// When it does not come up there, or cannot be promoted.
    pub fn take_over(&mut self, primary: &mut Postgres) -> Result<(), Error> {
        primary.kill9()?;
        self.stop()?;
        self.port = primary.port;
        self.run()?;
        self.ask("select pg_promote()")
    }

    fn ask(&self, sql: &str) -> Result<(), Error> {
        let mut psql: Command = self.psql("postgres");
        let asked = psql
            .args(["-c", sql])
            .output()
            .map_err(|e| Error::new(format!("could not run psql: {e}")))?;
        if asked.status.success() {
            return Ok(());
        }
        Err(Error::new(format!("refused: {sql}")).output(&asked.stderr))
    }
}

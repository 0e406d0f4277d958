//! The members of the cache's cluster, as their pods start them, on real servers: they find each other without anybody's
//! help, and again when one comes back elsewhere with nothing, or all of them do at once. On Linux: elsewhere the loopback has
//! one address, not many.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use impresario_services::{Redis, port};
use tempfile::TempDir;

use crate::files::folder;

/// For elections, handshakes and forgotten addresses: the node timeout is 5 s.
const PATIENCE: Duration = Duration::from_secs(60);

/// Three members on addresses of the loopback that stand for those of pods.
#[derive(Debug)]
struct Members {
    place: TempDir,
    port: u16,
    addresses: [String; 3],
    running: [Option<Child>; 3],
}

impl Members {
    fn begin() -> Self {
        let mut members = Self {
            place: TempDir::new().unwrap(),
            port: port::free().unwrap(),
            addresses: [0, 1, 2].map(|number| format!("127.0.1.{}", 10 + number)),
            running: [None, None, None],
        };
        for number in 0..3 {
            members.start(number);
        }
        members
    }

    fn script(&self, name: &str, number: usize) -> Command {
        let mut command = Command::new("bash");
        command.arg(folder().join("components/redis/files").join(name));
        command.env("MEMBERS", self.addresses.join(" "));
        command.env("POD_NAME", format!("redis-{number}"));
        command.env("POD_IP", &self.addresses[number]);
        command.env("PORT", self.port.to_string());
        command.env(
            "DATA",
            self.place.path().join(number.to_string()).to_str().unwrap(),
        );
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// In an empty folder, as a pod has it.
    fn start(&mut self, number: usize) {
        let data = self.place.path().join(number.to_string());
        drop(std::fs::remove_dir_all(&data));
        std::fs::create_dir_all(&data).unwrap();
        self.running[number] = Some(self.script("start.sh", number).spawn().unwrap());
    }

    fn kill(&mut self, number: usize) {
        let mut child = self.running[number].take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    fn is_ready(&self, number: usize) -> bool {
        let ran = self.script("ready.sh", number).status();
        ran.unwrap().success()
    }

    fn ask(&self, number: usize, words: &[&str]) -> String {
        let ran = Command::new("redis-cli")
            .args(["-c", "-h", &self.addresses[number], "-p"])
            .arg(self.port.to_string())
            .args(words)
            .output()
            .unwrap();
        String::from_utf8_lossy(&ran.stdout).into_owned()
    }

    /// Every member knows all three, where they are now, and serves all slots.
    fn wait_until_whole(&self) {
        let end = Instant::now() + PATIENCE;
        loop {
            let seen = [0, 1, 2].map(|number| self.ask(number, &["cluster", "nodes"]));
            let at: Vec<String> = self
                .addresses
                .iter()
                .map(|address| format!(" {address}:{}@", self.port))
                .collect();
            let whole = |text: &String| {
                text.lines().count() == 3
                    && text.matches(" connected ").count() == 3
                    && !text.contains("fail")
                    && at.iter().all(|address| text.contains(address))
            };
            if seen.iter().all(whole) && (0..3).all(|number| self.is_ready(number)) {
                return;
            }
            assert!(Instant::now() < end, "{seen:#?}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// A key in every member is written through one and read through another.
    fn serves(&self) {
        for key in ["a", "b", "c", "d", "e", "f"] {
            assert_eq!(self.ask(0, &["set", key, key]), "OK\n");
            assert_eq!(self.ask(2, &["get", key]), format!("{key}\n"));
        }
        for number in 0..3 {
            let direct = Command::new("redis-cli")
                .args(["-h", &self.addresses[number], "-p"])
                .args([&self.port.to_string(), "dbsize"])
                .output()
                .unwrap();
            assert_ne!(direct.stdout, b"0\n", "member {number} has no key");
        }
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        for child in self.running.iter_mut().flatten() {
            let _gone = child.kill();
            let _reaped = child.wait();
        }
    }
}

#[test]
fn members_find_each_other_wherever_they_come_back() {
    if Redis::installed().is_none() {
        eprintln!("SKIPPED: no Redis");
        return;
    }
    let mut members = Members::begin();
    members.wait_until_whole();
    members.serves();

    // One goes: it is ready as little as it is there, and what the others have is still served.
    members.kill(2);
    assert!(!members.is_ready(2));
    assert_eq!(members.ask(0, &["get", "b"]), "b\n");
    // It comes back on another node, with nothing.
    members.addresses[2] = "127.0.1.22".to_owned();
    members.start(2);
    members.wait_until_whole();
    members.serves();

    // All of them at once, each somewhere else.
    for number in 0..3 {
        members.kill(number);
        members.addresses[number] = format!("127.0.1.{}", 30 + number);
    }
    for number in 0..3 {
        members.start(number);
    }
    members.wait_until_whole();
    members.serves();
}

#[test]
fn one_that_is_alone_is_not_ready() {
    if Redis::installed().is_none() {
        eprintln!("SKIPPED: no Redis");
        return;
    }
    let mut members = Members::begin();
    members.wait_until_whole();
    members.kill(0);
    members.kill(1);
    let end = Instant::now() + PATIENCE;
    while members.is_ready(2) {
        assert!(
            Instant::now() < end,
            "{}",
            members.ask(2, &["cluster", "info"])
        );
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(members.ask(2, &["ping"]).contains("PONG"));
}

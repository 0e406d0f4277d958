//! Definitions while they are written: each save is linted and explored, and a new version that is proved is loaded
//! into the running engine. What is disproved stays outside, and is told with its story.
//!
//! Files are looked at by their modification times: a handful of them, a few times a second, everywhere the same.
//! Exploring takes a thread of its own, one file at a time; a verdict about a text that was saved again meanwhile is
//! not told, because nobody wants to know it any more.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use impresario_workflows::check::{Limits, Verdict};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::check::{self, Checked};
use crate::client::Server;
use crate::definition::read_text;
use crate::exit::{Code, coded};
use crate::output::{Ink, tame};

/// How often files are looked at: sooner than a person looks from one window to the other.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// Worlds that a save is worth: seconds, as many as the engine goes through for an upload.
const STATES_MAX: usize = 200_000;

/// Files that are watched; a folder with more was not meant.
const FILES_MAX: usize = 100;

/// Who loads it, in the engine's records.
const OPERATOR: &str = "dev";

/// What a file was when it was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
}

/// Files and folders that are watched, and what has been seen of them.
#[derive(Debug)]
pub(super) struct Watch {
    paths: Vec<PathBuf>,
    stamps: BTreeMap<PathBuf, Stamp>,
    /// Texts as they were last taken up: a file that was only touched has nothing new to say.
    texts: BTreeMap<PathBuf, String>,
    /// Saved, and not explored yet.
    pending: BTreeMap<PathBuf, String>,
    ink: Ink,
}

/// A text that is being explored.
struct Exploring {
    path: PathBuf,
    text: String,
    done: oneshot::Receiver<Checked>,
}

impl Watch {
    /// Of files and folders that are there.
    pub(super) fn of(paths: Vec<PathBuf>) -> anyhow::Result<Watch> {
        if let Some(missing) = paths.iter().find(|path| !path.exists()) {
            let text = format!("there is no file or folder {}", missing.display());
            return Err(coded(Code::NotFound, text));
        }
        let files: usize = paths.iter().map(|path| files(path).len()).sum();
        if files > FILES_MAX {
            let text =
                format!("{files} definition files are too many to watch; at most {FILES_MAX}");
            return Err(coded(Code::Usage, text));
        }
        Ok(Watch {
            paths,
            stamps: BTreeMap::new(),
            texts: BTreeMap::new(),
            pending: BTreeMap::new(),
            ink: Ink::stderr(),
        })
    }

    /// Watches until the end is wanted.
    pub(super) async fn run(mut self, server: Server, stop: CancellationToken) {
        if self.paths.is_empty() {
            return;
        }
        let mut look = tokio::time::interval(LOOK_EVERY);
        let mut exploring: Option<Exploring> = None;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = look.tick() => self.look(),
                checked = done(&mut exploring) => {
                    if let (Some(explored), Some(checked)) = (exploring.take(), checked)
                        && self.is_newest(&explored)
                    {
                        self.tell(&server, &explored, &checked).await;
                    }
                }
            }
            if exploring.is_none() {
                exploring = self
                    .pending
                    .pop_first()
                    .map(|(path, text)| explore(path, text));
            }
        }
    }

    /// Takes up what has been saved.
    fn look(&mut self) {
        let found = self.paths.iter().flat_map(|path| files(path));
        for path in found.take(FILES_MAX).collect::<Vec<_>>() {
            let Some(stamp) = stamp(&path) else { continue };
            if self.stamps.get(&path) == Some(&stamp) {
                continue;
            }
            self.stamps.insert(path.clone(), stamp);
            match read_text(&path) {
                Ok((_, text)) if self.texts.get(&path) == Some(&text) => {}
                Ok((_, text)) => {
                    self.texts.insert(path.clone(), text.clone());
                    self.pending.insert(path, text);
                }
                Err(error) => self.say(&self.ink.bad(&format!("{error:#}"))),
            }
        }
    }

    fn is_newest(&self, explored: &Exploring) -> bool {
        self.texts.get(&explored.path) == Some(&explored.text)
    }

    /// The verdict, and what follows from it.
    async fn tell(&self, server: &Server, explored: &Exploring, checked: &Checked) {
        self.say(check::told(checked, false, self.ink).trim_end());
        match checked.verdict() {
            Some(Verdict::Proved) => self.load(server, &explored.text).await,
            Some(Verdict::Disproved(_)) | None => self.say(&self.ink.bad("not loaded")),
            Some(Verdict::NotProved { .. }) => {
                let text = format!(
                    "not loaded: `impresario apply {}` does it all the same",
                    explored.path.display()
                );
                self.say(&self.ink.dim(&text));
            }
        }
    }

    async fn load(&self, server: &Server, text: &str) {
        match server.upload(&json!({ "source": text }), OPERATOR).await {
            Ok(stored) => self.say(&self.ink.good(&format!("loaded {}", loaded(&stored)))),
            Err(error) => {
                let text = format!("not loaded: {:#}", anyhow::Error::from(error));
                self.say(&self.ink.bad(&text));
            }
        }
    }

    fn say(&self, text: &str) {
        for line in text.lines() {
            eprintln!("  {line}");
        }
    }
}

/// The verdict, when there is one to wait for; none when the explorer itself has failed.
async fn done(exploring: &mut Option<Exploring>) -> Option<Checked> {
    match exploring {
        Some(exploring) => (&mut exploring.done).await.ok(),
        None => std::future::pending().await,
    }
}

/// Explores a text in a thread of its own: it computes for seconds, and what serves bookings must not wait for it.
fn explore(path: PathBuf, text: String) -> Exploring {
    let (tell, done) = oneshot::channel();
    let limits = Limits {
        states_max: STATES_MAX,
        walks: Limits::walks_for(STATES_MAX),
        ..Limits::default()
    };
    let (name, source) = (path.display().to_string(), text.clone());
    std::thread::spawn(move || {
        // Whoever waited may be gone: then dev has ended.
        drop(tell.send(check::look_at(name, source, limits)));
    });
    Exploring { path, text, done }
}

/// The definition files of a path: itself, or those of the folder. Tables and profiles beside them are none.
fn files(path: &Path) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| is_definition(path))
        .collect();
    files.sort();
    files
}

fn is_definition(path: &Path) -> bool {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or("");
    let beside = [".test.yaml", ".profile.yaml"];
    name.ends_with(".yaml")
        && !name.starts_with('.')
        && !beside.iter().any(|end| name.ends_with(end))
}

fn stamp(path: &Path) -> Option<Stamp> {
    let found = path.metadata().ok()?;
    Some(Stamp {
        modified: found.modified().ok(),
        bytes: found.len(),
    })
}

fn loaded(stored: &Value) -> String {
    let name = tame(stored["name"].as_str().unwrap_or_default());
    let hash = stored["hash"].as_str().and_then(|hash| hash.get(..12));
    format!(
        "{name} v{} ({})",
        stored["version"],
        tame(hash.unwrap_or_default())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_its_definitions_and_not_what_lies_beside_them() {
        let folder = tempfile::TempDir::new().unwrap();
        for name in [
            "b.yaml",
            "a.yaml",
            "a.test.yaml",
            "a.profile.yaml",
            "README.md",
            ".a.yaml",
        ] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let names: Vec<String> = files(folder.path())
            .iter()
            .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        assert_eq!(names, ["a.yaml", "b.yaml"]);
    }

    #[test]
    fn a_touch_is_no_save_and_the_newest_save_counts() {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("one.yaml");
        std::fs::write(&file, "one").unwrap();
        let mut watch = Watch::of(vec![folder.path().to_owned()]).unwrap();
        watch.look();
        assert_eq!(watch.pending.get(&file).unwrap(), "one");
        let (_tell, done) = oneshot::channel();
        let explored = Exploring {
            path: file.clone(),
            text: watch.pending.remove(&file).unwrap(),
            done,
        };
        assert!(watch.is_newest(&explored));
        let later = SystemTime::now() + Duration::from_secs(5);
        let touched = std::fs::File::options().write(true).open(&file).unwrap();
        touched.set_modified(later).unwrap();
        watch.look();
        assert!(watch.pending.is_empty());
        std::fs::write(&file, "another").unwrap();
        watch.look();
        assert_eq!(watch.pending.get(&file).unwrap(), "another");
        assert!(!watch.is_newest(&explored));
    }

    #[test]
    fn what_is_not_there_cannot_be_watched() {
        assert!(Watch::of(vec![PathBuf::from("/nowhere/x.yaml")]).is_err());
    }
}

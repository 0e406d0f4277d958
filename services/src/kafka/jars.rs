//! The broker's jars: fetched once by Maven, checked, and kept for all later runs.
//!
//! Maven checks what it downloads against the checksums of where it comes from; we check what came out against a
//! list of our own, so that the same bytes run everywhere. Several test programs may want them at the same time:
//! one fetches, the others wait.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::binaries;
use crate::error::Error;

const POM: &str = include_str!("pom.xml");
const SUMS: &str = include_str!("jars.sha256");

/// Part of the folder's name: another version is another folder.
const VERSION: &str = "4.1.1";

/// The folder with the jars, when they are there.
pub(super) fn found() -> Option<PathBuf> {
    let lib = home().join("lib");
    lib.is_dir().then_some(lib)
}

/// The folder with the jars; they are fetched when they are not there yet.
pub(super) fn fetched() -> Result<PathBuf, Error> {
    let home = home();
    fs::create_dir_all(&home).map_err(|e| Error::io("create", &home, &e))?;
    let path = home.join("lock");
    let lock = File::create(&path).map_err(|e| Error::io("open", &path, &e))?;
    lock.lock().map_err(|e| Error::io("lock", &path, &e))?;
    match found() {
        Some(lib) => Ok(lib),
        None => fetch(&home),
    }
}

/// By way of another name, so that a fetch that is cut off leaves nothing that looks whole.
fn fetch(home: &Path) -> Result<PathBuf, Error> {
    let maven = binaries::maven()?;
    let (half, whole) = (home.join("lib.new"), home.join("lib"));
    if half.exists() {
        fs::remove_dir_all(&half).map_err(|e| Error::io("remove", &half, &e))?;
    }
    let pom = home.join("pom.xml");
    fs::write(&pom, POM).map_err(|e| Error::io("write", &pom, &e))?;
    let mut copy = Command::new(maven);
    copy.args(["-q", "-B", "--strict-checksums", "-f"])
        .arg(&pom)
        .arg("org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies")
        .arg("-DincludeScope=runtime")
        .arg(format!("-DoutputDirectory={}", half.display()));
    run(copy, "fetch Kafka with Maven")?;
    let sums = home.join("jars.sha256");
    fs::write(&sums, SUMS).map_err(|e| Error::io("write", &sums, &e))?;
    let mut check = Command::new("sh");
    // Every file of the list and no other, with these bytes. `shasum` is what macOS has.
    check.current_dir(&half).args([
        "-c",
        r#"test "$(ls | wc -l)" -eq "$(wc -l <"$1")" && { sha256sum -c "$1" || shasum -a 256 -c "$1"; }"#,
        "check",
    ]);
    check.arg(&sums);
    run(check, "check the jars of Kafka")?;
    fs::rename(&half, &whole).map_err(|e| Error::io("rename", &half, &e))?;
    Ok(whole)
}

fn run(mut command: Command, doing: &str) -> Result<(), Error> {
    let printed = command
        .stdin(Stdio::null())
        .output()
        .map_err(|e| Error::new(format!("could not {doing}: {e}")))?;
    if printed.status.success() {
        return Ok(());
    }
    let mut said = printed.stdout;
    said.extend(printed.stderr);
    Err(Error::new(format!("could not {doing}: {}", printed.status))
        .output(&said)
        .fix("cargo xtask setup, with a network that reaches Maven Central"))
}

/// Beside other caches of this user; 43 MB that any checkout can use.
fn home() -> PathBuf {
    let named = |variable: &str| env::var_os(variable).filter(|value| !value.is_empty());
    let caches = match (named("XDG_CACHE_HOME"), named("HOME")) {
        (Some(caches), _) => PathBuf::from(caches),
        (None, Some(home)) => Path::new(&home).join(".cache"),
        (None, None) => env::temp_dir(),
    };
    caches.join(format!("impresario/kafka-{VERSION}"))
}

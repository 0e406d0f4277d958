//! Getting a peer from its package manager, once, as its lock file says.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Outcome;

/// What a peer is made from: `bench/peers/NAME`.
pub(super) fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("peers")
        .join(name)
}

/// Where what was installed or built stays: `target/peers/NAME`.
pub(super) fn cache(name: &str) -> Outcome<PathBuf> {
    let ourselves =
        std::env::current_exe().map_err(|e| format!("could not tell where we are: {e}"))?;
    let target = ourselves.parent().and_then(Path::parent);
    let target = target.ok_or("this program is not below a target folder")?;
    let folder = target.join("peers").join(name);
    fs::create_dir_all(&folder)
        .map_err(|e| format!("could not create {}: {e}", folder.display()))?;
    Ok(folder)
}

/// Installs the Node packages of a peer as they are locked, unless they are there; gives the folder they are in.
///
/// Their scripts are not run: none is needed, and some report to their makers that they were installed.
pub(super) fn node_packages(name: &str) -> Outcome<PathBuf> {
    let (source, folder) = (source(name), cache(name)?);
    let lock = "package-lock.json";
    let installed = folder.join("node_modules").is_dir()
        && read(&source.join(lock))? == fs::read(folder.join(lock)).unwrap_or_default();
    if installed {
        return Ok(folder);
    }
    println!("installing {name} with npm, the first time");
    // The lock is copied last: it is what says that the installation is complete.
    copy(&source, &folder, "package.json")?;
    fs::write(folder.join(lock), read(&source.join(lock))?)
        .map_err(|e| format!("could not write {}: {e}", folder.join(lock).display()))?;
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(&folder);
    run(&mut npm).inspect_err(|_| {
        let _next_time_again = fs::remove_dir_all(folder.join("node_modules"));
    })?;
    Ok(folder)
}

/// Builds a peer's own program in release; cargo knows whether there is anything to do.
pub(super) fn rust_program(name: &str, program: &str) -> Outcome<PathBuf> {
    let target = cache(name)?.join("target");
    let mut cargo = Command::new("cargo");
    cargo
        .args(["build", "--release", "--locked", "--quiet"])
        .arg("--manifest-path")
        .arg(source(name).join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&target);
    run(&mut cargo)?;
    Ok(target.join("release").join(program))
}

pub(super) fn copy(from: &Path, to: &Path, file: &str) -> Outcome {
    fs::copy(from.join(file), to.join(file))
        .map(drop)
        .map_err(|e| {
            format!(
                "could not copy {} to {}: {e}",
                from.join(file).display(),
                to.display()
            )
        })
}

fn read(path: &Path) -> Outcome<Vec<u8>> {
    fs::read(path).map_err(|e| format!("could not read {}: {e}", path.display()))
}

pub(super) fn run(command: &mut Command) -> Outcome {
    let shown = format!("{command:?}");
    let status = command
        .status()
        .map_err(|e| format!("could not run {shown}: {e}; is it installed?"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{shown} failed: {status}"))
    }
}

/// For a program that tells its whole life: it is shown when it fails.
pub(super) fn run_quietly(command: &mut Command) -> Outcome {
    let shown = format!("{command:?}");
    let ran = command
        .output()
        .map_err(|e| format!("could not run {shown}: {e}"))?;
    if ran.status.success() {
        return Ok(());
    }
    let printed = String::from_utf8_lossy(&ran.stderr);
    Err(format!(
        "{shown} failed: {}\n{}",
        ran.status,
        printed.trim()
    ))
}

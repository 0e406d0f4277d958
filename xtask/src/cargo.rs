//! Calls of cargo and of other programs, always from the root of the workspace.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus, Stdio};

use crate::Outcome;

/// The root of the workspace: the folder above this package, where cargo runs us from.
pub(crate) fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    here.parent()
        .map_or_else(|| PathBuf::from("."), Path::to_owned)
}

/// The cargo that runs us, with these words.
pub(crate) fn cargo<const N: usize>(words: [&str; N]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command.args(words).current_dir(root());
    command
}

/// Whether cargo has this subcommand.
pub(crate) fn has(subcommand: &str) -> bool {
    let mut ask = cargo([subcommand, "--version"]);
    ask.stdout(Stdio::null()).stderr(Stdio::null());
    ask.status().is_ok_and(|status| status.success())
}

/// Runs a command to its end, its output on ours.
pub(crate) fn check(command: &mut Command) -> Outcome {
    let status = command
        .status()
        .map_err(|e| format!("could not run {}: {e}", shown(command)))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{} ended with {status}", shown(command)))
    }
}

/// Runs a command and gives what it printed.
pub(crate) fn read(command: &mut Command) -> Outcome<String> {
    let ran = command
        .output()
        .map_err(|e| format!("could not run {}: {e}", shown(command)))?;
    if !ran.status.success() {
        let said = String::from_utf8_lossy(&ran.stderr).trim().to_owned();
        return Err(format!(
            "{} ended with {}\n{said}",
            shown(command),
            ran.status
        ));
    }
    Ok(String::from_utf8_lossy(&ran.stdout).into_owned())
}

/// Which output of a command we read along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Along {
    Out,
    Err,
}

/// Runs a command, passing one of its outputs on as it comes and showing each line to `see`.
pub(crate) fn watch(command: &mut Command, along: Along, see: &mut dyn FnMut(&str)) -> Outcome {
    let mut child = match along {
        Along::Out => command.stdout(Stdio::piped()),
        Along::Err => command.stderr(Stdio::piped()),
    }
    .spawn()
    .map_err(|e| format!("could not run {}: {e}", shown(command)))?;
    if let Some(output) = child.stdout.take() {
        pass_on(BufReader::new(output), see);
    }
    if let Some(output) = child.stderr.take() {
        pass_on(BufReader::new(output), see);
    }
    let status = child
        .wait()
        .map_err(|e| format!("could not wait for {}: {e}", shown(command)))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{} ended with {status}", shown(command)))
    }
}

/// Lines are passed on as bytes: a test may print what is no text.
fn pass_on(mut from: impl BufRead, see: &mut dyn FnMut(&str)) {
    let mut line = Vec::new();
    while from
        .read_until(b'\n', &mut line)
        .is_ok_and(|length| length > 0)
    {
        let _reader_left = std::io::stdout().write_all(&line);
        see(&String::from_utf8_lossy(&line));
        line.clear();
    }
}

/// A program's exit code as ours; one that was ended by a signal has none.
pub(crate) fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}

/// A command as one would type it, without the path of cargo.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program())
        .file_name()
        .unwrap_or_default();
    let words: Vec<String> = std::iter::once(program)
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    words.join(" ")
}

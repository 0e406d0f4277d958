//! Opens a page in the browser, where there is a person in front of one.

use std::io::IsTerminal;
use std::process::{Command, Stdio};

/// Opens an address; nothing happens over ssh, in CI, without a terminal or without a screen.
pub(super) fn open(address: &str) {
    if !somebody_is_there(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
        || !std::io::stderr().is_terminal()
    {
        return;
    }
    let program = if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    let opened = Command::new(program)
        .arg(address)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if let Ok(mut child) = opened {
        // It returns when the browser has taken the address; nobody needs to know.
        std::thread::spawn(move || drop(child.wait()));
    }
}

fn somebody_is_there(set: impl Fn(&str) -> bool) -> bool {
    let away = ["CI", "SSH_CONNECTION", "SSH_TTY"].into_iter().any(&set);
    let screen = cfg!(target_os = "macos") || set("DISPLAY") || set("WAYLAND_DISPLAY");
    !away && screen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_needs_a_screen_that_is_here() {
        let with = |names: &'static [&str]| somebody_is_there(|name| names.contains(&name));
        assert!(with(&["DISPLAY"]));
        assert!(!with(&["DISPLAY", "CI"]));
        assert!(!with(&["DISPLAY", "SSH_CONNECTION"]));
        assert_eq!(with(&[]), cfg!(target_os = "macos"));
    }
}

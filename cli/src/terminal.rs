//! The terminal with single keys: no line editing, no echo, signals as usual; as it was before when we end.

use std::io::{IsTerminal, Read};
use std::sync::{Mutex, PoisonError};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::sync::mpsc;

/// What the terminal was before; also for ends that run no destructors.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Single keys while this lives.
#[derive(Debug)]
pub(crate) struct Keys {
    pressed: mpsc::Receiver<u8>,
}

impl Keys {
    /// Keys, when standard input is a terminal whose foreground is ours.
    pub(crate) fn open() -> Option<Keys> {
        let stdin = std::io::stdin();
        if !stdin.is_terminal() || !std::io::stderr().is_terminal() {
            return None;
        }
        let before = tcgetattr(&stdin).ok()?;
        let mut single = before.clone();
        single
            .local_modes
            .remove(LocalModes::ICANON | LocalModes::ECHO);
        tcsetattr(&stdin, OptionalActions::Now, &single).ok()?;
        *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
        let (press, pressed) = mpsc::channel(16);
        // A read from a terminal cannot be cancelled: the thread ends with the process.
        std::thread::spawn(move || {
            let bytes = std::io::stdin().lock().bytes();
            bytes
                .map_while(Result::ok)
                .all(|key| press.blocking_send(key).is_ok())
        });
        Some(Keys { pressed })
    }

    /// The next key; nothing once standard input has ended.
    pub(crate) async fn next(&mut self) -> Option<char> {
        self.pressed.recv().await.map(char::from)
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        restore();
    }
}

/// Makes the terminal what it was before.
pub(crate) fn restore() {
    if let Some(before) = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take() {
        // There is nobody to tell: the terminal may be gone.
        tcsetattr(std::io::stdin(), OptionalActions::Now, &before).ok();
    }
}

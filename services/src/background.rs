//! A server that starts while its owner does something else: RabbitMQ takes seconds, compiling takes longer.

use std::thread::JoinHandle;

use crate::error::Error;

/// A start under way. Dropping it stops the server as soon as it is up.
#[derive(Debug)]
pub struct Starting<T> {
    name: &'static str,
    thread: JoinHandle<Result<T, Error>>,
}

impl<T: Send + 'static> Starting<T> {
    pub(crate) fn begin(
        name: &'static str,
        start: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Self {
        Self {
            name,
            thread: std::thread::spawn(start),
        }
    }

    /// Waits for the server.
    ///
    /// # Errors
    /// When the server could not be started.
    pub fn wait(self) -> Result<T, Error> {
        self.thread
            .join()
            .unwrap_or_else(|_| Err(Error::new(format!("starting {} panicked", self.name))))
    }
}

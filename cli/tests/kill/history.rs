//! What customers did and what they were told, line by line as it happens: `ops.ndjson` of `docs/verify.md`.
//!
//! Instants are monotonic: the wall clock's time when the run began, and a monotonic clock from there on.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

/// The file that is being written.
#[derive(Debug)]
pub(crate) struct History {
    began: Instant,
    began_us: i64,
    file: Mutex<BufWriter<File>>,
    /// Wishes that came to some end for their customer.
    wishes: AtomicUsize,
}

/// Who asks whom for what.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) process: String,
    pub(crate) op: &'static str,
    /// The idempotency key of the start that it is about.
    pub(crate) key: String,
    pub(crate) replica: usize,
}

impl History {
    pub(crate) fn new(path: &Path) -> History {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        History {
            began: Instant::now(),
            began_us: i64::try_from(wall.as_micros()).unwrap(),
            file: Mutex::new(BufWriter::new(File::create(path).unwrap())),
            wishes: AtomicUsize::new(0),
        }
    }

    /// Now, in microseconds.
    pub(crate) fn now_us(&self) -> i64 {
        self.began_us + i64::try_from(self.began.elapsed().as_micros()).unwrap()
    }

    /// Takes one line down. `word` is `invoke`, `ok`, `fail` or `info`.
    pub(crate) fn note(&self, word: &str, request: &Request, more: Value) {
        let mut line = json!({
            "time_us": self.now_us(),
            "process": request.process,
            "type": word,
            "op": request.op,
            "key": request.key,
            "node": format!("serve-{}", request.replica),
        });
        if let (Value::Object(line), Value::Object(more)) = (&mut line, more) {
            line.extend(more);
        }
        writeln!(self.file.lock().unwrap(), "{line}").unwrap();
    }

    pub(crate) fn wish_ended(&self) {
        self.wishes.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn len(&self) -> usize {
        self.wishes.load(Ordering::Relaxed)
    }

    /// Everything is on disk.
    pub(crate) fn flush(&self) {
        self.file.lock().unwrap().flush().unwrap();
    }
}

//! Spans on their way to the collector: a queue, and one task that empties it.
//!
//! Bounded everywhere, and nobody who has something to tell ever waits: a full queue drops the span, a collector that
//! does not answer costs the batch. Both are counted, and told in the log once until it works again.

use std::sync::OnceLock;
use std::time::Duration;

use impresario_metrics::Count;
use impresario_metrics::table::SPANS;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, StatusCode};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::{Sampler, Settings, SettingsError, Span, otlp};

/// Spans that wait at most: some seconds of a busy process, about 5 MB.
const WAITING_MAX: usize = 8_192;
/// Spans in one request at most: about 200 kB.
const BATCH_MAX: usize = 512;
/// How long a span waits for others at most: who looks at a trace is a person.
const BATCH_WAIT: Duration = Duration::from_secs(1);
/// Requests for one batch at most: the rest of the queue waits meanwhile.
const TRIES: u32 = 3;
/// Before the second request for a batch, and twice that before the third.
const RETRY_FIRST: Duration = Duration::from_millis(250);
/// A collector may ask for more patience than that, up to here.
const RETRY_MAX: Duration = Duration::from_secs(5);
/// How long the end of a process waits for its last spans.
const FLUSH_WAIT: Duration = Duration::from_secs(2);

static SINK: OnceLock<Sink> = OnceLock::new();

struct Sink {
    waiting: mpsc::Sender<Span>,
    sampler: Sampler,
    no_room: Count,
}

/// Whether anything is told. One load, for those who would otherwise prepare something in vain.
#[inline]
pub fn is_on() -> bool {
    SINK.get().is_some()
}

/// Which traces are told; none when nothing is.
pub fn sampler() -> Option<Sampler> {
    SINK.get().map(|sink| sink.sampler)
}

/// Tells a span, if there is somebody to tell it to and room for it.
pub fn emit(span: Span) {
    if let Some(sink) = SINK.get()
        && sink.waiting.try_send(span).is_err()
    {
        sink.no_room.increment(1);
    }
}

/// The task that empties the queue.
#[derive(Debug)]
pub struct Exporter {
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

/// Tells spans from now on, for as long as the process lives. Must be called inside a tokio runtime; the second call in
/// a process changes nothing.
pub fn begin(settings: Settings) -> Result<Exporter, SettingsError> {
    let (waiting, arrivals) = mpsc::channel(WAITING_MAX);
    let sampler = settings.sampler;
    let collector = Collector::new(settings)?;
    let (stop, stopped) = oneshot::channel();
    // A second queue has no way in, and its task ends at once.
    SINK.get_or_init(|| Sink {
        waiting,
        sampler,
        no_room: SPANS.with(["no_room"]),
    });
    let running = tokio::spawn(run(collector, arrivals, stopped));
    Ok(Exporter { stop, running })
}

impl Exporter {
    /// Sends what is left, within two seconds.
    pub async fn finish(self) {
        // It may have ended by itself.
        self.stop.send(()).ok();
        if timeout(FLUSH_WAIT, self.running).await.is_err() {
            tracing::warn!("the collector has not taken the last spans in time");
        }
    }
}

async fn run(
    mut collector: Collector,
    mut arrivals: mpsc::Receiver<Span>,
    mut stopped: oneshot::Receiver<()>,
) {
    let mut batch = Vec::with_capacity(BATCH_MAX);
    let mut stopping = false;
    while !stopping || !arrivals.is_empty() {
        if !stopping {
            tokio::select! {
                first = arrivals.recv() => match first {
                    Some(first) => batch.push(first),
                    None => return,
                },
                _ = &mut stopped => stopping = true,
            }
        }
        let until = Instant::now() + BATCH_WAIT;
        while batch.len() < BATCH_MAX {
            match arrivals.try_recv() {
                Ok(span) => batch.push(span),
                Err(_) if stopping => break,
                Err(_) => tokio::select! {
                    next = timeout_at(until, arrivals.recv()) => match next {
                        Ok(Some(span)) => batch.push(span),
                        Ok(None) | Err(_) => break,
                    },
                    _ = &mut stopped => stopping = true,
                },
            }
        }
        if !batch.is_empty() {
            collector.take(&batch).await;
            batch.clear();
        }
    }
}

/// The other end.
struct Collector {
    client: Client,
    settings: Settings,
    exported: Count,
    failed: Count,
    /// Whether the last batch was lost: then the next lost one is no news.
    is_lost: bool,
}

/// Why a batch did not arrive.
enum Lost {
    /// The same may be taken later, perhaps not before that.
    Later(String, Option<Duration>),
    /// It never will.
    Never(String),
}

impl Collector {
    fn new(settings: Settings) -> Result<Collector, SettingsError> {
        let wrong = |why: &str| SettingsError {
            variable: "OTEL_EXPORTER_OTLP_HEADERS",
            why: why.to_owned(),
        };
        let mut headers = HeaderMap::new();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-protobuf"),
        );
        for (name, value) in &settings.headers {
            let name: HeaderName = name.parse().map_err(|_| wrong("a name is no header's"))?;
            let mut value: HeaderValue =
                value.parse().map_err(|_| wrong("a value is no header's"))?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        let client = Client::builder()
            .default_headers(headers)
            .timeout(settings.timeout)
            .redirect(reqwest::redirect::Policy::none())
            // It is near; a proxy of the environment is for what is not.
            .no_proxy()
            .build()
            .map_err(|_| wrong("no client can be made with them"))?;
        Ok(Collector {
            client,
            settings,
            exported: SPANS.with(["exported"]),
            failed: SPANS.with(["failed"]),
            is_lost: false,
        })
    }

    async fn take(&mut self, batch: &[Span]) {
        let body = otlp::request(batch, &self.settings.resource);
        let spans = batch.len() as u64;
        match self.post(body).await {
            Ok(()) => {
                self.exported.increment(spans);
                if std::mem::take(&mut self.is_lost) {
                    tracing::info!("the collector takes spans again");
                }
            }
            Err(why) => {
                self.failed.increment(spans);
                if !std::mem::replace(&mut self.is_lost, true) {
                    tracing::warn!(why, spans, "spans are lost until the collector takes them");
                }
            }
        }
    }

    /// Posts a batch, again when that may help.
    async fn post(&self, body: Vec<u8>) -> Result<(), String> {
        let mut pause = RETRY_FIRST;
        for last in (0..TRIES).rev() {
            match self.once(body.clone()).await {
                Ok(()) => return Ok(()),
                Err(Lost::Later(_, asked)) if last > 0 => {
                    sleep(asked.unwrap_or(pause).min(RETRY_MAX)).await;
                    pause *= 2;
                }
                Err(Lost::Later(why, _) | Lost::Never(why)) => return Err(why),
            }
        }
        Ok(())
    }

    async fn once(&self, body: Vec<u8>) -> Result<(), Lost> {
        let sent = self.client.post(&self.settings.url).body(body).send();
        // The address may hold a secret: what is told of an error leaves it out.
        let answer = sent
            .await
            .map_err(|error| Lost::Later(error.without_url().to_string(), None))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let why = format!("the collector answers {status}");
        match status {
            // The standard's list of what may work later.
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => {
                let asked = answer.headers().get(RETRY_AFTER);
                let seconds = asked.and_then(|value| value.to_str().ok()?.parse().ok());
                Err(Lost::Later(why, seconds.map(Duration::from_secs)))
            }
            _ => Err(Lost::Never(why)),
        }
    }
}

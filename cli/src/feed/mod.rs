//! `impresario feed`: look at the feed on Kafka, hold it against the journal, and see how far behind it is.
//!
//! Reading asks nobody and commits nothing: any number of people may look at the same time. What is sealed stays sealed
//! unless a key is given.

mod read;
mod switch;
mod verify;

use clap::{Args, Subcommand};

use crate::args::KafkaOptions;
use crate::exit::{Code, coded};
use crate::output::{self, Format};

#[derive(Debug, Args)]
pub(crate) struct FeedOptions {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Print what is told from now on, until Ctrl-C.
    Tail(ReadOptions),
    /// Print what has been told, up to now.
    Replay {
        /// An instant (RFC 3339), or `beginning`.
        #[arg(long, value_name = "INSTANT", default_value = "beginning", value_parser = read::from)]
        from: impresario_feed::From,
        #[command(flatten)]
        read: ReadOptions,
    },
    /// Check that every key's events are there, in order and once each; with a database, that the journal says the same.
    Verify(verify::VerifyOptions),
    /// Print the JSON Schema of what is told of sagas.
    Schema,
    /// Say of engine and pools in a database whether they tell, how many rows wait, and for how long.
    Status(switch::DatabaseOptions),
    /// Turn the feed of engine and pools in a database off. Restart without --kafka first.
    Off(switch::DatabaseOptions),
}

/// What is read.
#[derive(Clone, Debug, Args)]
struct ReadOptions {
    #[command(flatten)]
    kafka: KafkaOptions,
    /// Which topics; all without it.
    #[arg(long, value_enum)]
    about: Vec<About>,
    /// Only of this saga, booking, hold or event.
    #[arg(long)]
    key: Option<String>,
    /// Opens what is sealed, `name:` and 32 bytes in base64.
    #[arg(long, env = "IMPRESARIO_FEED_KEY", hide_env_values = true, value_parser = impresario_feed::Key::parse)]
    feed_key: Option<impresario_feed::Key>,
}

/// The topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum About {
    Sagas,
    Catalog,
    Payment,
    Booking,
}

impl About {
    const ALL: [About; 4] = [About::Sagas, About::Catalog, About::Payment, About::Booking];

    fn as_str(self) -> &'static str {
        match self {
            About::Sagas => impresario_orchestrator::feeding::ABOUT,
            About::Catalog => impresario_catalog::POOL,
            About::Payment => impresario_payment::POOL,
            About::Booking => impresario_booking::POOL,
        }
    }
}

/// The topics' names.
fn topics(kafka: &KafkaOptions, about: &[About]) -> Vec<String> {
    let about = if about.is_empty() { &About::ALL } else { about };
    about
        .iter()
        .map(|about| impresario_feed::topic(&kafka.feed_prefix, about.as_str()))
        .collect()
}

fn brokers(kafka: &KafkaOptions) -> anyhow::Result<&str> {
    let named = kafka.kafka.as_deref().filter(|url| !url.is_empty());
    named.ok_or_else(|| coded(Code::Usage, "where is Kafka? say --kafka, or set KAFKA_URL"))
}

pub(crate) async fn run(options: FeedOptions, format: Format) -> anyhow::Result<()> {
    match options.verb {
        Verb::Tail(options) => read::tail(options, format).await,
        Verb::Replay { from, read } => read::replay(read, from, format).await,
        Verb::Verify(options) => verify::run(options, format).await,
        Verb::Schema => output::json(&impresario_orchestrator::feed::schema()),
        Verb::Status(options) => switch::status(options, format).await,
        Verb::Off(options) => switch::off(options, format).await,
    }
}

//! The feed of real processes on a real Kafka: engines, pools and the broker are killed, and all that was committed is told;
//! and what people look at it with.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use impresario_services::{Kafka, port, shared};
use serde_json::{Value, json};

use crate::program::{impresario, text};
use crate::roles::{Ground, PATIENCE, Role};

/// Typed by customers, and nowhere on Kafka in the open.
const CANARY: &str = "canary.ada.lovelace";

/// Of the demo events that are there before the feed is; it has rows of sixteen seats.
const EVENT: &str = "0e7e0000-0000-4000-8000-000000000002";

/// What seals.
const KEY: &str = "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// The topics.
const ABOUT: [&str; 4] = ["sagas", "catalog", "payment", "booking"];

/// One process of the platform, and how it is started again.
struct Process {
    role: Role,
    words: Vec<String>,
}

impl Process {
    fn start(ground: &Ground, words: &[&str]) -> Process {
        Process {
            role: ground.start(words),
            words: words.iter().map(|word| (*word).to_owned()).collect(),
        }
    }

    /// As a power cut would, and then it comes back.
    fn kill9(&mut self, ground: &Ground) {
        self.role.kill();
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        self.role = ground.start(&words);
    }
}

/// The processes of a small platform.
struct Platform {
    ground: Ground,
    kafka: String,
    engines: Vec<Process>,
    urls: [String; 2],
    /// Two of the catalogue, and one of each other pool.
    pools: Vec<Process>,
    _provider: Role,
}

impl Platform {
    fn start(name: &str, kafka: String) -> Option<Platform> {
        let ground = Ground::new(name)?;
        let provider = format!("127.0.0.1:{}", port::free().unwrap());
        let provider_url = format!("http://{provider}");
        let seed = impresario(&["seed", "--database-url", &ground.database]).output();
        let seed = seed.unwrap();
        assert!(seed.status.success(), "{}", text(&seed.stderr));
        let feed = ["--kafka", &kafka, "--feed-prefix", &ground.prefix];
        let pools = ["catalog", "catalog", "payment", "booking", "notification"].map(|pool| {
            let worker = ["worker", pool, "--provider-url", &provider_url];
            Process::start(&ground, &[&worker[..], &feed].concat())
        });
        let ports = [port::free().unwrap(), port::free().unwrap()];
        let engines = ports.map(|port| {
            let listen = format!("127.0.0.1:{port}");
            let serve = ["serve", "--listen", &listen, "--feed-key", KEY];
            Process::start(&ground, &[&serve[..], &feed].concat())
        });
        let platform = Platform {
            engines: engines.into(),
            urls: ports.map(|port| format!("http://127.0.0.1:{port}")),
            pools: pools.into(),
            _provider: ground.start(&["provider", "--listen", &provider]),
            kafka,
            ground,
        };
        for url in &platform.urls {
            platform.ground.wait_for(&format!("{url}/readyz"), 200);
        }
        Some(platform)
    }

    /// Books at one engine or the other, whichever lives; a key books once.
    fn book(&self, number: usize, token: &str) {
        let row = char::from(b'A' + u8::try_from(number / 16).unwrap());
        let order = json!({
            "event_id": EVENT,
            "seats": [format!("{row}{}", number % 16 + 1)],
            "customer_email": format!("{CANARY}@example.org"),
            "payment_token": token,
        });
        let end = Instant::now() + PATIENCE;
        self.ground.runtime.block_on(async {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            for turn in 0.. {
                let url = &self.urls[(number + turn) % 2];
                let answer = client
                    .post(format!("{url}/v1/bookings"))
                    .header("idempotency-key", format!("booking-{number}"))
                    .json(&order)
                    .send()
                    .await;
                if answer
                    .as_ref()
                    .is_ok_and(|answer| answer.status().is_success())
                {
                    return;
                }
                assert!(Instant::now() < end, "booking {number}: {answer:?}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
    }

    /// Runs a verb of `feed`; whether it succeeded, and what it printed: one document, or one line for each event.
    fn feed(&self, words: &[&str]) -> (bool, Value) {
        let words = [&["-o", "json", "feed"], words].concat();
        let output = impresario(&words)
            .env("KAFKA_URL", &self.kafka)
            .env("IMPRESARIO_FEED_PREFIX", &self.ground.prefix)
            .output()
            .unwrap();
        let said = text(&output.stdout);
        let value = serde_json::from_str(&said).unwrap_or_else(|_| {
            said.lines()
                .map(|line| serde_json::from_str::<Value>(line).unwrap())
                .collect()
        });
        if !output.status.success() {
            eprintln!("{said}{}", text(&output.stderr));
        }
        (output.status.success(), value)
    }

    fn events(&self, words: &[&str]) -> Vec<Value> {
        match self.feed(&[&["replay"], words].concat()) {
            (true, Value::Array(events)) => events,
            // A single event is a document.
            (true, event) => vec![event],
            (false, said) => panic!("{said}"),
        }
    }

    fn verify(&self) -> (bool, Value) {
        let database = &self.ground.database;
        self.feed(&["verify", "--database-url", database, "--feed-key", KEY])
    }

    fn ended(&self) -> i64 {
        self.ground
            .number("select count(*) from impresario.saga where ended_at is not null")
    }

    fn waits(&self) -> i64 {
        self.ground.number(
            "select (select count(*) from impresario.feed) + (select count(*) from catalog.feed)
                  + (select count(*) from payment.feed) + (select count(*) from booking.feed)",
        )
    }

    /// A metric of an engine; nothing while it is not shown.
    fn metric(&self, engine: usize, name: &str) -> Option<f64> {
        let (_, page) = self.ground.get(&format!("{}/metrics", self.urls[engine]))?;
        let topic = format!("{name}{{topic=\"{}.sagas.v1\"}} ", self.ground.prefix);
        let line = page.lines().find_map(|line| line.strip_prefix(&topic))?;
        Some(line.parse().unwrap())
    }

    fn until_at_rest(&self, bookings: usize) {
        until("all sagas have ended and all is told", || {
            let (ended, waits) = (self.ended(), self.waits());
            let is_done = ended == i64::try_from(bookings).unwrap() && waits == 0;
            is_done
                .then_some(())
                .ok_or(format!("{ended} ended, {waits} rows wait"))
        });
    }
}

/// Waits for something to come about; says what was seen when it does not.
fn until<T>(what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let end = Instant::now() + 3 * PATIENCE;
    loop {
        match look() {
            Ok(seen) => return seen,
            Err(seen) => assert!(Instant::now() < end, "not yet {what}: {seen}"),
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The committed schema of a type.
fn schema(kind: &str) -> jsonschema::Validator {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/events");
    let file = std::fs::read_to_string(folder.join(format!("{kind}.json"))).unwrap();
    jsonschema::validator_for(&serde_json::from_str(&file).unwrap()).unwrap()
}

/// How many of each type there are, each event counted once; each is what its schema says, and none tells of a person.
fn kinds(events: &[Value]) -> BTreeMap<String, usize> {
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut schemas = BTreeMap::new();
    for event in events {
        assert!(!event.to_string().contains(CANARY), "{event:#}");
        let kind = event["type"].as_str().unwrap();
        let schema = schemas
            .entry(kind.to_owned())
            .or_insert_with(|| schema(kind));
        assert!(schema.is_valid(&event["data"]), "{event:#}");
        let name = ["topic", "subject", "sequence"].map(|part| event[part].to_string());
        if seen.insert(name) {
            *kinds.entry(kind.to_owned()).or_default() += 1;
        }
    }
    kinds
}

#[test]
fn h24_engines_pools_and_kafka_are_killed_and_every_fact_of_every_booking_is_told() {
    const BOOKINGS: usize = 60;
    if !shared::kafka().unwrap() {
        return;
    }
    let mut kafka = Kafka::temporary().unwrap();
    let Some(mut platform) = Platform::start("killed", kafka.url()) else {
        return;
    };
    for number in 0..BOOKINGS {
        let declined = number % 5 == 4;
        platform.book(number, if declined { "tok_declined" } else { "tok_ok" });
        match number {
            8 => platform.engines[0].kill9(&platform.ground),
            16 => platform.engines[1].kill9(&platform.ground),
            // Whichever tells, one of the two is killed while it does.
            20 => platform.pools[0].kill9(&platform.ground),
            24 => platform.pools[1].kill9(&platform.ground),
            30 => kafka.kill9().unwrap(),
            36 => platform.pools[3].kill9(&platform.ground),
            40 => platform.engines[0].kill9(&platform.ground),
            _ => {}
        }
    }
    // Nobody waits for Kafka, and how long it is away is seen.
    until("the end of all sagas", || {
        let ended = platform.ended();
        (ended == i64::try_from(BOOKINGS).unwrap())
            .then_some(())
            .ok_or(format!("{ended} ended"))
    });
    assert!(platform.waits() > 0);
    for engine in 0..2 {
        let age = until("an age", || {
            let age = platform.metric(engine, "saga_feed_oldest_age_seconds");
            age.filter(|age| *age > 1.0).ok_or(format!("{age:?}"))
        });
        let older = until("a greater age", || {
            let now = platform.metric(engine, "saga_feed_oldest_age_seconds");
            now.filter(|now| *now > age).ok_or(format!("{now:?}"))
        });
        println!("engine {engine}: {age:.1} s, then {older:.1} s behind");
        assert!(platform.metric(engine, "saga_feed_pending").unwrap() > 0.0);
    }
    kafka.restart().unwrap();
    platform.until_at_rest(BOOKINGS);
    until("an age of nothing", || {
        let age = platform.metric(0, "saga_feed_oldest_age_seconds");
        age.filter(|age| *age == 0.0)
            .map(drop)
            .ok_or(format!("{age:?}"))
    });

    let (holds, report) = platform.verify();
    assert!(holds, "{report:#}");
    let journal = platform
        .ground
        .number("select count(*) from impresario.journal");
    assert_eq!(report["compared_with_journal"], json!(journal));
    println!("{report:#}");

    let kinds = kinds(&platform.events(&[]));
    println!("{kinds:#?}");
    let declined = BOOKINGS / 5;
    let of = |kind: &str| {
        kinds
            .get(&format!("impresario.{kind}.v1"))
            .copied()
            .unwrap_or_default()
    };
    // What was there before the feed was, and then what happened.
    assert_eq!(of("catalog.event-on-sale"), 3);
    assert_eq!(of("catalog.seats-added"), 3);
    assert_eq!(of("catalog.seats-held"), BOOKINGS);
    assert_eq!(of("catalog.seats-sold"), BOOKINGS - declined);
    assert_eq!(of("catalog.seats-released"), declined);
    assert_eq!(of("payment.captured"), BOOKINGS - declined);
    assert_eq!(of("booking.confirmed"), BOOKINGS - declined);
}

#[test]
fn a_feed_is_looked_at_counted_from_held_against_the_journal_and_turned_off() {
    let Some(kafka) = shared::kafka_url().unwrap() else {
        return;
    };
    let Some(platform) = Platform::start("looked_at", kafka) else {
        return;
    };
    let database = platform.ground.database.clone();
    let mut booked = 0;
    let mut book = |platform: &Platform, many: usize| {
        for number in booked..booked + many {
            platform.book(number, "tok_ok");
        }
        booked += many;
        platform.until_at_rest(booked);
    };

    // Tail shows what comes, and nothing before it.
    book(&platform, 4);
    let mut tail = Tail::start(&platform, &["--about", "booking"]);
    let before = Utc::now();
    let told = tail.until_told(|| book(&platform, 1));
    assert_eq!(told["type"], "impresario.booking.confirmed.v1");
    let at = DateTime::parse_from_rfc3339(told["time"].as_str().unwrap());
    assert!(at.unwrap() >= before, "{told:#} is older than {before}");

    // Replay begins where it is asked to, and shows what is sealed to who has the key.
    let since = Utc::now().to_rfc3339();
    book(&platform, 1);
    let events = platform.events(&["--from", &since, "--about", "booking"]);
    assert_eq!(kinds(&events).values().sum::<usize>(), 1, "{events:#?}");
    let key = events[0]["data"]["saga"].as_str().unwrap();
    let of_saga = ["--about", "sagas", "--key", key];
    let sealed = platform.events(&of_saga);
    let numbers: Vec<_> = (1..=sealed.len()).map(|number| json!(number)).collect();
    let told: Vec<_> = sealed
        .iter()
        .map(|event| event["sequence"].clone())
        .collect();
    assert_eq!(told, numbers);
    assert!(sealed.iter().all(|event| event["subject"] == *key));
    assert!(!json!(sealed).to_string().contains(CANARY));
    let opened = platform.events(&[&of_saga[..], &["--feed-key", KEY]].concat());
    assert!(json!(opened).to_string().contains(CANARY));

    sales_are_counted(&platform, || book(&platform, 2));
    verify_finds_what_is_wrong(&platform);

    // Off, nothing is written down any more.
    let ons = |value: &Value| ABOUT.map(|about| value[about]["on"].clone());
    let (_, status) = platform.feed(&["status", "--database-url", &database]);
    assert_eq!(ons(&status), [true, true, true, true], "{status:#}");
    let (_, off) = platform.feed(&["off", "--database-url", &database]);
    assert_eq!(ons(&off), [false, false, false, false], "{off:#}");
    let told = platform.events(&[]).len();
    book(&platform, 1);
    assert_eq!(platform.events(&[]).len(), told);
}

/// A running `feed tail`; it is killed with the test.
struct Tail {
    _role: Role,
    lines: mpsc::Receiver<Value>,
}

impl Tail {
    fn start(platform: &Platform, words: &[&str]) -> Tail {
        let mut command = impresario(&[&["-o", "json", "feed", "tail"], words].concat());
        command
            .env("KAFKA_URL", &platform.kafka)
            .env("IMPRESARIO_FEED_PREFIX", &platform.ground.prefix)
            .stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (found, lines) = mpsc::channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if found.send(serde_json::from_str(&line).unwrap()).is_err() {
                    return;
                }
            }
        });
        Tail {
            _role: Role::of(child),
            lines,
        }
    }

    /// Has something happen until it is told: what happens before it has begun to read is not.
    fn until_told(&mut self, mut happen: impl FnMut()) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            happen();
            match self.lines.recv_timeout(Duration::from_secs(1)) {
                Ok(told) => return told,
                Err(_) => assert!(Instant::now() < end, "nothing is told"),
            }
        }
    }
}

/// Sales that are served say what the pools say, before and after they are made again.
fn sales_are_counted(platform: &Platform, book: impl FnOnce()) {
    let port = port::free().unwrap();
    let listen = format!("127.0.0.1:{port}");
    let feed = [
        "--kafka",
        &platform.kafka,
        "--feed-prefix",
        &platform.ground.prefix,
    ];
    let serve = ["sales", "serve", "--listen", &listen];
    let _serving = platform.ground.start(&[&serve[..], &feed].concat());
    let url = format!("http://{listen}/v1/sales");
    let until_right = || {
        let bookings = platform
            .ground
            .number("select count(*) from booking.booking");
        until("the right sums", || {
            let seen = platform.ground.get(&url);
            let sales: Value = seen
                .as_ref()
                .and_then(|(_, text)| serde_json::from_str(text).ok())
                .unwrap_or_default();
            let rows = sales["data"].as_array().cloned().unwrap_or_default();
            let row = rows.into_iter().find(|row| row["event_id"] == EVENT);
            row.filter(|row| {
                row["bookings"] == bookings
                    && row["seats"].as_i64() == row["seats_left"].as_i64().map(|n| n + bookings)
            })
            .map(|_| sales["generation"].as_i64().unwrap())
            .ok_or(format!("{seen:?}"))
        })
    };
    let first = until_right();
    book();
    assert_eq!(until_right(), first);
    let rebuild = ["-o", "json", "sales", "rebuild"];
    let database = ["--database-url", &platform.ground.database];
    let rebuilt = impresario(&[&rebuild[..], &feed, &database].concat())
        .output()
        .unwrap();
    assert!(rebuilt.status.success(), "{}", text(&rebuilt.stderr));
    assert!(until_right() > first);
}

/// A journal that says something else than Kafka, less, or more.
fn verify_finds_what_is_wrong(platform: &Platform) {
    let (holds, report) = platform.verify();
    assert!(holds, "{report:#}");
    let last = "(select saga_id, seq from impresario.journal order by saga_id, seq desc limit 1)";
    let breaks = |sql: String, finding: &str| {
        assert_eq!(platform.ground.count(&sql), 1);
        let (holds, report) = platform.verify();
        assert!(!holds && report["wrong"] == 1, "{report:#}");
        let said = report["findings"][0].as_str().unwrap().to_owned();
        assert!(said.contains(finding), "{said}");
    };
    breaks(
        format!(
            "insert into impresario.journal (saga_id, seq, body)
             select j.saga_id, j.seq + 1, j.body from impresario.journal j join {last} l using (saga_id, seq)"
        ),
        "waits for nothing",
    );
    platform
        .ground
        .count(&format!("delete from impresario.journal j using {last} l where j.saga_id = l.saga_id and j.seq = l.seq"));
    breaks(
        format!(
            "update impresario.journal j set body = convert_to(replace(convert_from(j.body, 'UTF8'), '\"at\":1', '\"at\":2'), 'UTF8')
               from {last} l where j.saga_id = l.saga_id and j.seq = l.seq"
        ),
        "is not what the journal says",
    );
    breaks(
        format!(
            "delete from impresario.journal j using {last} l where j.saga_id = l.saga_id and j.seq = l.seq"
        ),
        "is in no journal",
    );
}

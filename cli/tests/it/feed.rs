//! The feed of real processes on a real Kafka: two engines that are killed, pools that tell what happens in them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Instant;

use impresario_services::{port, shared};
use serde_json::{Value, json};

use crate::program::{impresario, text};
use crate::roles::{Ground, PATIENCE, Role};

/// Typed by customers, and nowhere on Kafka.
const CANARY: &str = "canary.ada.lovelace";

/// Bookings; with two kills in between they take some seconds.
const BOOKINGS: usize = 40;

/// Three demo events are there before the feed is.
const EVENT: &str = "0e7e0000-0000-4000-8000-000000000002";

/// The processes of a small platform.
struct Platform {
    ground: Ground,
    kafka: String,
    engines: [Role; 2],
    urls: [String; 2],
    _pools: Vec<Role>,
}

impl Platform {
    fn start() -> Option<Platform> {
        let kafka = shared::kafka_url().unwrap()?;
        let ground = Ground::new("feed")?;
        let provider = format!("127.0.0.1:{}", port::free().unwrap());
        let provider_url = format!("http://{provider}");
        let seed = impresario(&["seed", "--database-url", &ground.database]).output();
        let seed = seed.unwrap();
        assert!(seed.status.success(), "{}", text(&seed.stderr));
        let mut pools = vec![ground.start(&["provider", "--listen", &provider])];
        let feed = ["--kafka", &kafka, "--feed-prefix", &ground.prefix];
        for pool in ["catalog", "payment", "booking", "notification"] {
            let worker = ["worker", pool, "--provider-url", &provider_url];
            pools.push(ground.start(&[&worker[..], &feed].concat()));
        }
        let ports = [port::free().unwrap(), port::free().unwrap()];
        let urls = ports.map(|port| format!("http://127.0.0.1:{port}"));
        let engines = ports.map(|port| engine(&ground, &kafka, port));
        for url in &urls {
            ground.wait_for(&format!("{url}/readyz"), 200);
        }
        Some(Platform {
            ground,
            kafka,
            engines,
            urls,
            _pools: pools,
        })
    }

    /// Books at one engine or the other, whichever lives; a key books once.
    fn book(&self, number: usize) {
        let seat = format!(
            "{}{}",
            char::from(b'A' + u8::try_from(number / 16).unwrap()),
            number % 16 + 1
        );
        let order = json!({
            "event_id": EVENT,
            "seats": [seat],
            "customer_email": format!("{CANARY}@example.org"),
            "payment_token": if number % 5 == 4 { "tok_declined" } else { "tok_ok" },
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
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        });
    }

    fn restart(&mut self, place: usize) {
        self.engines[place].kill();
        let port = self.urls[place]
            .rsplit(':')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        self.engines[place] = engine(&self.ground, &self.kafka, port);
    }

    fn feed(&self, words: &[&str]) -> (bool, Value) {
        let more = ["--kafka", &self.kafka, "--feed-prefix", &self.ground.prefix];
        let words = [&["-o", "json", "feed"], words, &more].concat();
        let output = impresario(&words).output().unwrap();
        let said = text(&output.stdout);
        // One document, or one line for each event.
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

    fn until_at_rest(&self) {
        let end = Instant::now() + 2 * PATIENCE;
        let number = |sql| self.ground.number(sql);
        loop {
            let ended = number("select count(*) from impresario.saga where ended_at is not null");
            let waits = number(
                "select (select count(*) from impresario.feed) + (select count(*) from catalog.feed)
                      + (select count(*) from payment.feed) + (select count(*) from booking.feed)",
            );
            if ended == i64::try_from(BOOKINGS).unwrap() && waits == 0 {
                return;
            }
            assert!(Instant::now() < end, "{ended} ended, {waits} rows wait");
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    }
}

fn engine(ground: &Ground, kafka: &str, port: u16) -> Role {
    let listen = format!("127.0.0.1:{port}");
    let words = ["serve", "--listen", &listen, "--kafka", kafka];
    ground.start(&[&words[..], &["--feed-prefix", &ground.prefix]].concat())
}

/// The committed schema of a type.
fn schema(kind: &str) -> jsonschema::Validator {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/events");
    let file = std::fs::read_to_string(folder.join(format!("{kind}.json"))).unwrap();
    jsonschema::validator_for(&serde_json::from_str(&file).unwrap()).unwrap()
}

#[test]
fn h24_engines_are_killed_and_every_fact_of_every_booking_is_on_kafka() {
    let Some(mut platform) = Platform::start() else {
        return;
    };
    for number in 0..BOOKINGS {
        platform.book(number);
        match number {
            12 => platform.restart(0),
            25 => platform.restart(1),
            _ => {}
        }
    }
    platform.until_at_rest();

    let database = platform.ground.database.clone();
    let (holds, report) = platform.feed(&["verify", "--database-url", &database]);
    assert!(holds, "{report:#}");
    let journal = platform
        .ground
        .number("select count(*) from impresario.journal");
    assert_eq!(report["compared_with_journal"], json!(journal));

    let (_, events) = platform.feed(&["replay"]);
    let events = events.as_array().unwrap();
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for event in events {
        assert!(!event.to_string().contains(CANARY), "{event:#}");
        let kind = event["type"].as_str().unwrap();
        if seen.insert((
            kind,
            event["subject"].to_string(),
            event["sequence"].to_string(),
        )) {
            *kinds.entry(kind).or_default() += 1;
        }
    }
    for kind in kinds.keys() {
        let validator = schema(kind);
        for event in events.iter().filter(|event| event["type"] == *kind) {
            assert!(validator.is_valid(&event["data"]), "{event:#}");
        }
    }
    println!("{kinds:#?}");
    let declined = BOOKINGS / 5;
    let of = |kind: &str| kinds.get(format!("impresario.{kind}.v1").as_str()).copied();
    // What was there before the feed was, and then what happened.
    assert_eq!(of("catalog.event-on-sale"), Some(3));
    assert_eq!(of("catalog.seats-added"), Some(3));
    assert_eq!(of("catalog.seats-held"), Some(BOOKINGS));
    assert_eq!(of("catalog.seats-sold"), Some(BOOKINGS - declined));
    assert_eq!(of("catalog.seats-released"), Some(declined));
    assert_eq!(of("payment.captured"), Some(BOOKINGS - declined));
    assert_eq!(of("booking.confirmed"), Some(BOOKINGS - declined));
}

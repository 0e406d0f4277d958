//! H15: the engine's database goes back to an earlier moment, and nobody asks again for what it has forgotten: the effects
//! of lost sagas are found in the participants' barriers, and undone by an operator's order.

use std::process::Command;

use impresario_protocol::{Operation, Queues};
use impresario_services::Postgres;
use impresario_workflows::SagaId;
use serde_json::Value;

use crate::faults::Fault;
use crate::lost_tail::tell;
use crate::world::{Ground, World, eventually, fresh_database};

/// Bookings of each kind.
const EACH: usize = 3;

/// How far a booking has come when the database goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    /// The customer has tickets.
    Booked,
    /// It has undone itself.
    Declined,
    /// Seats are held; what became of the authorization is not known.
    Held,
    /// The money is promised too.
    Promised,
}

const COURSES: [Course; 4] = [
    Course::Booked,
    Course::Declined,
    Course::Held,
    Course::Promised,
];

/// A booking that the database will forget.
struct Lost {
    key: String,
    input: Value,
    saga: SagaId,
    course: Course,
}

#[test]
fn h15_effects_of_sagas_that_the_database_has_lost_are_found_and_undone() {
    let mut postgres = Postgres::temporary().unwrap();
    postgres.create_database("engine").unwrap();
    let mut pools = String::new();
    let world = World::on(async || {
        pools = fresh_database().await;
        Ground {
            engine: postgres.url("engine"),
            pools: pools.clone(),
            queues: format!("orphans-{}", uuid::Uuid::new_v4().simple())
                .parse::<Queues>()
                .unwrap(),
        }
    });
    let orphans = |words: &[&str]| orphans(&world, &pools, words);

    // Given bookings from before the backup, and others that are forgotten.
    let mut kept = None;
    tell(&world, async {
        let saga = world.book("orphans, kept", "tok_ok").await;
        world.wait(saga, "completed").await;
        kept = Some(saga);
    });
    let backup = postgres.base_backup("earlier").unwrap();
    let mut lost = Vec::new();
    tell(&world, async {
        for number in 0..EACH * COURSES.len() {
            lost.push(begun(&world, number).await);
        }
        for booking in &lost {
            has_come(&world, booking).await;
        }
    });

    // When the database goes back.
    postgres.go_back_to(backup).unwrap();
    tell(&world, async {
        eventually("the engine has its database again", async || {
            world.engine.database().ping().await
        })
        .await;
    });

    // Then those that have left something are found, and told what can be undone.
    let left: Vec<&Lost> = lost
        .iter()
        .filter(|booking| booking.course != Course::Declined)
        .collect();
    let told = settled(&orphans);
    assert_eq!(told.len(), left.len(), "{told:#?}");
    for booking in &left {
        let wanted = match booking.course {
            Course::Booked => "past_the_pivot",
            Course::Held | Course::Promised | Course::Declined => "undo",
        };
        assert_eq!(
            of(&told, booking)["verdict"],
            wanted,
            "{:?}: {told:#?}",
            booking.course
        );
    }

    // And they are undone, as sagas like any other.
    for booking in &left {
        healed(&world, booking);
    }
    let (code, undone) = orphans(&[
        "undo",
        "--operator",
        "ana",
        "--reason",
        "restored to ten o'clock",
    ]);
    assert_eq!(code, 4, "those with tickets are left");
    for booking in &left {
        let made_anew = booking.course != Course::Booked;
        assert_eq!(of(&undone, booking)["made_anew"], made_anew, "{undone:#?}");
    }
    tell(&world, async {
        for booking in &lost {
            match booking.course {
                Course::Held | Course::Promised => {
                    world.wait(booking.saga, "compensated").await;
                    world.assert_nothing_left(booking.saga).await;
                    let facts = world.facts(booking.saga).await;
                    assert_eq!(facts[0]["event"], "found", "{facts:#?}");
                    assert_eq!(facts[0]["by"], "ana");
                }
                Course::Declined => world.assert_nothing_left(booking.saga).await,
                Course::Booked => world.assert_booked(booking.saga).await,
            }
        }
        world.assert_booked(kept.unwrap()).await;
        // Who presses the button again hears of the one that was undone.
        for booking in &lost {
            if booking.course == Course::Promised {
                let again = world.start("booking", &booking.key, booking.input.clone());
                assert_eq!(again.await, booking.saga);
                world.wait(booking.saga, "compensated").await;
            }
        }
    });

    // The same order again finds only what a human has to decide.
    let (_, rest) = orphans(&["undo", "--reason", "the same again"]);
    assert_eq!(rest.len(), EACH, "{rest:#?}");
    assert!(
        rest.iter()
            .all(|orphan| orphan["verdict"] == "past_the_pivot")
    );
}

/// The exit code, and what is lost.
fn orphans(world: &World, pools: &str, words: &[&str]) -> (i32, Vec<Value>) {
    let output = Command::new(env!("CARGO_BIN_EXE_impresario"))
        .arg("orphans")
        .args(words)
        .args(["--server", world.money.api(), "--database-url", pools])
        .args(["-o", "json"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"));
    let orphans = told["orphans"].as_array().unwrap().clone();
    (output.status.code().unwrap(), orphans)
}

/// What is lost, once none of it is too young any more: tasks that were out are over then.
fn settled(orphans: &impl Fn(&[&str]) -> (i32, Vec<Value>)) -> Vec<Value> {
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        let (code, told) = orphans(&["list"]);
        assert_eq!(code, 4, "some are lost");
        if told.iter().all(|orphan| orphan["verdict"] != "young") {
            return told;
        }
        assert!(std::time::Instant::now() < until, "{told:#?}");
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
}

fn of<'o>(orphans: &'o [Value], booking: &Lost) -> &'o Value {
    let id = booking.saga.to_string();
    orphans
        .iter()
        .find(|orphan| orphan["id"] == id.as_str())
        .unwrap_or_else(|| panic!("{:?} {id} is not among them", booking.course))
}

/// What keeps a booking where it is: also its undoing, should it lose patience before the database is gone.
fn obstacles(course: Course) -> &'static [(&'static str, Operation)] {
    match course {
        Course::Booked | Course::Declined => &[],
        Course::Held => &[
            ("authorize", Operation::Forward),
            ("authorize", Operation::Reconcile),
            ("authorize", Operation::Compensate),
            ("hold", Operation::Compensate),
        ],
        Course::Promised => &[
            ("pin", Operation::Forward),
            ("authorize", Operation::Compensate),
        ],
    }
}

/// Starts a booking that will go as its number says.
async fn begun(world: &World, number: usize) -> Lost {
    let (key, course) = (format!("orphan {number}"), COURSES[number % COURSES.len()]);
    let saga = world.id_of(&key);
    for (step, operation) in obstacles(course) {
        let every = 1..=u32::MAX;
        world
            .plans
            .plan(&saga.to_string(), step, *operation, every, Fault::Lose);
    }
    let token = match course {
        Course::Declined => "tok_declined",
        Course::Booked | Course::Held | Course::Promised => "tok_ok",
    };
    let input = world.wish(token);
    assert_eq!(world.start("booking", &key, input.clone()).await, saga);
    Lost {
        key,
        input,
        saga,
        course,
    }
}

/// Waits until the booking is as far as it gets.
async fn has_come(world: &World, booking: &Lost) {
    match booking.course {
        Course::Booked => world.wait(booking.saga, "completed").await,
        Course::Declined => world.wait(booking.saga, "compensated").await,
        Course::Held => world.wait_task(booking.saga, "authorize", "forward").await,
        Course::Promised => world.wait_task(booking.saga, "pin", "forward").await,
    }
}

fn healed(world: &World, booking: &Lost) {
    for (step, operation) in obstacles(booking.course) {
        world
            .plans
            .heal(&booking.saga.to_string(), step, *operation);
    }
}

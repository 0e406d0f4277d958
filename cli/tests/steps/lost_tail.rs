//! H15: the engine's database goes back to an earlier moment (a restore from a backup, a standby that was behind),
//! the participants' does not: they know more than the engine. What the engine decides again meets its own effects;
//! who presses the button again gets the booking that he had; nothing is sold or charged twice.

use std::future::Future;

use impresario_protocol::{Operation, Queues};
use impresario_services::Postgres;
use impresario_workflows::SagaId;
use impresario_workflows::saga::Start;
use serde_json::Value;

use crate::faults::Fault;
use crate::world::{Ground, World, eventually, fresh_database};

/// Bookings before the backup, and as many after it.
const BOOKINGS: usize = 12;

/// What a customer wants, and what became of it at first.
struct Wish {
    key: String,
    input: Value,
    saga: SagaId,
    course: Course,
}

/// How a booking goes before the database goes back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Course {
    Completes,
    Declined,
    Cancelled,
    /// Charged, and its last step is not answered yet when the database goes back: the engine has it in memory.
    UnderWay,
}

impl Course {
    fn of(number: usize) -> Course {
        match number % 4 {
            0 => Course::Completes,
            1 => Course::Declined,
            2 => Course::Cancelled,
            _ => Course::UnderWay,
        }
    }

    fn end(self) -> &'static str {
        match self {
            Course::Completes | Course::UnderWay => "completed",
            Course::Declined | Course::Cancelled => "compensated",
        }
    }
}

#[test]
fn h15_a_database_that_goes_back_to_an_earlier_moment_meets_its_own_effects() {
    let mut postgres = Postgres::temporary().unwrap();
    postgres.create_database("engine").unwrap();
    let world = World::on(async || Ground {
        engine: postgres.url("engine"),
        pools: fresh_database().await,
        queues: format!("tail-{}", uuid::Uuid::new_v4().simple())
            .parse::<Queues>()
            .unwrap(),
    });

    let mut wishes = Vec::new();
    tell(&world, async {
        for number in 0..BOOKINGS {
            wishes.push(first_time(&world, number).await);
        }
    });
    // In the middle of it: some have ended, some have hardly begun.
    let backup = postgres.base_backup("earlier").unwrap();
    let mut forgotten = Vec::new();
    tell(&world, async {
        for number in BOOKINGS..2 * BOOKINGS {
            forgotten.push(first_time(&world, number).await);
        }
        for wish in wishes.iter().chain(&forgotten) {
            settled(&world, wish).await;
        }
    });

    postgres.go_back_to(backup).unwrap();
    tell(&world, async {
        eventually("the engine has its database again", async || {
            world.engine.database().ping().await
        })
        .await;
        for wish in &forgotten {
            let known = world.engine.load(wish.saga).await.unwrap();
            assert!(known.is_none(), "{} was not lost", wish.saga);
        }
        for wish in wishes.iter().chain(&forgotten) {
            let saga = wish.saga.to_string();
            world.plans.heal(&saga, "notify", Operation::Forward);
            asked_again(&world, wish).await;
        }
        for wish in wishes.iter().chain(&forgotten) {
            world.wait(wish.saga, wish.course.end()).await;
            match wish.course {
                Course::Completes | Course::UnderWay => world.assert_booked(wish.saga).await,
                Course::Declined | Course::Cancelled => world.assert_nothing_left(wish.saga).await,
            }
        }
    });
}

pub(crate) fn tell<'w>(world: &'w World, story: impl Future<Output = ()>) {
    world.tell(|_: &'w World| story);
}

/// Starts a booking that will go as its number says.
async fn first_time(world: &World, number: usize) -> Wish {
    let (key, course) = (format!("tail {number}"), Course::of(number));
    let saga = world.id_of(&key);
    let token = match course {
        Course::Declined => "tok_declined",
        Course::Completes | Course::Cancelled | Course::UnderWay => "tok_ok",
    };
    let lost = match course {
        // Never gets as far as its pivot before somebody cancels it.
        Course::Cancelled => Some("pin"),
        Course::UnderWay => Some("notify"),
        Course::Completes | Course::Declined => None,
    };
    if let Some(step) = lost {
        let (saga, forward) = (saga.to_string(), Operation::Forward);
        world
            .plans
            .plan(&saga, step, forward, 1..=u32::MAX, Fault::Lose);
    }
    let input = world.wish(token);
    assert_eq!(world.start("booking", &key, input.clone()).await, saga);
    Wish {
        key,
        input,
        saga,
        course,
    }
}

/// Waits until the booking is as far as it gets for now.
async fn settled(world: &World, wish: &Wish) {
    let saga = wish.saga;
    match wish.course {
        Course::Completes | Course::Declined => {}
        Course::Cancelled => {
            world.wait_task(saga, "pin", "forward").await;
            world.cancel(saga).await;
        }
        Course::UnderWay => return world.wait_task(saga, "notify", "forward").await,
    }
    world.wait(saga, wish.course.end()).await;
}

/// The customer presses the button again, until there is an answer: it is the same saga.
async fn asked_again(world: &World, wish: &Wish) {
    let stored = world.engine.catalogue().current("booking").unwrap();
    let hash = wish.input.to_string().into_bytes();
    eventually("the start is answered", async || {
        let start = Start::with(wish.input.clone());
        let answer = world
            .engine
            .start_saga("main", stored.clone(), &wish.key, hash.clone(), start)
            .await;
        answer.is_ok_and(|started| {
            assert_eq!(started.id, wish.saga, "another saga for the same key");
            true
        })
    })
    .await;
}

//! Whatever a sender is told, in whatever order: `accepted = queued + written + dropped`, its memory
//! is bounded, a connection is given whole frames only, in their order, and what the last ones may
//! have lost before them; who is told that points are out can rely on it, and after a close that
//! ends well all are, with an answer for everybody who waits.
//!
//! Not here: what a driver does that does as it is told, which the simulation in graphite-proto
//! tries. What is told and in which order stands in [`world`], what was promised in [`ledger`].

mod ledger;
mod settings;
mod world;

use self::settings::Settings;
use self::world::World;
use crate::bytes::Bytes;

/// How many steps a run has at most, so that none is slow.
const STEPS: usize = 400;

/// Settings and steps, each of a few bytes, then a close that a driver carries out.
pub fn sender(bytes: &[u8]) {
    let mut bytes = Bytes(bytes);
    let settings = Settings::read(&mut bytes);
    let mut world = World::new(&settings);
    for _ in 0..STEPS {
        if bytes.is_empty() {
            break;
        }
        world.step(&mut bytes);
        world.check();
    }
    world.close();
}

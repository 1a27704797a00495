//! What was lost, in which kill, and whether `Replay` says that it may be.
//!
//! It promises to lose nothing as long as the kernels swallow no more than the window when a
//! receiver ends. Beyond that it may lose what they swallowed more, and not a point besides.

use graphite_proto::Delivery;

use super::point::{FIRST, Points};
use super::run::Plan;
use super::way::Way;

/// A receiver that was lost.
#[derive(Debug)]
pub(super) struct Mark {
    /// The number after the highest that had arrived by then.
    pub(super) next: u64,
    pub(super) way: Way,
    /// What each connection that ended meanwhile held unread, in bytes.
    pub(super) swallowed: Vec<u64>,
}

/// Points of one kill that never arrived.
#[derive(Debug, PartialEq)]
pub(super) struct Loss {
    /// Which kill it was, the first being 1.
    pub(super) kill: usize,
    /// How it was done, or nothing for the end of the run.
    pub(super) way: Option<Way>,
    pub(super) swallowed: Vec<u64>,
    /// How many points were sent before the first that was lost.
    pub(super) place: u64,
    pub(super) points: u64,
    /// The most in a row.
    pub(super) longest: u64,
}

impl Loss {
    /// Returns whether the loss is one that the level does not promise to prevent.
    pub(super) fn is_documented(&self, plan: &Plan) -> bool {
        let Delivery::Replay { window } = plan.delivery else { return false };
        let over =
            |&bytes: &u64| usize::try_from(bytes).map_or(0, |all| all.saturating_sub(window));
        let bytes: usize = self.swallowed.iter().map(over).sum();
        self.points <= Points::new().in_bytes(plan.protocol, bytes)
    }
}

/// Sorts stretches `(first, points)` that never arrived by kills: when it came, all before such a
/// stretch had arrived, and nothing behind it.
pub(super) fn losses(marks: &[Mark], gaps: &[(u64, u64)]) -> Vec<Loss> {
    let mut losses: Vec<Loss> = Vec::new();
    for &(first, points) in gaps {
        let index = marks.partition_point(|mark| mark.next < first);
        let kill = index + 1;
        match losses.last_mut() {
            Some(loss) if loss.kill == kill => {
                loss.points += points;
                loss.longest = loss.longest.max(points);
            }
            _ => {
                let mark = marks.get(index);
                let way = mark.map(|mark| mark.way);
                // Nothing new arrived before the next kills either: it was in one of them.
                let after = marks.iter().skip(index + 1).take_while(|mark| mark.next == first);
                let swallowed = mark.into_iter().chain(after);
                let swallowed = swallowed.flat_map(|mark| &mark.swallowed).copied().collect();
                let place = first - FIRST;
                losses.push(Loss { kill, way, swallowed, place, points, longest: points });
            }
        }
    }
    losses
}

#[cfg(test)]
mod tests {
    use graphite_proto::Protocol;

    use super::*;
    use crate::choice::Runtime;

    const WINDOW: u64 = 1 << 20;

    fn plan(delivery: Delivery) -> Plan {
        let (runtime, protocol) = (Runtime::Tokio, Protocol::Plaintext);
        Plan { runtime, protocol, delivery, buffer: None, kills: 1, life: 1 }
    }

    fn documented(swallowed: &[u64], points: u64, delivery: Delivery) -> bool {
        let mark = Mark { next: FIRST, way: Way::Kill, swallowed: swallowed.to_vec() };
        losses(&[mark], &[(FIRST, points)])[0].is_documented(&plan(delivery))
    }

    #[test]
    fn only_what_was_swallowed_beyond_the_window_may_be_lost() {
        let replay = Delivery::Replay { window: WINDOW as usize };
        let excused = |swallowed: &[u64], points| documented(swallowed, points, replay);
        assert!(!excused(&[], 1), "nothing was measured");
        assert!(!excused(&[WINDOW], 1), "the window covers it");
        assert!(!excused(&[WINDOW, WINDOW], 1), "it covers each of them");
        // A line: 23 of path, 10 of value, 10 of time, 3 between them and at its end.
        assert!(excused(&[WINDOW + 460], 10));
        assert!(!excused(&[WINDOW + 460], 11), "more than what is beyond");
        assert!(excused(&[WINDOW + 460, 1, WINDOW + 460], 20));
        assert!(!excused(&[WINDOW + 460, 1, WINDOW + 460], 21));
        let confirmed = Delivery::Confirmed { window: WINDOW as usize };
        assert!(!documented(&[9 * WINDOW], 1, confirmed), "it loses nothing, however much");
    }

    #[test]
    fn a_loss_belongs_to_the_kill_before_which_all_had_arrived() {
        let mark = |next, swallowed| Mark { next: FIRST + next, way: Way::Slow, swallowed };
        let marks = [mark(10, vec![1]), mark(20, vec![2]), mark(20, vec![3]), mark(90, vec![])];
        let gaps = [(FIRST + 20, 4), (FIRST + 30, 9), (FIRST + 40, 5), (FIRST + 91, 1)];
        let losses = losses(&marks, &gaps);
        let told: Vec<_> = losses.iter().map(|loss| (loss.kill, loss.place, loss.points)).collect();
        assert_eq!(told, [(2, 20, 4), (4, 30, 14), (5, 91, 1)]);
        assert_eq!((losses[0].way, &losses[0].swallowed[..]), (Some(Way::Slow), &[2, 3][..]));
        assert_eq!((losses[1].longest, losses[2].way), (9, None));
        assert!(losses[2].swallowed.is_empty());
    }
}

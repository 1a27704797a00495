//! Points that are encoded apart from the machine and handed to it together.

use graphite_proto::{
    Batch, Config, Delivery, EnqueueError, Input, Metric, NonFinite, Output, Overflow, Protocol,
    Sender,
};

use crate::rig::{Rig, config, ms};

fn batch(sender: &Sender, paths: &[&str]) -> Batch {
    let mut batch = sender.batch();
    for path in paths {
        assert!(batch.push(&Metric::new(*path, 1), 9).unwrap());
    }
    batch
}

#[test]
fn a_batch_is_one_stretch_of_points() {
    let mut rig = Rig::up(config(Delivery::BestEffort).prefix("p"));
    let first = rig.put("a");
    let mut batch = batch(&rig.sender, &["b", "c", "d"]);
    let at = rig.at();
    let middle = rig.sender.enqueue_batch(&mut batch, at).unwrap();
    assert!(batch.is_empty());
    let last = rig.put("e");
    let points = [first, middle, last].map(|ticket| ticket.points());
    assert_eq!(points, [Some(0..1), Some(1..4), Some(4..5)]);
    assert_eq!(rig.tell(Input::Written(8)).sender.progress().done, 1);
    assert_eq!(rig.write(), "p.b 1 9\np.c 1 9\np.d 1 9\np.e 1 9\n");
    assert_eq!(rig.kind(middle), Some(Ok(())));
}

#[test]
fn a_batch_is_sent_as_the_same_points_one_by_one_are() {
    for protocol in [Protocol::Plaintext, Protocol::Pickle] {
        let wire = |batches: bool| {
            let mut rig = Rig::new(Config::new(protocol).frame_bytes(200).prefix("p"));
            let at = rig.at();
            let mut batch = rig.sender.batch();
            for i in 0..30 {
                let metric = Metric::new(format!("m{i}"), i);
                if !batches {
                    rig.sender.enqueue(&metric, 9, at).unwrap();
                } else if !batch.push(&metric, 9).unwrap() {
                    rig.sender.enqueue_batch(&mut batch, at).unwrap();
                    assert!(batch.push(&metric, 9).unwrap());
                }
            }
            rig.sender.enqueue_batch(&mut batch, at).unwrap();
            rig.tell(Input::Connected);
            let mut wire = Vec::new();
            while let Output::Transmit(bytes) = rig.sender.poll_output() {
                wire.extend_from_slice(bytes);
                let count = bytes.len();
                rig.tell(Input::Written(count));
            }
            (wire, rig.sender.stats())
        };
        assert_eq!(wire(true), wire(false), "{protocol}");
    }
}

#[test]
fn a_full_batch_takes_no_more_and_an_empty_one_takes_a_point_of_any_length() {
    let rig = Rig::new(Config::default().frame_bytes(100));
    let mut full = rig.sender.batch();
    let long = Metric::new("x".repeat(500), 1);
    assert!(full.push(&long, 9).unwrap());
    let (points, bytes) = (full.points(), full.bytes());
    assert!(!full.push(&Metric::new("a", 1), 9).unwrap());
    assert_eq!((full.points(), full.bytes()), (points, bytes));
}

#[test]
fn a_refused_batch_changes_nothing() {
    let mut rig = Rig::new(Config::default().queue_bytes(800));
    rig.put(&"x".repeat(780));
    let mut batch = batch(&rig.sender, &["a", "b", "c"]);
    let (before, at) = (rig.sender.stats(), rig.at());
    let full = Err(EnqueueError::QueueFull { queued: 785, limit: 800 });
    assert_eq!(rig.sender.enqueue_batch(&mut batch, at), full);
    assert_eq!((rig.sender.stats(), batch.points(), batch.bytes()), (before, 3, 18));
    // It is as good as before when there is room.
    rig.tell(Input::Connected).write();
    let ticket = rig.sender.enqueue_batch(&mut batch, at).unwrap();
    assert_eq!((ticket.points(), rig.write().as_str()), (Some(1..4), "a 1 9\nb 1 9\nc 1 9\n"));

    let mut late = self::batch(&rig.sender, &["a"]);
    rig.tell(Input::Close);
    let before = rig.sender.stats();
    assert_eq!(rig.sender.enqueue_batch(&mut late, at), Err(EnqueueError::Closed));
    assert_eq!((rig.sender.stats(), late.points()), (before, 1));
}

#[test]
fn a_batch_drops_the_oldest_where_single_points_do() {
    let config = config(Delivery::BestEffort).overflow(Overflow::DropOldest).queue_bytes(800);
    let mut rig = Rig::new(config);
    let (first, at) = (rig.put("first"), rig.at());
    for _ in 0..100 {
        let mut batch = batch(&rig.sender, &["abc", "def", "ghi"]);
        rig.sender.enqueue_batch(&mut batch, at).unwrap();
    }
    let stats = rig.sender.stats();
    assert_eq!((stats.accepted, stats.queued + stats.dropped), (301, 301));
    assert!(stats.dropped > 150 && stats.queued_bytes <= 800, "{stats:?}");
    assert!(matches!(rig.kind(first), Some(Err(_))));
}

#[test]
fn a_batch_of_a_sender_with_other_settings_is_refused() {
    let mut rig = Rig::up(Config::default().prefix("p"));
    let at = rig.at();
    for other in [
        Config::default(),
        Config::default().prefix("q"),
        Config::new(Protocol::Pickle).prefix("p"),
        Config::default().prefix("p").non_finite(NonFinite::Skip),
    ] {
        let mut foreign = batch(&Rig::new(other.clone()).sender, &["a"]);
        let refused = rig.sender.enqueue_batch(&mut foreign, at);
        assert_eq!(refused, Err(EnqueueError::ForeignBatch), "{other:?}");
        assert_eq!((rig.sender.stats().accepted, foreign.points()), (0, 1), "{other:?}");
    }
    // One whose settings say the same of points is taken.
    let mut like =
        batch(&Rig::new(Config::default().prefix("p").queue_bytes(1 << 20)).sender, &["a"]);
    rig.sender.enqueue_batch(&mut like, at).unwrap();
    assert_eq!(rig.write(), "p.a 1 9\n");
}

#[test]
fn a_batch_without_points_is_answered_at_once() {
    let mut rig = Rig::new(Config::default().non_finite(NonFinite::Skip));
    let (mut empty, at) = (rig.sender.batch(), rig.at());
    rig.put("a");
    let ticket = rig.sender.enqueue_batch(&mut empty, at).unwrap();
    assert_eq!(rig.kind(ticket), Some(Ok(())));
    assert!(empty.push(&Metric::new("nan", f64::NAN), 9).unwrap() && !empty.is_empty());
    let ticket = rig.sender.enqueue_batch(&mut empty, at).unwrap();
    assert_eq!((rig.kind(ticket), rig.sender.stats().skipped), (Some(Ok(())), 1));
}

#[test]
fn a_batch_waits_for_others_and_ends_the_wait_as_points_do() {
    let mut rig = Rig::up(config(Delivery::BestEffort).linger(ms(20)).frame_bytes(100));
    rig.later(1_000);
    let path = "x".repeat(45);
    rig.put(&path);
    rig.write();
    let at = rig.at();
    let mut few = batch(&rig.sender, &["a", "b"]);
    rig.sender.enqueue_batch(&mut few, at).unwrap();
    assert_eq!(rig.sender.poll_output(), Output::Idle);
    let mut more = batch(&rig.sender, &["c", &path]);
    rig.sender.enqueue_batch(&mut more, at).unwrap();
    assert_eq!(rig.sender.poll_output(), Output::Idle);
    // This one finds no room in the frame.
    let mut last = batch(&rig.sender, &[&path]);
    rig.sender.enqueue_batch(&mut last, at).unwrap();
    let text = format!("a 1 9\nb 1 9\nc 1 9\n{path} 1 9\n");
    assert_eq!(rig.sender.poll_output(), Output::Transmit(text.as_bytes()));
}

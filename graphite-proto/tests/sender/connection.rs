//! What happens on one connection, and the transition table of the module's documentation.

use std::io::ErrorKind;
use std::time::Duration;

use graphite_proto::{Config, Delivery, Event, Failure, Input, Output};

use crate::rig::{Rig, WINDOW, config, ms};

#[test]
fn a_receiver_that_speaks_or_a_wrong_count_ends_the_connection() {
    for (input, kind) in [
        (Input::PeerSpoke, ErrorKind::InvalidData),
        (Input::Written(7), ErrorKind::InvalidInput),
        (Input::Written(usize::MAX), ErrorKind::InvalidInput),
    ] {
        let mut rig = Rig::up(Config::default().max_attempts(1));
        let point = rig.put("a");
        rig.later(1_000).tell(input);
        assert_eq!(rig.sender.poll_output(), Output::Disconnect);
        rig.reset();
        assert_eq!((rig.kind(point), rig.phase()), (Some(Err(kind)), "Waiting".into()));
    }
    let mut rig = Rig::up(Config::default());
    rig.put("a");
    rig.tell(Input::Written(0));
    assert_eq!(rig.sender.poll_output(), Output::Transmit(b"a 1 9\n"));
}

#[test]
fn time_that_goes_backwards_changes_nothing() {
    let mut rig = Rig::up(Config::default());
    rig.later(10_000);
    rig.put("a");
    let deadline = rig.sender.poll_timeout();
    rig.now = 0;
    rig.tell(Input::Timeout);
    rig.put("b");
    assert_eq!(rig.sender.poll_timeout(), deadline);
    assert_eq!(rig.write(), "a 1 9\nb 1 9\n");
}

/// A proxy without a backend: it takes what its kernel holds, and resets some seconds later.
#[test]
fn a_peer_that_never_takes_all_the_repeats_is_a_failure_however_long_it_stays() {
    for delivery in [Delivery::Replay { window: WINDOW }, Delivery::Confirmed { window: WINDOW }] {
        let mut rig = Rig::up(config(delivery));
        for i in 0..1_000 {
            rig.put(&format!("p{i}"));
            rig.write();
        }
        rig.later(1_000).reset().later(1_000);
        let flush = (rig.put("waiting"), rig.sender.ticket());
        for round in 0..3 {
            assert!(round > 0 || rig.kind(flush.1).is_none(), "{delivery:?}");
            rig.tell(Input::Connected);
            for _ in 0..4 {
                rig.tell(Input::Written(1_000));
            }
            rig.later(3_000).reset().deadline();
        }
        let reset = Some(Err(ErrorKind::ConnectionReset));
        assert_eq!((rig.kind(flush.0), rig.kind(flush.1)), (reset, reset));
        assert!(rig.events().iter().any(|event| matches!(event, Event::GaveUp { .. })));
    }
}

/// It takes something new each time, so that no attempt is a failure; still they become rarer.
#[test]
fn a_peer_that_resets_again_and_again_is_not_stormed() {
    let mut rig = Rig::new(config(Delivery::Replay { window: WINDOW }));
    rig.put("a");
    let mut connects = Vec::new();
    while rig.now < 60_000 {
        if rig.sender.poll_output() == Output::Connect {
            connects.push(rig.now);
            rig.put("new");
            rig.tell(Input::Connected).write();
            rig.later(60).reset();
        }
        rig.deadline();
    }
    let within = |from: u64, to: u64| connects.iter().filter(|&&at| at >= from && at < to).count();
    assert!((3..=5).contains(&within(0, 1_000)), "{connects:?}");
    assert!((2..=5).contains(&within(30_000, 60_000)), "{connects:?}");
    // One that stays as long as the longest delay is trusted again, and so is one that proves.
    for proven in [false, true] {
        rig.put("new");
        rig.tell(Input::Connected).write();
        let end = Failure::new(ErrorKind::ConnectionReset, "reset");
        let end = if proven { Input::PeerFinished { proven } } else { Input::Disconnected(end) };
        rig.later(if proven { 60 } else { 10_000 }).tell(end);
        rig.put("b");
        assert_eq!(rig.sender.poll_output(), Output::Connect);
    }
}

#[test]
fn a_delay_of_any_length_is_waited_for() {
    let mut rig = Rig::up(Config::default().backoff(Duration::MAX, Duration::MAX));
    rig.put("a");
    rig.write();
    rig.later(1).reset();
    rig.put("b");
    assert_eq!(rig.sender.poll_output(), Output::Idle);
}

#[test]
fn polls_give_the_same_answer_until_the_next_input() {
    let mut rig = Rig::new(Config::default());
    rig.put("a");
    for input in [Input::Connected, Input::Written(2), Input::Written(4), Input::Close] {
        let seen = |rig: &Rig| format!("{:?}", (rig.sender.poll_output(), rig.sender.stats()));
        assert_eq!(seen(&rig), seen(&rig));
        assert_eq!(rig.sender.poll_timeout(), rig.sender.poll_timeout());
        rig.tell(input);
    }
    assert_eq!(rig.sender.poll_output(), Output::Finish);
}

#[test]
fn a_connection_of_age_is_ended_in_good_order_at_a_border() {
    for age in [0, 5_000] {
        let config = config(Delivery::Replay { window: WINDOW });
        let mut rig = Rig::new(config.max_connection_age(Some(ms(age))));
        rig.put("a");
        rig.tell(Input::Connected);
        rig.put("b");
        assert_eq!(rig.tell(Input::Written(3)).later(age).write(), " 9\n");
        rig.prove();
        assert_eq!(rig.sender.stats().confirmed, 1);
        assert_eq!(rig.tell(Input::Connected).write(), "b 1 9\n");
        rig.later(age).prove();
        assert_eq!((rig.sender.poll_output(), rig.sender.poll_timeout()), (Output::Idle, None));
        assert_eq!(rig.events().iter().filter(|event| **event == Event::Connected).count(), 1);
    }
}

#[test]
fn a_count_that_comes_when_the_end_has_begun_takes_it_back_to_the_border() {
    let mut rig = Rig::up(Config::default().max_connection_age(Some(ms(100))));
    rig.put("a");
    rig.write();
    rig.later(99);
    rig.put("b");
    // The driver has copied the bytes; before it counts, another caller lets time pass.
    rig.later(1);
    assert_eq!(rig.tell(Input::Written(0)).sender.poll_output(), Output::Finish);
    rig.tell(Input::Written(2));
    assert_eq!(rig.write(), "1 9\n");
    rig.prove();
    assert_eq!(rig.sender.unproven(), 0);
}

#[test]
fn a_demand_for_a_connection_is_answered() {
    let mut rig = Rig::new(Config::default().max_attempts(1));
    let at = rig.at();
    let refused = rig.sender.connect(at);
    rig.refuse();
    assert_eq!(rig.kind(refused), Some(Err(ErrorKind::ConnectionRefused)));
    let at = rig.at();
    let ticket = rig.sender.connect(at);
    rig.deadline();
    assert_eq!(rig.kind(ticket), None);
    rig.tell(Input::Connected);
    assert_eq!((rig.kind(ticket), rig.sender.poll_output()), (Some(Ok(())), Output::Idle));
    let again = rig.sender.connect(at);
    assert_eq!((rig.kind(again), rig.phase()), (Some(Ok(())), "Up".into()));
}

#[test]
fn the_connection_is_told_once_when_it_is_lost_and_once_when_it_is_back() {
    let mut rig = Rig::up(config(Delivery::BestEffort));
    rig.put("a");
    rig.write();
    rig.put("b");
    rig.later(1_000).reset();
    for _ in 0..6 {
        rig.refuse().deadline();
    }
    rig.tell(Input::Connected).write();
    let events = rig.events();
    let [Event::Connected, Event::Lost(lost), Event::GaveUp { cause, .. }, Event::Connected] =
        &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!((lost.text.as_str(), cause.text.as_str()), ("reset", "refused"));
    assert_eq!(rig.sender.stats().reconnects, 1);
}

#[test]
fn an_idle_connection_that_is_closed_at_once_is_no_failure() {
    let mut rig = Rig::up(config(Delivery::BestEffort).max_attempts(1));
    for _ in 0..5 {
        let point = rig.put("a");
        rig.write();
        rig.later(10).tell(Input::PeerFinished { proven: false });
        assert_eq!((rig.sender.poll_output(), rig.sender.poll_timeout()), (Output::Idle, None));
        let waiting = rig.put("b");
        rig.later(200);
        assert_eq!(rig.sender.poll_output(), Output::Connect);
        assert_eq!((rig.kind(point), rig.kind(waiting)), (Some(Ok(())), None));
        rig.tell(Input::Connected).write();
    }
    assert!(!rig.events().iter().any(|event| matches!(event, Event::GaveUp { .. })));
}

/// A machine in the phase, with a point to send.
fn in_phase(phase: &str, output: &str) -> Rig {
    let mut rig = Rig::new(config(Delivery::BestEffort).max_connection_age(Some(ms(10))));
    rig.put("a");
    match phase {
        "Waiting" => drop(rig.refuse()),
        "Connecting" => {}
        "Up" => drop(rig.tell(Input::Connected)),
        "Finishing" => {
            rig.tell(Input::Connected).write();
            rig.put("b");
            rig.later(10);
            if output == "Idle" {
                rig.tell(Input::Finished);
            }
        }
        "Aborting" => drop(rig.tell(Input::Connected).tell(Input::PeerSpoke)),
        _ => drop(rig.tell(Input::Close).later(10_000)),
    }
    assert_eq!(rig.phase(), phase);
    rig
}

#[test]
fn the_transition_table_of_the_module_is_what_the_code_does() {
    let source = include_str!("../../src/sender/connection.rs");
    let rows = source.lines().filter_map(|line| line.strip_prefix("//! | "));
    let mut rows = rows.map(|row| {
        let cells = row.strip_suffix(" |").unwrap_or(row).split('|');
        cells.map(|cell| cell.trim().trim_matches('`').to_owned()).collect::<Vec<_>>()
    });
    let head = rows.find(|row| row.len() > 4).expect("the table by inputs");
    let rows: Vec<_> = rows.filter(|row| row.len() > 4).collect();
    assert_eq!((head.len(), rows.len()), (12, 7));
    for row in rows {
        for (name, after) in head.iter().zip(&row).skip(2) {
            let mut rig = in_phase(&row[0], &row[1]);
            let output = format!("{:?}", rig.sender.poll_output());
            assert_eq!(output.split('(').next(), Some(&row[1][..]));
            let failure = Failure::new(ErrorKind::ConnectionReset, "reset");
            let input = match name.as_str() {
                "Connected" => Input::Connected,
                "ConnectFailed" => Input::ConnectFailed(failure),
                "Written" => Input::Written(1),
                "Finished" => Input::Finished,
                "PeerHalfClosed" => Input::PeerHalfClosed { reads_on: false },
                "PeerFinished" => Input::PeerFinished { proven: false },
                "PeerSpoke" => Input::PeerSpoke,
                "Disconnected" => Input::Disconnected(failure),
                "Close" => Input::Close,
                _ => {
                    if rig.sender.poll_timeout().is_some() {
                        rig.deadline();
                    }
                    Input::Timeout
                }
            };
            rig.tell(input);
            let wanted = if after.is_empty() { &row[0] } else { after };
            assert_eq!(&rig.phase(), wanted, "{} in {}", name, row[0]);
        }
    }
}

//! The bounds of settings: what is outside is named, and harms no sender that is made of it.

use std::io::ErrorKind;
use std::time::Duration;

use graphite_proto::{
    Config, ConfigError, Delivery, Event, Failure, Input, Instant, Metric, Output, Protocol, Sender,
};

const HOUR: Duration = Duration::from_secs(3600);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
const NEVER: Duration = Duration::MAX;
const ZERO: Duration = Duration::ZERO;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn default() -> Config {
    Config::default()
}

fn replay(window: usize) -> Delivery {
    Delivery::Replay { window }
}

fn confirmed(window: usize) -> Delivery {
    Delivery::Confirmed { window }
}

#[test]
fn what_is_outside_its_bounds_is_named_with_the_bound() {
    const GIB: usize = 1 << 30;
    let most = "18446744073709551615";
    let long = "18446744073709551615.999999999s";
    for (config, text) in [
        (default().max_attempts(0), "max_attempts is 0, at least 1 is needed"),
        (default().queue_bytes(0), "queue_bytes is 0, at least 1 is needed"),
        (
            default().queue_bytes(GIB + 1),
            "queue_bytes is 1073741825, at most 1073741824 is possible",
        ),
        (
            default().queue_bytes(usize::MAX),
            &format!("queue_bytes is {most}, at most 1073741824 is possible"),
        ),
        (default().frame_bytes(0), "frame_bytes is 0, at least 1 is needed"),
        (
            default().frame_bytes(usize::MAX),
            &format!("frame_bytes is {most}, at most 1048576 is possible"),
        ),
        (default().max_frame_bytes(63), "max_frame_bytes is 63, at least 64 is needed"),
        (
            default().max_frame_bytes(1_048_577),
            "max_frame_bytes is 1048577, at most 1048576 is possible",
        ),
        (
            default().delivery(replay(GIB + 1)),
            "delivery (window) is 1073741825, at most 1073741824 is possible",
        ),
        (
            default().delivery(confirmed(usize::MAX)),
            &format!("delivery (window) is {most}, at most 1073741824 is possible"),
        ),
        (default().backoff(ZERO, HOUR), "backoff (first) is 0ns, at least 1ms is needed"),
        (
            default().backoff(NEVER, NEVER),
            &format!("backoff (first) is {long}, at most 3600s is possible"),
        ),
        (default().backoff(ms(50), ms(49)), "backoff (longest) is 49ms, at least 50ms is needed"),
        (
            default().backoff(ms(50), HOUR + ms(1)),
            "backoff (longest) is 3600.001s, at most 3600s is possible",
        ),
        (default().write_timeout(ZERO), "write_timeout is 0ns, at least 1ms is needed"),
        (
            default().write_timeout(NEVER),
            &format!("write_timeout is {long}, at most 3600s is possible"),
        ),
        (default().close_timeout(ZERO), "close_timeout is 0ns, at least 50ms is needed"),
        (
            default().close_timeout(NEVER),
            &format!("close_timeout is {long}, at most 3600s is possible"),
        ),
        (default().settle_timeout(ZERO), "settle_timeout is 0ns, at least 1ms is needed"),
        (
            default().settle_timeout(NEVER),
            &format!("settle_timeout is {long}, at most 3600s is possible"),
        ),
        (
            default().max_connection_age(Some(NEVER)),
            &format!("max_connection_age is {long}, at most 31536000s is possible"),
        ),
        (
            default().replay_age(NEVER),
            &format!("replay_age is {long}, at most 31536000s is possible"),
        ),
        (
            default().confirm_interval(NEVER),
            &format!("confirm_interval is {long}, at most 3600s is possible"),
        ),
        (
            default().confirm_spacing(NEVER),
            &format!("confirm_spacing is {long}, at most 3600s is possible"),
        ),
    ] {
        let error = config.check().expect_err(text);
        assert_eq!(error.to_string(), format!("setting {text}"));
    }
    for (prefix, text) in [
        (".", "prefix \".\" has nothing before the dot at byte 0"),
        ("a..", "prefix \"a..\" has nothing before the dot at byte 2"),
        ("a b", "prefix \"a b\" holds white space (U+0020) at byte 1"),
    ] {
        let error = default().prefix(prefix).check().expect_err(prefix);
        assert!(matches!(error, ConfigError::Prefix(_)));
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn the_bounds_themselves_and_the_defaults_are_taken() {
    let least = default()
        .max_attempts(1)
        .queue_bytes(1)
        .frame_bytes(1)
        .max_frame_bytes(64)
        .delivery(replay(0))
        .backoff(ms(1), ms(1))
        .write_timeout(ms(1))
        .close_timeout(ms(50))
        .settle_timeout(ms(1))
        .max_connection_age(Some(ZERO))
        .replay_age(ZERO)
        .confirm_interval(ZERO)
        .confirm_spacing(ZERO);
    let most = default()
        .max_attempts(u32::MAX)
        .queue_bytes(1 << 30)
        .frame_bytes(1 << 20)
        .max_frame_bytes(1 << 20)
        .delivery(confirmed(1 << 30))
        .backoff(HOUR, HOUR)
        .write_timeout(HOUR)
        .close_timeout(HOUR)
        .settle_timeout(HOUR)
        .max_connection_age(Some(YEAR))
        .replay_age(YEAR)
        .confirm_interval(HOUR)
        .confirm_spacing(HOUR);
    for config in [least, most, default(), Config::new(Protocol::Pickle), default().prefix("a.b.")]
    {
        assert_eq!(config.check(), Ok(()));
    }
}

/// Two points are written, and the connection is lost between them; whatever the settings.
fn run(config: Config) {
    let mut sender = Sender::new(config, Instant::START);
    let mut now = Instant::START;
    for path in ["first", "second"] {
        let taken = sender.enqueue(&Metric::new(path, 1), 9, now);
        // A queue of a byte takes a point when it is empty.
        assert!(taken.is_ok() || path == "second", "{taken:?}");
        for _ in 0..10 {
            match sender.poll_output() {
                Output::Connect => sender.handle_input(Input::Connected, now),
                Output::Transmit(bytes) => {
                    let count = bytes.len();
                    sender.handle_input(Input::Written(count), now);
                }
                _ => {}
            }
            if let Some(at) = sender.poll_timeout() {
                now = now.max(at);
                sender.handle_input(Input::Timeout, now);
            }
        }
        let lost = Failure::new(ErrorKind::ConnectionReset, "reset");
        sender.handle_input(Input::Disconnected(lost), now);
    }
    sender.handle_input(Input::Close, now);
}

#[test]
fn a_sender_is_safe_with_any_settings() {
    for protocol in [Protocol::Plaintext, Protocol::Pickle] {
        for bytes in [0, 1, usize::MAX] {
            for time in [ZERO, NEVER] {
                for delivery in [Delivery::BestEffort, replay(bytes), confirmed(bytes)] {
                    let config = Config::new(protocol)
                        .delivery(delivery)
                        .max_attempts(bytes as u32)
                        .queue_bytes(bytes)
                        .frame_bytes(bytes)
                        .max_frame_bytes(bytes.max(64))
                        .backoff(time, ZERO)
                        .write_timeout(time)
                        .close_timeout(time)
                        .settle_timeout(time)
                        .max_connection_age(Some(time))
                        .replay_age(time)
                        .confirm_interval(time)
                        .confirm_spacing(time);
                    run(config);
                }
            }
        }
    }
}

#[test]
fn a_sender_takes_the_nearest_bound() {
    let config = default().backoff(NEVER, NEVER).max_attempts(0);
    let mut sender = Sender::new(config, Instant::START);
    sender.enqueue(&Metric::new("a", 1), 9, Instant::START).unwrap();
    let refused = || Failure::new(ErrorKind::ConnectionRefused, "refused");
    sender.handle_input(Input::ConnectFailed(refused()), Instant::START);
    assert_eq!(sender.poll_event(), Some(Event::GaveUp { failures: 1, cause: refused() }));
    let at = sender.poll_timeout().unwrap().elapsed();
    assert!((HOUR * 3 / 4..=HOUR).contains(&at), "{at:?}");
}

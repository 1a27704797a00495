//! What a receiver is ordered to do, one line on its standard input an order.

use std::fmt;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Order {
    /// Read what there is, close, exit.
    Close,
    /// Read what there is, close, accept the next.
    CloseAndGoOn,
    /// Close where a line or pickle is torn, exit.
    CloseInFrame,
    /// Close this connection and that many more, each as soon as it is accepted.
    Refuse(u32),
    /// Shut down writing on this connection, read on for a moment, close; and do so with as many in
    /// all, each once it has brought something.
    ShutDown(u32),
    /// Read what there is, close, and shut down writing on every connection as it is accepted.
    HalfOpen,
    /// Do not read for that long.
    Pause(Duration),
    /// Read little for that long.
    ReadSlowly(Duration),
}

impl Order {
    pub(super) fn parse(line: &str) -> Option<Self> {
        let (word, number) = line.split_once(' ')?;
        let number: u32 = number.parse().ok()?;
        let time = Duration::from_millis(number.into());
        Some(match word {
            "close" => Self::Close,
            "close-and-go-on" => Self::CloseAndGoOn,
            "close-in-frame" => Self::CloseInFrame,
            "refuse" => Self::Refuse(number),
            "shut-down" => Self::ShutDown(number),
            "half-open" => Self::HalfOpen,
            "pause" => Self::Pause(time),
            "read-slowly" => Self::ReadSlowly(time),
            _ => return None,
        })
    }
}

/// As it is parsed.
impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Close => write!(f, "close 0"),
            Self::CloseAndGoOn => write!(f, "close-and-go-on 0"),
            Self::CloseInFrame => write!(f, "close-in-frame 0"),
            Self::Refuse(connections) => write!(f, "refuse {connections}"),
            Self::ShutDown(connections) => write!(f, "shut-down {connections}"),
            Self::HalfOpen => write!(f, "half-open 0"),
            Self::Pause(time) => write!(f, "pause {}", time.as_millis()),
            Self::ReadSlowly(time) => write!(f, "read-slowly {}", time.as_millis()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_come_back() {
        let time = Duration::from_millis(1234);
        for order in [
            Order::Close,
            Order::CloseAndGoOn,
            Order::CloseInFrame,
            Order::Refuse(3),
            Order::ShutDown(4),
            Order::HalfOpen,
            Order::Pause(time),
            Order::ReadSlowly(time),
        ] {
            assert_eq!(Order::parse(&order.to_string()), Some(order));
        }
        assert_eq!(Order::parse("open 1"), None);
    }
}

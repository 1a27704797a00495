//! What users may do with the public types across threads; losing one of these is a breaking
//! change.

use std::error::Error;
use std::panic::{RefUnwindSafe, UnwindSafe};

use graphite_proto::{
    Address, AddressError, Config, ConfigError, DatagramError, Datagrams, DecodeError, Delivery,
    EncodeError, EnqueueError, Event, Failure, Input, Instant, Metric, MetricError, NonFinite,
    Output, Overflow, PrefixError, Progress, Protocol, Receiver, Sender, Stats, Ticket, Timestamp,
    Value,
};

fn plain<T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe + std::fmt::Debug>() {}
fn copy<T: Copy>() {}
fn owned<T: Clone + 'static>() {}
fn error<T: Error + Clone + PartialEq + Send + Sync + 'static>() {}

#[test]
fn public_types_are_send_sync_and_unpin() {
    plain::<Address>();
    plain::<AddressError>();
    plain::<Config>();
    plain::<ConfigError>();
    plain::<DatagramError>();
    plain::<Datagrams>();
    plain::<DecodeError>();
    plain::<Delivery>();
    plain::<EncodeError>();
    plain::<EnqueueError>();
    plain::<Event>();
    plain::<Failure>();
    plain::<Input>();
    plain::<Instant>();
    plain::<Metric<'static>>();
    plain::<MetricError>();
    plain::<NonFinite>();
    plain::<Output<'static>>();
    plain::<Overflow>();
    plain::<PrefixError>();
    plain::<Progress>();
    plain::<Protocol>();
    plain::<Receiver>();
    plain::<Sender>();
    plain::<Stats>();
    plain::<Ticket>();
    plain::<Timestamp>();
    plain::<Value>();
}

#[test]
fn small_types_are_copied_and_the_others_cloned() {
    copy::<Delivery>();
    copy::<Instant>();
    copy::<NonFinite>();
    copy::<Output<'_>>();
    copy::<Overflow>();
    copy::<Protocol>();
    copy::<Stats>();
    copy::<Ticket>();
    copy::<Timestamp>();
    copy::<Value>();
    owned::<Config>();
    owned::<Datagrams>();
    owned::<Event>();
    owned::<Input>();
    owned::<Metric<'static>>();
}

#[test]
fn errors_go_anywhere() {
    error::<AddressError>();
    error::<ConfigError>();
    error::<DatagramError>();
    error::<DecodeError>();
    error::<EncodeError>();
    error::<EnqueueError>();
    error::<Failure>();
    error::<MetricError>();
    error::<PrefixError>();
}

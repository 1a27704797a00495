//! Names are looked up one at a time, and an answer that came late is used while it is fresh.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::future::Future as _;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::{Addresses, MadeUp};
use crate::client::connect::{Bare, ByName, Connect as _};
use crate::client::resolve::{FRESH, Resolver};
use crate::client::runtime::{Runtime as _, TcpOptions};

const ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 2003);

fn resolver() -> (Resolver<MadeUp>, MadeUp) {
    let runtime = MadeUp::default();
    (Resolver::new(runtime.clone(), "graphite", 2003), runtime)
}

/// One attempt, which is given up if the answer is not there.
fn attempt(resolver: &Resolver<MadeUp>) -> Option<Addresses> {
    match std::pin::pin!(resolver.resolve()).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(addresses) => Some(addresses),
        Poll::Pending => None,
    }
}

#[test]
fn attempts_that_are_given_up_leave_one_lookup_behind_and_its_answer_is_used() {
    let (resolver, runtime) = resolver();
    for _ in 0..100 {
        assert!(attempt(&resolver).is_none());
    }
    let lookup = runtime.lookup().unwrap();
    assert!(runtime.lookup().is_none(), "only one is under way");
    lookup.send(Ok(vec![ADDRESS])).unwrap();
    runtime.run();
    assert_eq!(attempt(&resolver).unwrap().unwrap(), [ADDRESS]);
    assert!(runtime.lookup().is_none(), "that was its answer");
    // What is asked for after an answer is resolved anew.
    assert!(attempt(&resolver).is_none());
    runtime.lookup().unwrap().send(Err(io::ErrorKind::NotFound.into())).unwrap();
    runtime.run();
    let error = attempt(&resolver).unwrap().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}

#[test]
fn an_answer_that_is_too_old_is_not_used() {
    for (age, used) in [(FRESH - Duration::from_millis(1), true), (FRESH, false)] {
        let (resolver, runtime) = resolver();
        assert!(attempt(&resolver).is_none());
        runtime.lookup().unwrap().send(Ok(vec![ADDRESS])).unwrap();
        // It comes now, and nobody asks for a while.
        runtime.run();
        runtime.set(runtime.now() + age);
        assert_eq!(attempt(&resolver).is_some(), used, "{age:?}");
        assert_eq!(runtime.lookup().is_some(), !used, "{age:?}");
        runtime.end();
    }
}

#[test]
fn an_address_needs_no_lookup() {
    for host in ["127.0.0.1", "::1"] {
        let runtime = MadeUp::default();
        let resolver = Resolver::new(runtime.clone(), host, 2003);
        let addresses = attempt(&resolver).unwrap().unwrap();
        assert_eq!(addresses, [SocketAddr::new(host.parse().unwrap(), 2003)]);
        assert!(runtime.lookup().is_none());
    }
}

#[test]
fn a_lookup_that_ends_without_an_answer_is_an_error() {
    let (resolver, runtime) = resolver();
    assert!(attempt(&resolver).is_none());
    // As a task does that panics, or whose runtime ends.
    runtime.end();
    let error = attempt(&resolver).unwrap().unwrap_err();
    assert_eq!(error.to_string(), "the lookup was given up");
}

/// Attempts end in time, whatever the resolver does, and the next ones wait for the same answer.
#[test]
fn a_lookup_that_hangs_ends_every_attempt_in_time() {
    let (resolver, runtime) = resolver();
    let second = Duration::from_secs(1);
    let options = TcpOptions::new(65_536, second);
    let connector = Arc::new(ByName {
        runtime: runtime.clone(),
        resolver,
        layer: Arc::new(Bare),
        timeout: 5 * second,
        options,
    });
    let mut cx = Context::from_waker(Waker::noop());
    let mut lookup = None;
    for _ in 0..3 {
        let mut attempt = connector.clone().connect();
        assert!(attempt.as_mut().poll(&mut cx).is_pending());
        let begun = runtime.lookup();
        assert_eq!(begun.is_some(), lookup.is_none(), "there is one lookup for all attempts");
        lookup = lookup.or(begun);
        runtime.set(runtime.now() + 4 * second);
        assert!(attempt.as_mut().poll(&mut cx).is_pending());
        runtime.set(runtime.now() + second);
        let Poll::Ready(Err(error)) = attempt.as_mut().poll(&mut cx) else { panic!("no time-out") };
        assert_eq!(error.to_string(), "resolve graphite: no answer in 5s");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
    drop(lookup);
    runtime.end();
}

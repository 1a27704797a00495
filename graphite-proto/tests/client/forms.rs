//! Compile-time tests: every natural form of a call, and what the types promise.

use std::fmt::Debug;
use std::future::Future;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::SystemTime;

use crate::client::{
    BatchError, Builder, Client, CloseError, ConnectError, FlushError, Metric, MetricSink,
    SendError, Stats, TryFeedError, Value,
};
use crate::rt::{block_on, spawn};
use crate::suite::receiver::Graphite;

fn is_send<T: Send>(value: T) -> T {
    value
}

fn is_client<T>()
where
    T: Clone + Send + Sync + Unpin + UnwindSafe + RefUnwindSafe + Debug + 'static,
{
}

fn is_error<T: std::error::Error + Clone + PartialEq + Send + Sync + 'static>() {}

#[test]
fn types_keep_their_promises() {
    is_client::<Client>();
    is_error::<SendError>();
    is_error::<BatchError>();
    is_error::<TryFeedError>();
    is_error::<FlushError>();
    is_error::<CloseError>();
    is_error::<ConnectError>();
    fn is_sendable<T: Send + Unpin + Debug>() {}
    is_sendable::<MetricSink>();
    is_sendable::<Stats>();
    fn is_builder<T: Send + Debug>() {}
    is_builder::<Builder>();
}

#[test]
fn every_form_of_a_point_is_taken() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let client = Client::connect(graphite.address()).await.unwrap();
        let (text, owned) = ("a", String::from("b"));
        client.send((text, 0.5)).await.unwrap();
        client.send((&owned, 0.5f32)).await.unwrap();
        client.send((owned.clone(), 1)).await.unwrap();
        client.send((owned.as_str(), 1i64)).await.unwrap();
        client.send((format!("c.{}", 1), 1u64)).await.unwrap();
        client.send(("d", 1usize, 1_700_000_000)).await.unwrap();
        client.send(("d", 1u8, 1_700_000_000u32)).await.unwrap();
        client.send(("d", 1i8, 1_700_000_000i64)).await.unwrap();
        client.send(("d", 1i16, 1_700_000_000u64)).await.unwrap();
        client.send(("d", 1u32, SystemTime::now())).await.unwrap();
        client.send(("d", Value::from(3))).await.unwrap();
        client.send(Metric::new("e", 2)).await.unwrap();
        client.send(Metric::new(&owned, 2).at(SystemTime::now())).await.unwrap();
        let metric = Metric::new("f", 3);
        client.send(&metric).await.unwrap();
        client.feed(&metric).await.unwrap();
        client.feed((&owned, 4)).await.unwrap();
        client.try_feed((&owned, 4)).unwrap();
        client.try_feed(metric).unwrap();
        client.close().await.unwrap();
        assert_eq!(graphite.count(), 18);
    });
}

#[test]
fn every_form_of_a_batch_is_taken() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let client = Client::connect(graphite.address()).await.unwrap();
        let owned: Vec<Metric<'static>> = vec![Metric::new("a", 1), Metric::new("b", 2)];
        client.send_multiple(&owned).await.unwrap();
        client.send_multiple(owned.iter()).await.unwrap();
        client.send_multiple(owned.clone()).await.unwrap();
        client.send_multiple([("a", 1), ("b", 2)]).await.unwrap();
        client
            .send_multiple(vec![(String::from("a"), 1.5, 3), ("b".into(), 2.5, 4)])
            .await
            .unwrap();
        let names = [String::from("a"), String::from("b")];
        client.send_multiple(names.iter().map(|name| (name, 1.0))).await.unwrap();
        client.send_multiple(names.iter().zip([1, 2])).await.unwrap();
        client.close().await.unwrap();
        assert_eq!(graphite.count(), 14);
    });
}

#[test]
fn borrowed_batches_can_be_sent_from_a_spawned_task() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let client = Client::connect(graphite.address()).await.unwrap();
        let other = client.clone();
        let task = spawn(async move {
            let owned: Vec<Metric<'static>> = vec![Metric::new("a", 1), Metric::new("b", 2)];
            other.send_multiple(owned.iter()).await.unwrap();
            let text = String::from("c d");
            let parts: Vec<(&str, f64)> = text.split(' ').map(|part| (part, 0.5)).collect();
            other.send_multiple(parts.iter().copied()).await.unwrap();
            other.send_multiple(parts.iter().map(|(name, value)| (*name, *value))).await.unwrap();
            let name = String::from("e");
            other.send((&name, 1)).await.unwrap();
            other.feed((name.as_str(), 1)).await.unwrap();
        });
        task.await;
        client.close().await.unwrap();
        assert_eq!(graphite.paths(), ["a", "b", "c", "d", "c", "d", "e", "e"]);
    });
}

#[test]
fn every_future_can_go_to_another_thread() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let client = is_send(Client::connect("127.0.0.1:1"));
        drop(client);
        let client = is_send(Client::builder().connect(graphite.address())).await.unwrap();
        let name = String::from("a");
        is_send(client.send((&name, 1))).await.unwrap();
        is_send(client.feed((&name, 1))).await.unwrap();
        is_send(client.send_multiple([(&name, 1)])).await.unwrap();
        is_send(client.flush()).await.unwrap();
        let close = is_send(client.close());
        fn is_future<F: Future<Output = Result<(), CloseError>>>(future: F) -> F {
            future
        }
        is_future(close).await.unwrap();
    });
}

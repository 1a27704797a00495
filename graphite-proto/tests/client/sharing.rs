//! Many tasks, one client.

use std::collections::HashMap;

use crate::client::{Client, Delivery, Protocol};
use crate::rt::{self, block_on};
use crate::suite::receiver::Graphite;
use crate::suite::{assert_accounted, quick};

const TASKS: usize = 64;

async fn many_tasks(protocol: Protocol, delivery: Delivery, points: usize) {
    let graphite = Graphite::start(protocol);
    let builder = Client::builder().protocol(protocol).delivery(delivery);
    let client = builder.connect(graphite.address()).await.expect("connect");
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let client = client.clone();
            rt::spawn(async move {
                let path = format!("task.{task}");
                for i in 0..points {
                    client.send((&path, i, 1)).await.expect("sent");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await;
    }
    client.close().await.expect("close");
    let stats = client.stats();
    assert_accounted(&stats);
    assert_eq!((stats.accepted, stats.confirmed), ((TASKS * points) as u64, stats.accepted));
    let mut series: HashMap<_, Vec<_>> = HashMap::new();
    for point in graphite.points() {
        series.entry(point.path().to_owned()).or_default().push(point.value().as_f64() as usize);
    }
    assert_eq!(series.len(), TASKS);
    for (path, values) in series {
        assert!(values.iter().copied().eq(0..points), "order of {path}");
    }
    assert_eq!(graphite.connections(), 1);
}

#[test]
fn many_tasks_send_one_by_one() {
    block_on(many_tasks(Protocol::Plaintext, Delivery::default(), 1000));
}

#[test]
fn many_tasks_send_pickles() {
    block_on(many_tasks(Protocol::Pickle, Delivery::default(), 200));
}

#[test]
fn many_tasks_send_by_best_effort() {
    block_on(many_tasks(Protocol::Plaintext, Delivery::BestEffort, 200));
}

#[test]
fn tasks_mix_every_call() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let builder = quick().queue_bytes(16 << 10);
        let client = builder.connect(graphite.address()).await.unwrap();
        let tasks: Vec<_> = (0..32)
            .map(|task| {
                let client = client.clone();
                rt::spawn(async move {
                    for i in 0..200 {
                        let path = format!("t{task}.{i}");
                        match (task + i) % 5 {
                            0 => client.send((&path, i)).await.unwrap(),
                            1 => client.feed((&path, i)).await.unwrap(),
                            2 => client.send_multiple([(&path, i)]).await.unwrap(),
                            3 => {
                                client.feed((&path, i)).await.unwrap();
                                client.flush().await.unwrap();
                            }
                            _ => {
                                while client.try_feed((&path, i)).is_err() {
                                    client.flush().await.unwrap();
                                }
                            }
                        }
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await;
        }
        client.close().await.unwrap();
        assert_eq!((graphite.count(), graphite.distinct()), (6400, 6400));
    });
}

/// The receiver closes and resets while everybody sends and retries nothing.
#[test]
fn tasks_survive_a_receiver_that_comes_and_goes() {
    block_on(async {
        let mut graphite = Graphite::plaintext();
        let builder = quick().max_attempts(1_000_000);
        let client = builder.connect(graphite.address()).await.unwrap();
        let tasks: Vec<_> = (0..16)
            .map(|task| {
                let client = client.clone();
                rt::spawn(async move {
                    for i in 0..500 {
                        client.send((format!("t{task}.{i}"), i)).await.unwrap();
                    }
                })
            })
            .collect();
        for round in 1..=20 {
            graphite.received(graphite.count() + 100).await;
            if round % 2 == 0 {
                graphite.close_connections().await;
            } else {
                graphite.kill().await;
                graphite.listen();
            }
            if graphite.distinct() > 7000 {
                break;
            }
        }
        for task in tasks {
            task.await;
        }
        graphite.received_distinct(8000).await;
        client.close().await.unwrap();
        assert_eq!(client.stats().accepted, 8000);
        assert_eq!(graphite.errors(), [""; 0]);
    });
}

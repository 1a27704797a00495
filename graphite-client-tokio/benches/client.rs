//! What it takes to give points to a client, with its driver and the kernel, on loopback.
//!
//! `cargo bench -p graphite-client-tokio`. The receiver reads on a thread of its own and keeps
//! nothing. Not here: the machine alone (`cargo bench -p graphite-proto`), and the instructions
//! that a change may cost (`cargo xtask budget`).

use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use graphite_client_tokio::{Client, Metric, Protocol};
use tokio::runtime::Builder;

/// Reads whatever comes, one connection after the other, as long as the process lasts.
fn receiver() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("port");
    let address = listener.local_addr().expect("address");
    thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        for mut stream in listener.incoming().flatten() {
            while stream.read(&mut buffer).is_ok_and(|read| read > 0) {}
        }
    });
    address
}

async fn feed(client: &Client, points: &[Metric<'_>]) {
    for point in points {
        client.feed(point).await.expect("fed");
    }
    client.flush().await.expect("flushed");
}

async fn send(client: &Client, points: &[Metric<'_>]) {
    for point in points {
        client.send(point).await.expect("sent");
    }
}

async fn send_multiple(client: &Client, points: &[Metric<'_>]) {
    client.send_multiple(points).await.expect("sent");
}

fn benches(criterion: &mut Criterion) {
    let names: Vec<_> =
        (0..1_000).map(|i| format!("servers.web{i:03}.cpu.core{}.user", i % 8)).collect();
    let point = |(i, name)| Metric::new(name, i as f64 * 0.37).at(1_700_000_000);
    let points: Vec<_> = names.iter().enumerate().map(point).collect();

    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("runtime");
    let address = receiver();
    let mut group = criterion.benchmark_group("client");
    group.throughput(Throughput::Elements(points.len() as u64));
    for protocol in [Protocol::Plaintext, Protocol::Pickle] {
        let connect = Client::builder().protocol(protocol).connect(address);
        let client = runtime.block_on(connect).expect("connection");
        group.bench_function(BenchmarkId::new("feed and flush", protocol), |bencher| {
            bencher.iter(|| runtime.block_on(feed(&client, &points)));
        });
        group.bench_function(BenchmarkId::new("send one by one", protocol), |bencher| {
            bencher.iter(|| runtime.block_on(send(&client, &points)));
        });
        group.bench_function(BenchmarkId::new("send_multiple", protocol), |bencher| {
            bencher.iter(|| runtime.block_on(send_multiple(&client, &points)));
        });
        runtime.block_on(client.close()).expect("everything is read");
    }
    group.finish();
}

criterion_group!(client, benches);
criterion_main!(client);

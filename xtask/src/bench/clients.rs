//! Senders by the clients of this repository, the same code for both.
//!
//! Not here: the rows that they make, nor what they are compared with.

use std::sync::Arc;

use futures::StreamExt as _;
use futures::channel::mpsc;
use graphite_proto::Overflow;
use graphite_proto::client::{Builder, Client, Runtime};

use super::clock::{Told, Watch};
use super::job::{Job, Sender};
use super::workload::Workload;
use crate::port::Port;

/// Sends what the job says, and waits until the receiver has read it.
pub(super) async fn run<R: Runtime + Default>(job: &Job) -> crate::Result<Told> {
    let workload = Arc::new(Workload::new());
    let builder = Client::<R>::builder().protocol(job.protocol());
    if job.sender == Sender::Down {
        return down(job, &workload, builder).await;
    }
    let client = builder.connect(job.address).await?;
    let watch = Watch::start();
    match job.sender {
        Sender::Feeder => by_feeder(&client, &workload, job.cycles).await?,
        Sender::Clones | Sender::Feeders => tasks(job, &workload, &client).await?,
        Sender::SendMultiple => {
            for _ in 0..job.cycles {
                client.send_multiple(workload.points()).await?;
            }
        }
        Sender::Send => {
            for _ in 0..job.cycles {
                for point in workload.points() {
                    client.send(point).await?;
                }
            }
        }
        _ => feed(&client, &workload, job.cycles).await?,
    }
    client.flush().await?;
    client.close().await?;
    watch.stop()
}

async fn feed<R: Runtime>(
    client: &Client<R>,
    workload: &Workload,
    cycles: u64,
) -> crate::Result<()> {
    for _ in 0..cycles {
        for point in workload.points() {
            client.feed(point).await?;
        }
    }
    Ok(())
}

/// Feeds everything through a feeder.
async fn by_feeder<R: Runtime>(
    client: &Client<R>,
    workload: &Workload,
    cycles: u64,
) -> crate::Result {
    let mut feeder = client.feeder();
    for _ in 0..cycles {
        for point in workload.points() {
            feeder.feed(point).await?;
        }
    }
    Ok(feeder.flush().await?)
}

/// Feeds by tasks of the runtime, each with a clone and its share.
async fn tasks<R: Runtime + Default>(
    job: &Job,
    workload: &Arc<Workload>,
    client: &Client<R>,
) -> crate::Result {
    let (done, mut outcomes) = mpsc::unbounded();
    for _ in 0..job.tasks {
        let (client, workload, done) = (client.clone(), workload.clone(), done.clone());
        let (sender, cycles) = (job.sender, job.cycles / job.tasks);
        R::default().spawn(async move {
            let outcome = match sender {
                Sender::Feeders => by_feeder(&client, &workload, cycles).await,
                _ => feed(&client, &workload, cycles).await,
            };
            // Nobody listens any more if another has failed.
            let _ = done.unbounded_send(outcome.map_err(|error| error.to_string()));
        });
    }
    drop(done);
    while let Some(outcome) = outcomes.next().await {
        outcome?;
    }
    Ok(())
}

/// Feeds while nobody listens: the oldest points are dropped.
async fn down<R: Runtime>(
    job: &Job,
    workload: &Workload,
    builder: Builder<R>,
) -> crate::Result<Told> {
    let port = Port::new()?;
    let client = builder.overflow(Overflow::DropOldest).connect_lazy(port.address())?;
    let watch = Watch::start();
    feed(&client, workload, job.cycles).await?;
    // Not closed: that would wait for the receiver.
    watch.stop()
}

//! Sends acknowledgements for one generation of the results channel.
//!
//! No linger: it takes what is waiting, sends what [`AckWindow`] makes of it, and looks again. While a frame
//! is on its way more acknowledgements gather, so they batch by themselves under load.
//!
//! Subtle: an acknowledgement of an older generation is dropped here. Its tag means another delivery on the
//! new channel, and what it acknowledged comes again.

use lapin::Channel;
use lapin::options::BasicAckOptions;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::ack_window::AckWindow;

/// Acknowledgements folded before a frame is sent. Far above what prefetch allows to be outstanding.
const FOLD_MAX: usize = 4_096;

/// Acknowledges on `channel` until it breaks, or until `closing`, when everything is flushed.
pub(super) async fn run(
    channel: Channel,
    generation: u64,
    mut acks: mpsc::UnboundedReceiver<(u64, u64)>,
    closing: CancellationToken,
) {
    let mut window = AckWindow::default();
    let mut gathered = Vec::new();
    loop {
        let last = tokio::select! {
            // What is waiting goes first, also when closing.
            biased;
            count = acks.recv_many(&mut gathered, FOLD_MAX) => count == 0,
            () = closing.cancelled() => true,
        };
        for (of, tag) in gathered.drain(..) {
            if of == generation {
                window.acknowledge(tag);
            }
        }
        if let Err(error) = send(&channel, &mut window, last).await {
            // The reader sees the same end and starts anew; what was not acknowledged comes again.
            tracing::debug!(%error, generation, "acknowledging on a channel that is gone");
            return;
        }
        if last {
            return;
        }
    }
}

async fn send(channel: &Channel, window: &mut AckWindow, all: bool) -> Result<(), lapin::Error> {
    let frames = window.flush(all);
    if let Some(tag) = frames.up_to {
        channel
            .basic_ack(tag, BasicAckOptions { multiple: true })
            .await?;
    }
    for tag in frames.single {
        channel
            .basic_ack(tag, BasicAckOptions { multiple: false })
            .await?;
    }
    Ok(())
}

//! The connection itself, which may be told to end in the middle of an answer, to be reset, or
//! to let its bytes drip. Below HTTP, because a cut there is what a client really meets.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Sleep, sleep};
use tokio_util::sync::CancellationToken;

/// What a handler may order for the connection it answers on.
#[derive(Debug, Clone, Default)]
pub(super) struct Orders(Arc<Mutex<Order>>);

#[derive(Debug, Default)]
struct Order {
    /// Bytes that still leave before the connection ends.
    sends: Option<u64>,
    /// Bytes that are still read before the connection ends.
    reads: Option<u64>,
    /// Whether it ends by a reset.
    reset: bool,
    drip: Option<Duration>,
}

impl Orders {
    /// The answer ends after so many bytes, and the connection with it.
    pub(super) fn end_after(&self, bytes: u64, reset: bool) {
        let mut order = self.order();
        order.sends = Some(bytes);
        order.reset = reset;
    }

    /// From now on one byte at a time.
    pub(super) fn drip(&self, pause: Duration) {
        self.order().drip = Some(pause);
    }

    fn order(&self) -> std::sync::MutexGuard<'_, Order> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connected<IncomingStream<'_, Door>> for Orders {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        stream.io().orders.clone()
    }
}

/// Where connections come in.
pub(super) struct Door {
    listener: TcpListener,
    closing: CancellationToken,
    /// Asked at each new connection: after how many bytes its request is cut.
    cut: Box<dyn Fn() -> Option<u64> + Send>,
}

impl Door {
    pub(super) fn new(
        listener: TcpListener,
        closing: CancellationToken,
        cut: impl Fn() -> Option<u64> + Send + 'static,
    ) -> Self {
        Self { listener, closing, cut: Box::new(cut) }
    }
}

impl Listener for Door {
    type Io = Line;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Line, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.listener).await;
        // Answers are small and each is awaited: Nagle's delay would be all the client measures.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "the sandbox could not set TCP_NODELAY");
        }
        let orders = Orders::default();
        orders.order().reads = (self.cut)();
        (Line { stream, orders, closing: self.closing.clone(), nap: None }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// One connection.
pub(super) struct Line {
    stream: TcpStream,
    orders: Orders,
    closing: CancellationToken,
    nap: Option<Pin<Box<Sleep>>>,
}

impl Line {
    fn end(&self, reset: bool) -> io::Error {
        if reset && let Err(error) = self.stream.set_zero_linger() {
            tracing::debug!(%error, "the sandbox could not reset a connection");
        }
        io::ErrorKind::ConnectionReset.into()
    }

    /// Waits out the pause before the next byte.
    fn poll_nap(&mut self, pause: Duration, cx: &mut Context<'_>) -> Poll<()> {
        let nap = self.nap.get_or_insert_with(|| Box::pin(sleep(pause)));
        ready!(nap.as_mut().poll(cx));
        self.nap = None;
        Poll::Ready(())
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(left) = self.orders.order().reads else {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        };
        if left == 0 {
            // What can't be read is not answered either.
            self.orders.end_after(0, true);
            return Poll::Ready(Err(self.end(true)));
        }
        let mut scratch = [0; 4096];
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buf.remaining()).min(scratch.len());
        let mut part = ReadBuf::new(scratch.get_mut(..most).unwrap_or_default());
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut part))?;
        buf.put_slice(part.filled());
        let read = part.filled().len();
        self.orders.order().reads = Some(left - read as u64);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let (sends, reset, drip) = {
            let order = self.orders.order();
            (order.sends, order.reset, order.drip)
        };
        if sends == Some(0) || self.closing.is_cancelled() && drip.is_some() {
            return Poll::Ready(Err(self.end(reset)));
        }
        if let Some(pause) = drip {
            ready!(self.poll_nap(pause, cx));
        }
        let most = if drip.is_some() { 1 } else { sends.unwrap_or(u64::MAX) };
        let part = bytes.get(..usize::try_from(most).unwrap_or(usize::MAX)).unwrap_or(bytes);
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, part))?;
        if let Some(left) = &mut self.orders.order().sends {
            *left = left.saturating_sub(written as u64);
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

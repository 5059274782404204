//! A sandbox's listener.

use std::{io, net::SocketAddr};

use axum::Router;
use tokio::net::TcpListener;

use super::connection::{CuttableListener, Scissors};

/// Listens on loopback until it is stopped or dropped.
pub(crate) struct Server {
    address: SocketAddr,
    task: tokio::task::AbortHandle,
    on_stop: Box<dyn Fn() + Send + Sync>,
}

impl Server {
    /// Takes a port, 0 for any. `on_stop` lets go of whoever is left waiting.
    pub(crate) async fn start(
        port: u16,
        router: Router,
        on_stop: impl Fn() + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let address = listener.local_addr()?;
        let service = router.into_make_service_with_connect_info::<Scissors>();
        let serving = tokio::spawn(async move { axum::serve(CuttableListener(listener), service).await });
        Ok(Self {
            address,
            task: serving.abort_handle(),
            on_stop: Box::new(on_stop),
        })
    }

    /// `http://127.0.0.1:PORT`
    pub(crate) fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on connections are refused.
    pub(crate) fn stop(&self) {
        (self.on_stop)();
        self.task.abort();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

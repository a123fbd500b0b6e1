//! The handle of a running demo.

use std::{
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use tokio::{net::TcpListener, sync::Mutex, task::JoinHandle};

use crate::{
    Call, DemoOptions, FaultRule, Gate,
    authorization_server::device,
    connection::{CuttableListener, Wire},
    gate::Stage,
    pattern::Pattern,
    resource_server::Face,
    service,
    world::World,
};

/// A running demo; dropping it closes the port.
pub struct Demo {
    world: Arc<World>,
    address: SocketAddr,
    server: Mutex<Option<JoinHandle<io::Result<()>>>>,
}

/// What the holder of a device code is answered (RFC 8628 §3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Yes.
    Allow,
    /// No.
    Deny,
}

impl Demo {
    /// Binds 127.0.0.1 and serves; needs a tokio runtime. Fails when the port is taken.
    pub async fn start(options: DemoOptions) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
        let address = listener.local_addr()?;
        let origin = options.origin.clone();
        let origin = origin.unwrap_or_else(|| format!("http://{address}"));
        let demo = Self {
            world: Arc::new(World::new(origin, options)),
            address,
            server: Mutex::default(),
        };
        demo.serve(listener).await;
        Ok(demo)
    }

    /// The MCP endpoint.
    pub fn mcp_url(&self) -> String {
        self.world.url(Face::Mcp.path())
    }

    /// The endpoint of the legacy HTTP+SSE transport.
    pub fn sse_url(&self) -> String {
        self.world.url(Face::Sse.path())
    }

    /// The issuer identifier of the authorization server, verbatim.
    pub fn issuer(&self) -> String {
        self.world.issuer()
    }

    /// The resource identifier of the MCP endpoint, verbatim.
    pub fn resource(&self) -> String {
        Face::Mcp.resource(&self.world)
    }

    /// Where it listens, in plain HTTP.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:{port}`, or what the options say.
    pub fn origin(&self) -> &str {
        &self.world.origin
    }

    /// Every request so far, in the order of arrival.
    pub fn calls(&self) -> Vec<Call> {
        self.world.calls.all()
    }

    /// Every request so far that matches (see [`Pattern`]).
    pub fn calls_to(&self, pattern: &str) -> Vec<Call> {
        let pattern = Pattern::parse(pattern);
        let mut calls = self.calls();
        calls.retain(|call| pattern.matches(call));
        calls
    }

    /// How many requests match, such as `POST /token grant_type=refresh_token` (see [`Pattern`]).
    pub fn count(&self, pattern: &str) -> usize {
        self.world.calls.count(&Pattern::parse(pattern))
    }

    /// Waits until at least `least` requests match.
    pub async fn until(&self, pattern: &str, least: usize) {
        self.world.calls.until(&Pattern::parse(pattern), least).await;
    }

    /// Forgets the requests so far, to count anew.
    pub fn forget_calls(&self) {
        self.world.calls.forget();
    }

    /// Makes something go wrong from now on.
    pub fn set(&self, fault: impl Into<FaultRule>) {
        self.world.faults.set(fault.into());
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        self.world.faults.clear();
    }

    /// Holds matching requests before anything is done about them. A client that goes away undoes its request.
    pub fn hold(&self, pattern: &str) -> Gate {
        self.world.gates.hold(Pattern::parse(pattern), Stage::Request)
    }

    /// Holds the replies of matching requests, when all was done. A client that goes away undoes nothing.
    pub fn hold_reply(&self, pattern: &str) -> Gate {
        self.world.gates.hold(Pattern::parse(pattern), Stage::Reply)
    }

    /// Changes the options; what has been issued stays as it is.
    pub fn change(&self, change: impl FnOnce(&mut DemoOptions)) {
        change(&mut self.world.options_mut());
    }

    /// Ends every access token now; refresh tokens go on.
    pub fn expire_access_tokens(&self) {
        let now = self.world.now();
        self.world.ledger().expire_access_tokens(now);
    }

    /// Revokes every grant with all of its tokens.
    pub fn revoke_all(&self) {
        self.world.ledger().revoke_all();
    }

    /// Forgets every client that registered itself.
    pub fn forget_clients(&self) {
        self.world.ledger().clients.clear();
    }

    /// Answers the person in front of the device page.
    pub fn decide_device(&self, user_code: &str, decision: Decision) -> bool {
        device::decide(&self.world, user_code, decision, 0)
    }

    /// From now on proofs need other nonces (RFC 9449 §8.2).
    pub fn change_nonces(&self) {
        self.world.change_nonces();
    }

    /// From now on `other`'s authorization server guards this demo's endpoints, and our tokens are worth nothing here.
    pub fn move_to(&self, other: &Demo) {
        other
            .world
            .welcome(Face::ALL.map(|face| face.resource(&self.world)).into());
        self.world.set_authority(Arc::clone(&other.world));
    }

    /// Tells everyone who listens that the list of tools changed.
    pub fn tools_changed(&self) {
        self.world.mcp.tools_changed();
    }

    /// Ends every `subscriptions/listen` stream in good order.
    pub fn end_listeners(&self) {
        self.world.mcp.end_listeners();
    }

    /// Forgets every MCP session: the next request of each answers 404.
    pub fn end_sessions(&self) {
        self.world.mcp.sessions.end_all();
    }

    /// How many MCP sessions there are.
    pub fn sessions(&self) -> usize {
        self.world.mcp.sessions.count()
    }

    /// Cuts every connection, streams included; new ones are served.
    pub fn cut_connections(&self) {
        self.world.wires.cut_all();
    }

    /// Closes the port and every connection; everything issued is kept for [`Self::resume`].
    pub async fn stop(&self) {
        let Some(server) = self.server.lock().await.take() else {
            return;
        };
        self.world.closing.send_replace(true);
        self.world.wires.cut_all();
        // It ends by itself now; how is of no interest.
        let _ = server.await;
    }

    /// Opens the same port again after [`Self::stop`].
    pub async fn resume(&self) -> io::Result<()> {
        let listener = TcpListener::bind(self.address).await?;
        self.world.closing.send_replace(false);
        self.serve(listener).await;
        Ok(())
    }

    async fn serve(&self, listener: TcpListener) {
        let listener = CuttableListener {
            listener,
            wires: self.world.wires.clone(),
        };
        let service = service::router(Arc::clone(&self.world)).into_make_service_with_connect_info::<Wire>();
        let mut closing = self.world.closing.subscribe();
        let closed = async move {
            // The world outlives its server, so an error means the same.
            let _ = closing.wait_for(|closing| *closing).await;
        };
        let server = axum::serve(listener, service).with_graceful_shutdown(closed);
        *self.server.lock().await = Some(tokio::spawn(async move { server.await }));
    }
}

impl fmt::Debug for Demo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Demo({})", self.origin())
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.world.closing.send_replace(true);
        self.world.wires.cut_all();
    }
}

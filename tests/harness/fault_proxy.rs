//! A network that fails on demand, between a server and its PostgreSQL.
//!
//! It knows just enough of the wire protocol (PostgreSQL documentation, chapter "Frontend/Backend Protocol") to
//! tell statements and COMMIT apart: a typed message is a letter, its length, its body. It speaks no TLS.

use std::{
    collections::VecDeque,
    io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
    task::{AbortHandle, JoinHandle},
    time::sleep,
};

/// Where the database is.
#[derive(Clone, Debug)]
pub enum Upstream {
    /// Host and port.
    Tcp(String, u16),
    /// A socket file.
    Unix(PathBuf),
}

/// What every connection meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// All passes.
    Clear,
    /// Nothing passes, and nobody is told.
    Silent,
    /// Connections are reset, new ones as well.
    Broken,
    /// Each answer takes this long.
    Slow(Duration),
}

/// The weather, and which connections are beyond it.
#[derive(Clone, Copy, Debug)]
struct Sky {
    weather: Weather,
    /// Connections of earlier eras are stranded.
    era: u32,
}

/// Where something happens once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// At the next COMMIT.
    Commit,
    /// At this statement from now, BEGIN and COMMIT not counted; the next one is 1.
    Statement(usize),
}

/// What happens there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The database does it; the connection is reset before its answer passes.
    LoseAnswer,
    /// The connection is reset and the database never hears of it.
    LoseRequest,
    /// The connection is reset, and the database hears of it this much later.
    Late(Duration),
    /// It is answered with an error of this SQLSTATE, and not done.
    Refuse(&'static str),
}

/// A proxy that listens on loopback until it is dropped.
#[derive(Debug)]
pub struct FaultProxy {
    port: u16,
    shared: Arc<Shared>,
    listening: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    upstream: Upstream,
    sky: watch::Sender<Sky>,
    plan: Mutex<VecDeque<(Point, Fault)>>,
    /// Each with its era.
    connections: Mutex<Vec<(u32, AbortHandle)>>,
}

impl FaultProxy {
    /// Listens on a free port.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub async fn start(upstream: Upstream) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared {
            upstream,
            sky: watch::Sender::new(Sky { weather: Weather::Clear, era: 0 }),
            plan: Mutex::default(),
            connections: Mutex::default(),
        });
        let serving = Arc::clone(&shared);
        let listening = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let connection = tokio::spawn(connection(Arc::clone(&serving), stream));
                let era = serving.sky.borrow().era;
                lock(&serving.connections).push((era, connection.abort_handle()));
            }
        });
        Ok(Self { port, shared, listening })
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Changes what all connections meet from now on.
    pub fn set(&self, weather: Weather) {
        self.shared.sky.send_modify(|sky| sky.weather = weather);
    }

    /// Connections that are open now stay so and carry nothing any more, as after a failover to another machine.
    pub fn strand(&self) {
        self.shared.sky.send_modify(|sky| sky.era += 1);
    }

    /// Plans what happens once, after everything that was planned before.
    pub fn at(&self, point: Point, fault: Fault) {
        lock(&self.shared.plan).push_back((point, fault));
    }

    /// Whether everything that was planned has happened.
    pub fn is_done(&self) -> bool {
        lock(&self.shared.plan).is_empty()
    }

    /// How many connections are open. Of stranded ones nobody can tell.
    pub fn connections(&self) -> usize {
        let era = self.shared.sky.borrow().era;
        let connections = lock(&self.shared.connections);
        connections.iter().filter(|(of, connection)| *of == era && !connection.is_finished()).count()
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.listening.abort();
        for (_, connection) in lock(&self.shared.connections).drain(..) {
            connection.abort();
        }
    }
}

impl Shared {
    /// What is planned for this message, if it is due.
    fn due(&self, message: &Message) -> Option<Fault> {
        let mut plan = lock(&self.plan);
        let (point, fault) = plan.front_mut()?;
        match point {
            Point::Commit if message.is_commit() => {}
            Point::Statement(left) if message.is_statement() => {
                *left = left.saturating_sub(1);
                if *left > 0 {
                    return None;
                }
            }
            _ => return None,
        }
        let fault = *fault;
        plan.pop_front();
        Some(fault)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A message of the client, as it came.
struct Message {
    kind: u8,
    bytes: Vec<u8>,
}

impl Message {
    fn is_commit(&self) -> bool {
        self.kind == b'Q' && self.bytes[5..].starts_with(b"COMMIT")
    }

    /// Bind is what runs a prepared statement, once each time.
    fn is_statement(&self) -> bool {
        self.kind == b'B'
    }

    /// Takes the first whole message. The very first of a connection has no letter.
    fn take(buffer: &mut Vec<u8>, is_first: bool) -> Option<Self> {
        let start = usize::from(!is_first);
        let length: [u8; 4] = buffer.get(start..start + 4)?.try_into().ok()?;
        let end = start + u32::from_be_bytes(length) as usize;
        if buffer.len() < end {
            return None;
        }
        let rest = buffer.split_off(end);
        let bytes = std::mem::replace(buffer, rest);
        Some(Self { kind: if is_first { 0 } else { bytes[0] }, bytes })
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

async fn connection(shared: Arc<Shared>, mut client: TcpStream) {
    let mut sky = shared.sky.subscribe();
    let server: io::Result<Box<dyn Stream>> = match &shared.upstream {
        Upstream::Tcp(host, port) => {
            TcpStream::connect((host.as_str(), *port)).await.map(|stream| Box::new(stream) as _)
        }
        Upstream::Unix(path) => UnixStream::connect(path).await.map(|stream| Box::new(stream) as _),
    };
    let Ok(mut server) = server else { return };
    let is_broken = tokio::select! {
        _ = sky.wait_for(|sky| sky.weather == Weather::Broken) => true,
        passed = pass(&shared, &mut client, &mut server) => passed.is_err(),
    };
    if is_broken {
        let _ = client.set_zero_linger();
    }
}

/// Waits until something may pass.
async fn fair(sky: &mut watch::Receiver<Sky>, era: u32) {
    let _ = sky.wait_for(|sky| sky.weather != Weather::Silent && sky.era == era).await;
}

/// Carries bytes both ways until an end, or a fault that resets the client (an error).
async fn pass(shared: &Shared, client: &mut TcpStream, server: &mut Box<dyn Stream>) -> io::Result<()> {
    let mut sky = shared.sky.subscribe();
    let era = sky.borrow().era;
    let (mut asked, mut answer) = (Vec::new(), vec![0; 16 * 1_024]);
    let mut is_first = true;
    loop {
        fair(&mut sky, era).await;
        tokio::select! {
            read = client.read_buf(&mut asked) => {
                fair(&mut sky, era).await;
                if read? == 0 {
                    return Ok(());
                }
                while let Some(message) = Message::take(&mut asked, is_first) {
                    is_first = false;
                    match shared.due(&message) {
                        Some(fault) => strike(fault, message, client, server, &mut asked).await?,
                        None => server.write_all(&message.bytes).await?,
                    }
                }
            }
            read = server.read(&mut answer) => {
                fair(&mut sky, era).await;
                let weather = sky.borrow().weather;
                if let Weather::Slow(pause) = weather {
                    sleep(pause).await;
                }
                let read = read?;
                if read == 0 {
                    return Ok(());
                }
                client.write_all(&answer[..read]).await?;
            }
        }
    }
}

/// Carries out a fault at a message; an error resets the client.
async fn strike(
    fault: Fault,
    message: Message,
    client: &mut TcpStream,
    server: &mut Box<dyn Stream>,
    asked: &mut Vec<u8>,
) -> io::Result<()> {
    let reset = || Err(io::Error::from(io::ErrorKind::ConnectionReset));
    match fault {
        Fault::LoseRequest => reset(),
        Fault::LoseAnswer => {
            server.write_all(&message.bytes).await?;
            if !message.is_commit() {
                for message in rest(client, asked).await? {
                    server.write_all(&message.bytes).await?;
                }
            }
            until_ready(server).await?;
            reset()
        }
        Fault::Late(pause) => {
            client.set_zero_linger()?;
            // The client's half ends with the swap; the server hears the rest later.
            let mut server = std::mem::replace(server, Box::new(tokio::io::empty()));
            tokio::spawn(async move {
                sleep(pause).await;
                if server.write_all(&message.bytes).await.is_ok() {
                    let _ = until_ready(&mut server).await;
                }
            });
            reset()
        }
        Fault::Refuse(code) => {
            let is_commit = message.is_commit();
            if is_commit {
                server.write_all(b"Q\0\0\0\x0dROLLBACK\0").await?;
                until_ready(server).await?;
            } else {
                rest(client, asked).await?;
            }
            client.write_all(&refusal(code, if is_commit { b'I' } else { b'E' })).await
        }
    }
}

/// What else belongs to a statement: it ends with Sync.
async fn rest(client: &mut TcpStream, asked: &mut Vec<u8>) -> io::Result<Vec<Message>> {
    let mut messages = Vec::new();
    loop {
        while let Some(message) = Message::take(asked, false) {
            let is_last = message.kind == b'S';
            messages.push(message);
            if is_last {
                return Ok(messages);
            }
        }
        if client.read_buf(asked).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// Reads what the server says until it is ready for the next query; none of it passes.
async fn until_ready(server: &mut Box<dyn Stream>) -> io::Result<()> {
    let mut said = Vec::new();
    loop {
        while let Some(message) = Message::take(&mut said, false) {
            if message.kind == b'Z' {
                return Ok(());
            }
        }
        if server.read_buf(&mut said).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// An error response and the transaction's state: `E` in a failed one, `I` outside any.
fn refusal(code: &str, state: u8) -> Vec<u8> {
    let fields = format!("SERROR\0VERROR\0C{code}\0Mrefused on demand\0\0");
    let length = u32::try_from(fields.len() + 4).unwrap_or(u32::MAX);
    let mut bytes = vec![b'E'];
    bytes.extend(length.to_be_bytes());
    bytes.extend(fields.as_bytes());
    bytes.extend([b'Z', 0, 0, 0, 5, state]);
    bytes
}

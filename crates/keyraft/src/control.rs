//! The socket in the data folder through which whoever governs this machine speaks to the running node.
//!
//! `keyraft cluster …` connects to it, writes one line of JSON and reads one. The folder around it is its
//! owner's alone, and the kernel tells who connects: the owner of the folder, or root. So there is no port, no
//! password and nothing to configure (see the decision record 0014).

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail};
use keyraft_cluster::{Operation, Operators, Status};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream},
};

/// Longest question, in bytes.
const QUESTION_MAX: u64 = 4_096;
/// How long whoever connects may take to ask.
const ASKING: Duration = Duration::from_secs(5);

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Question {
    /// How is the cluster?
    Status,
    /// Look for nodes at this address as well.
    Join(String),
    /// Leave the cluster.
    Leave,
    /// Remove a member that does not answer.
    Remove(String),
    /// Have that member lead, or whoever is best.
    Transfer(Option<String>),
    /// Form the cluster anew with the fresh nodes that are here.
    Reform,
    /// Write a snapshot.
    Snapshot,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    /// It is done.
    Done,
    /// To `status`, and why this node is not ready, if it is not.
    Status {
        /// The cluster.
        status: Status,
        /// This node.
        unready: Option<String>,
    },
    /// Not done, and why.
    Failed(String),
}

/// Where the socket is.
fn place(data_dir: &Path) -> PathBuf {
    data_dir.join("control").join("socket")
}

/// Listens until the process ends.
///
/// # Errors
/// What the file system refuses; another process that listens there.
pub(crate) async fn listen(data_dir: &Path, operators: Operators) -> anyhow::Result<()> {
    let (folder, socket) = (data_dir.join("control"), place(data_dir));
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&folder);
    made.with_context(|| format!("cannot make {}", folder.display()))?;
    let metadata = fs::metadata(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    if metadata.mode() & 0o077 != 0 {
        bail!(
            "{} must be its owner's alone (chmod 700): who may write there governs the cluster",
            folder.display()
        );
    }
    if UnixStream::connect(&socket).await.is_ok() {
        bail!("another process serves {}", data_dir.display());
    }
    match fs::remove_file(&socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot replace {}", socket.display()));
        }
        _ => {}
    }
    let listener = UnixListener::bind(&socket)
        .with_context(|| format!("cannot listen at {}; a shorter data_dir may help", socket.display()))?;
    tokio::spawn(serve(listener, operators, metadata.uid()));
    Ok(())
}

async fn serve(listener: UnixListener, operators: Operators, owner: u32) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) if may_govern(&stream, owner) => {
                tokio::spawn(answer(stream, operators.clone()));
            }
            Ok(_) => tracing::warn!("somebody else's process was turned away from the control socket"),
            Err(error) => {
                tracing::warn!(%error, "the control socket took no connection");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

/// The folder's mode says the same; the kernel's word holds even where somebody has loosened it.
fn may_govern(stream: &UnixStream, owner: u32) -> bool {
    stream.peer_cred().is_ok_and(|peer| peer.uid() == owner || peer.uid() == 0)
}

async fn answer(stream: UnixStream, operators: Operators) {
    let (from, mut to) = stream.into_split();
    let mut line = String::new();
    let mut from = BufReader::new(from.take(QUESTION_MAX));
    let asked = tokio::time::timeout(ASKING, from.read_line(&mut line)).await;
    let answer = match asked.map(|_| serde_json::from_str(&line)) {
        Ok(Ok(question)) => carry_out(question, &operators).await,
        Ok(Err(_)) => Answer::Failed("this node is of another version than the command".to_owned()),
        Err(_) => return,
    };
    let Ok(mut text) = serde_json::to_vec(&answer) else { return };
    text.push(b'\n');
    // Whoever has gone away needs no answer.
    let _ = to.write_all(&text).await;
}

async fn carry_out(question: Question, operators: &Operators) -> Answer {
    let operation = match question {
        Question::Status => {
            return match operators.status().await {
                Ok(status) => Answer::Status { status, unready: operators.unready() },
                Err(error) => Answer::Failed(error.to_string()),
            };
        }
        Question::Join(address) => Operation::Join(address),
        Question::Leave => Operation::Leave,
        Question::Remove(name) => Operation::Remove(name),
        Question::Transfer(name) => Operation::Transfer(name),
        Question::Reform => Operation::Reform,
        Question::Snapshot => Operation::Snapshot,
    };
    tracing::info!(?operation, "an operator asks");
    match operators.operate(operation).await {
        Ok(()) => Answer::Done,
        Err(error) => Answer::Failed(error.to_string()),
    }
}

/// Asks the node that runs in a data folder.
///
/// # Errors
/// No node runs there, or it went away.
pub(crate) async fn ask(data_dir: &Path, question: &Question) -> anyhow::Result<Answer> {
    let socket = place(data_dir);
    let stream = UnixStream::connect(&socket).await;
    let mut stream = stream.with_context(|| {
        format!("no node of a cluster runs in {}: {} does not answer", data_dir.display(), socket.display())
    })?;
    let mut line = serde_json::to_vec(question)?;
    line.push(b'\n');
    stream.write_all(&line).await?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).await?;
    serde_json::from_str(&answer).context("the node gave no answer")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("keyraft-control-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        folder
    }

    #[tokio::test]
    async fn the_owner_is_answered_and_a_second_node_does_not_take_over() {
        let data = folder("owner");
        listen(&data, Operators::default()).await.expect("listens");

        let answer = ask(&data, &Question::Status).await.expect("answers");

        assert!(matches!(answer, Answer::Failed(why) if why.contains("stopped")));
        assert!(listen(&data, Operators::default()).await.is_err());
        fs::remove_dir_all(data).expect("to clean up");
    }

    #[tokio::test]
    async fn a_folder_that_others_may_enter_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let data = folder("open");
        fs::create_dir_all(data.join("control")).expect("a folder");
        fs::set_permissions(data.join("control"), fs::Permissions::from_mode(0o755)).expect("a mode");

        let error = listen(&data, Operators::default()).await.expect_err("refused");

        assert!(error.to_string().contains("chmod 700"), "{error}");
        fs::remove_dir_all(data).expect("to clean up");
    }

    #[tokio::test]
    async fn what_is_no_question_is_answered_with_a_sentence() {
        let data = folder("garbled");
        listen(&data, Operators::default()).await.expect("listens");
        let mut stream = UnixStream::connect(place(&data)).await.expect("connects");
        stream.write_all(b"{\"dance\":1}\n").await.expect("writes");
        let mut answer = String::new();

        BufReader::new(stream).read_line(&mut answer).await.expect("an answer");

        assert!(answer.contains("another version"), "{answer}");
        fs::remove_dir_all(data).expect("to clean up");
    }
}

//! A process that a test starts, and that ends with the test.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use uuid::Uuid;

/// A running program with a folder of its own; both go away when the value is dropped.
#[derive(Debug)]
pub struct Child {
    process: std::process::Child,
    folder: PathBuf,
    name: String,
}

impl Child {
    /// Makes an empty folder for a program called `name`.
    ///
    /// # Errors
    /// What the file system refuses.
    pub fn folder(name: &str) -> Result<PathBuf> {
        let folder = std::env::temp_dir().join(format!("keyraft-test-{name}-{}", Uuid::new_v4().simple()));
        std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
        Ok(folder)
    }

    /// Starts `command`; what it says goes to `log` in `folder`, which is removed at the end.
    ///
    /// # Errors
    /// The program cannot be started.
    pub fn start(name: &str, folder: PathBuf, command: &mut Command) -> Result<Self> {
        let log = File::create(folder.join("log"))?;
        let process = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        Ok(Self { process, folder, name: name.to_owned() })
    }

    /// Waits until `ready` says yes.
    ///
    /// # Errors
    /// The program has ended, or is not ready after a minute; the error carries the end of its log.
    pub async fn wait_until(&mut self, mut ready: impl AsyncFnMut() -> bool) -> Result<()> {
        let started = Instant::now();
        while started.elapsed() < Duration::from_mins(1) {
            if ready().await {
                return Ok(());
            }
            if let Some(status) = self.process.try_wait()? {
                bail!("{} ended ({status}):\n{}", self.name, self.log());
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        bail!("{} is not ready after a minute:\n{}", self.name, self.log())
    }

    /// Ends the program without warning and starts `command` in its place; the log goes on.
    ///
    /// # Errors
    /// The program cannot be started.
    pub fn crash(&mut self, command: &mut Command) -> Result<()> {
        self.kill()?;
        self.start_again(command)
    }

    /// Ends the program without warning.
    ///
    /// # Errors
    /// What the kernel refuses.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// Asks the program to end, and waits until it has.
    ///
    /// # Errors
    /// It does not end within a minute.
    pub async fn terminate(&mut self) -> Result<()> {
        self.ask_to_end();
        let asked = Instant::now();
        while asked.elapsed() < Duration::from_mins(1) {
            if self.process.try_wait()?.is_some() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bail!("{} does not end:\n{}", self.name, self.log())
    }

    /// Starts `command` in the place of the program that has ended; the log goes on.
    ///
    /// # Errors
    /// The program cannot be started.
    pub fn start_again(&mut self, command: &mut Command) -> Result<()> {
        let log = File::options().append(true).open(self.folder.join("log"))?;
        let command = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        self.process = command.spawn().with_context(|| format!("starting {} again", self.name))?;
        Ok(())
    }

    /// The program is running.
    ///
    /// # Errors
    /// It has ended; the error carries the end of its log.
    pub fn still_runs(&mut self) -> Result<()> {
        if let Some(status) = self.process.try_wait()? {
            bail!("{} ended ({status}):\n{}", self.name, self.log());
        }
        Ok(())
    }

    /// The id of the process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Everything that the program has written.
    pub fn whole_log(&self) -> String {
        std::fs::read(self.folder.join("log"))
            .map(|log| String::from_utf8_lossy(&log).into_owned())
            .unwrap_or_default()
    }

    /// The last lines of what the program has written.
    pub fn log(&self) -> String {
        let text = self.whole_log();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    /// The folder that goes away with the program.
    pub fn path(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.end();
        // A folder that stays behind harms nothing.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Child {
    /// Asks the program to end, so that it can end what it has started itself; insists after 5 seconds.
    fn end(&mut self) {
        if !matches!(self.process.try_wait(), Ok(None)) {
            return;
        }
        self.ask_to_end();
        let asked = Instant::now();
        while asked.elapsed() < Duration::from_secs(5) {
            if !matches!(self.process.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Child {
    fn ask_to_end(&self) {
        let Ok(id) = i32::try_from(self.process.id()) else { return };
        if let Some(pid) = rustix::process::Pid::from_raw(id) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
    }
}

/// A port of 127.0.0.1 that nothing listens on.
///
/// # Errors
/// No port is free.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

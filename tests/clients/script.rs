//! A program in another language that plays the application: it gets and gives one line of JSON at a time.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// A running program; it ends when the value is dropped.
#[derive(Debug)]
pub(crate) struct Script {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    errors: ChildStderr,
}

impl Script {
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().with_context(|| format!("starting {command:?}"))?;
        let input = process.stdin.take().context("no standard input")?;
        let output = BufReader::new(process.stdout.take().context("no standard output")?);
        let errors = process.stderr.take().context("no standard error")?;
        Ok(Self { process, input, output, errors })
    }

    pub(crate) fn say(&mut self, value: &Value) -> Result<()> {
        Ok(writeln!(self.input, "{value}")?)
    }

    pub(crate) fn hear(&mut self) -> Result<Value> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        if line.is_empty() {
            let mut why = String::new();
            self.errors.read_to_string(&mut why)?;
            bail!("the program has ended: {why}");
        }
        Ok(serde_json::from_str(&line)?)
    }

    /// The next line's `url`.
    pub(crate) fn hear_url(&mut self) -> Result<String> {
        let line = self.hear()?;
        Ok(line["url"].as_str().with_context(|| format!("no address: {line}"))?.to_owned())
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

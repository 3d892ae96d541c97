//! Chromium, driven through Debian's chromium-driver.
//!
//! Every browser has a profile of its own, which goes away with it. It is asked like a person would: by what is
//! on the page, and with patience, because pages take their time.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use thirtyfour::extensions::query::ElementQueryable as _;
use thirtyfour::{By, ChromiumLikeCapabilities as _, DesiredCapabilities, WebDriver, WebElement};

use crate::child::{Child, free_port};
use crate::otp::code_now;
use crate::realm::Person;
use crate::skip::skip;
use crate::tools::find_program;

/// How long a page may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often it is looked at meanwhile.
const GLANCE: Duration = Duration::from_millis(40);

/// What a browser's window is like.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Width and height in CSS pixels.
    pub size: (u32, u32),
    /// Whether the person prefers dark pages.
    pub dark: bool,
    /// Whether pages may run script.
    pub script: bool,
}

impl Default for Window {
    fn default() -> Self {
        Self { size: (1000, 760), dark: false, script: true }
    }
}

/// A running Chromium; it ends when the value is dropped.
#[derive(Debug)]
pub struct Browser {
    /// Present until the browser ends.
    driver: Option<WebDriver>,
    port: u16,
    _chromedriver: Child,
}

impl Browser {
    /// Opens a window, or skips the test (`None`) on a machine without Chromium.
    ///
    /// # Errors
    /// Chromium does not start.
    pub async fn open(window: Window) -> Result<Option<Self>> {
        let (Some(chromium), Some(chromedriver)) = (find_program("chromium"), find_program("chromedriver"))
        else {
            skip("chromium and chromium-driver are not installed");
            return Ok(None);
        };
        let (port, folder) = (free_port()?, Child::folder("chromium")?);
        let mut capabilities = DesiredCapabilities::chrome();
        capabilities.set_binary(&chromium.to_string_lossy())?;
        let profile = format!("--user-data-dir={}", folder.join("profile").display());
        let (width, height) = window.size;
        let size = format!("--window-size={width},{height}");
        for argument in ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"] {
            capabilities.add_arg(argument)?;
        }
        for argument in ["--disable-background-networking", "--disable-component-update", "--disable-sync"] {
            capabilities.add_arg(argument)?;
        }
        for argument in ["--disable-dev-shm-usage", "--hide-scrollbars", "--lang=en", &profile, &size] {
            capabilities.add_arg(argument)?;
        }
        let mut command = Command::new(chromedriver);
        command.arg(format!("--port={port}")).current_dir(&folder);
        let mut child = Child::start("chromedriver", folder, &mut command)?;
        let mut driver = None;
        let url = format!("http://127.0.0.1:{port}");
        child
            .wait_until(async || {
                driver = WebDriver::new(&url, capabilities.clone()).await.ok();
                driver.is_some()
            })
            .await?;
        let browser = Self { driver, port, _chromedriver: child };
        browser.furnish(window).await?;
        Ok(Some(browser))
    }

    async fn furnish(&self, window: Window) -> Result<()> {
        let (width, height) = window.size;
        let metrics =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500 });
        self.tell("Emulation.setDeviceMetricsOverride", metrics).await?;
        let scheme = if window.dark { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.tell("Emulation.setEmulatedMedia", features).await?;
        if !window.script {
            self.tell("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await?;
        }
        Ok(())
    }

    async fn tell(&self, method: &str, parameters: Value) -> Result<()> {
        self.driver().cdp().send_raw(method, parameters).await?;
        Ok(())
    }

    /// What drives the browser, for what is not offered here.
    ///
    /// # Panics
    /// Never: it is there until the end.
    pub fn driver(&self) -> &WebDriver {
        self.driver.as_ref().expect("the driver is there until the end")
    }

    /// Opens an address.
    ///
    /// # Errors
    /// The page does not load.
    pub async fn go(&self, url: &str) -> Result<()> {
        self.driver().goto(url).await.with_context(|| format!("opening {url}"))
    }

    /// The address that is shown.
    ///
    /// # Errors
    /// The browser is gone.
    pub async fn url(&self) -> Result<String> {
        Ok(self.driver().current_url().await?.to_string())
    }

    /// The first element that a CSS selector finds, as soon as it is there.
    ///
    /// # Errors
    /// It does not come; the error says what is on the page instead.
    pub async fn find(&self, css: &str) -> Result<WebElement> {
        match self.driver().query(By::Css(css)).wait(PATIENCE, GLANCE).first().await {
            Ok(element) => Ok(element),
            Err(_) => bail!("no {css} on {}: {}", self.url().await?, self.words().await?),
        }
    }

    /// Whether a CSS selector finds something at this moment.
    ///
    /// # Errors
    /// The browser is gone.
    pub async fn has(&self, css: &str) -> Result<bool> {
        Ok(!self.driver().find_all(By::Css(css)).await?.is_empty())
    }

    /// The text of an element, as soon as it is there.
    ///
    /// # Errors
    /// It does not come.
    pub async fn text(&self, css: &str) -> Result<String> {
        Ok(self.find(css).await?.text().await?)
    }

    /// All that the page says.
    ///
    /// # Errors
    /// The browser is gone.
    pub async fn words(&self) -> Result<String> {
        Ok(self.driver().find(By::Css("body")).await?.text().await?)
    }

    /// What a field holds.
    ///
    /// # Errors
    /// There is no such field.
    pub async fn value(&self, css: &str) -> Result<String> {
        Ok(self.find(css).await?.prop("value").await?.unwrap_or_default())
    }

    /// Empties a field and types into it.
    ///
    /// # Errors
    /// There is no such field.
    pub async fn fill(&self, css: &str, text: &str) -> Result<()> {
        let field = self.find(css).await?;
        field.clear().await?;
        field.send_keys(text).await.with_context(|| format!("typing into {css}"))
    }

    /// Presses a button or follows a link.
    ///
    /// # Errors
    /// There is none.
    pub async fn press(&self, css: &str) -> Result<()> {
        self.find(css).await?.click().await.with_context(|| format!("pressing {css}"))
    }

    /// Waits until the address begins with `start`.
    ///
    /// # Errors
    /// It does not.
    pub async fn arrive(&self, start: &str) -> Result<()> {
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            if self.url().await?.starts_with(start) {
                return Ok(());
            }
            tokio::time::sleep(GLANCE).await;
        }
        bail!("not at {start} but at {}: {}", self.url().await?, self.words().await?)
    }

    /// Runs script in the page and returns what it returns; it works on pages that may not run their own.
    ///
    /// # Errors
    /// The script throws.
    pub async fn run(&self, script: &str) -> Result<Value> {
        Ok(self.driver().execute(script, Vec::new()).await?.json().clone())
    }

    /// Fills in the sign-in page that is shown, with a one-time code if it is asked for.
    ///
    /// # Errors
    /// No such page.
    pub async fn sign_in(&self, person: &Person) -> Result<()> {
        self.fill("#username", &person.name).await?;
        self.fill("#password", &person.password).await?;
        self.press("#kc-login").await?;
        if !person.otp_secret.is_empty() {
            self.fill("#otp", &code_now(&person.otp_secret)).await?;
            self.press("#kc-login").await?;
        }
        Ok(())
    }

    /// Opens another tab and shows it.
    ///
    /// # Errors
    /// The browser is gone.
    pub async fn another_tab(&self) -> Result<()> {
        let tab = self.driver().new_tab().await?;
        Ok(self.driver().switch_to_window(tab).await?)
    }

    /// Shows the tab that was opened as number `n`, from 0.
    ///
    /// # Errors
    /// There is none.
    pub async fn tab(&self, n: usize) -> Result<()> {
        let tabs = self.driver().windows().await?;
        let tab = tabs.get(n).context("no such tab")?.clone();
        Ok(self.driver().switch_to_window(tab).await?)
    }

    /// A picture of the window, as PNG.
    ///
    /// # Errors
    /// The browser is gone.
    pub async fn picture(&self) -> Result<Vec<u8>> {
        let picture = self.driver().screenshot_as_png().await?;
        ensure!(!picture.is_empty(), "an empty picture");
        Ok(picture)
    }
}

impl Drop for Browser {
    /// Ends Chromium before its driver, which would leave it running.
    fn drop(&mut self) {
        let Some(driver) = self.driver.take() else { return };
        let session = driver.handle().session_id().to_string();
        // The driver's own ending needs a runtime that is not waiting for it; only an ended session cannot be left.
        let _ = driver.leak();
        if let Err(error) = end_session(self.port, &session) {
            crate::skip::say(&format!("a browser stays behind: {error}"));
        }
    }
}

/// Asks chromedriver to end a session, and waits for the answer.
fn end_session(port: u16, session: &str) -> std::io::Result<()> {
    let mut connection = TcpStream::connect(("127.0.0.1", port))?;
    connection.set_read_timeout(Some(PATIENCE))?;
    write!(
        connection,
        "DELETE /session/{session} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
    )?;
    // "HTTP/1.1 200": it answers when Chromium has ended.
    connection.read_exact(&mut [0; 12])
}

//! Apache with `mod_auth_openidc`, as Debian ships them.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use keyraft_harness::{Agent, Child, Keyraft, Realm, find_program, free_port, skip};
use serde_json::json;

use crate::{KEYRAFT, SECRET};

/// Where Debian keeps Apache's modules.
const MODULES: &str = "/usr/lib/apache2/modules";

#[tokio::test]
async fn apache_lets_in_whom_the_server_knows() -> Result<()> {
    let module = Path::new(MODULES).join("mod_auth_openidc.so");
    let Some(apache) = find_program("apache2").filter(|_| module.exists()) else {
        skip("apache2 and libapache2-mod-auth-openidc are not installed");
        return Ok(());
    };
    let keyraft = Keyraft::start(KEYRAFT).await?;
    let realm = keyraft.realm("apache", json!({})).await?;
    let alice = realm.person("alice").await?;
    let port = free_port()?;
    let site = format!("http://localhost:{port}");
    let client = json!({
        "secret": SECRET, "redirectUris": [format!("{site}/private/callback")],
        "attributes": { "post.logout.redirect.uris": format!("{site}/public.txt") },
    });
    realm.client("apache", client).await?;
    let folder = Child::folder("apache")?;
    furnish(&folder, port, &realm)?;
    let mut command = Command::new(apache);
    command.args(["-D", "FOREGROUND", "-f"]).arg(folder.join("apache.conf"));
    let mut server = Child::start("apache", folder, &mut command)?;
    let public = format!("{site}/public.txt");
    server
        .wait_until(async || keyraft.http().get(&public).send().await.is_ok_and(|a| a.status() == 200))
        .await?;

    // Apache's own cookies and the server's are both on localhost, in one browser.
    let mut browser = Agent::new(&keyraft).at_home_on(&keyraft, &site);
    let secret = format!("{site}/private/page.txt");
    let page = browser.sign_in_to(&secret, &alice).await.with_context(|| server.log())?;
    assert_eq!((page.url.as_str(), page.status), (secret.as_str(), 200), "{}", server.log());
    assert_eq!(page.body.trim(), "only for alice", "{}", server.log());

    let away = format!("{site}/private/callback?logout={}", public.replace(':', "%3A").replace('/', "%2F"));
    let back = browser.open(&away).await?;
    assert_eq!((back.url.as_str(), back.body.trim()), (public.as_str(), "for all"));
    let again = browser.open(&secret).await?;
    assert!(again.form()?.has("password"), "signed out: {}", again.body);
    Ok(())
}

/// Writes a site with one page for all and one for `alice`.
fn furnish(folder: &Path, port: u16, realm: &Realm<'_>) -> Result<()> {
    let root = folder.join("site");
    std::fs::create_dir_all(root.join("private"))?;
    std::fs::write(root.join("public.txt"), "for all\n")?;
    std::fs::write(root.join("private/page.txt"), "only for alice\n")?;
    let mut text = String::new();
    for name in ["mpm_event", "authn_core", "authz_core", "authz_user", "mime", "auth_openidc"] {
        writeln!(text, "LoadModule {name}_module {MODULES}/mod_{name}.so")?;
    }
    let (folder, root, issuer) = (folder.display(), root.display(), realm.issuer());
    write!(
        text,
        r#"
ServerRoot "{folder}"
ServerName localhost
PidFile "{folder}/apache.pid"
DefaultRuntimeDir "{folder}"
Mutex file:{folder}
ErrorLog "|/bin/cat"
LogLevel warn
Listen 127.0.0.1:{port}
User www-data
Group www-data
DocumentRoot "{root}"
TypesConfig /dev/null
AddType text/plain .txt
StartServers 1
ThreadsPerChild 8
MaxRequestWorkers 16
OIDCProviderMetadataURL {issuer}/.well-known/openid-configuration
OIDCClientID apache
OIDCClientSecret "{SECRET}"
OIDCRedirectURI http://localhost:{port}/private/callback
OIDCCryptoPassphrase "a passphrase of this test"
OIDCScope "openid email profile"
OIDCRemoteUserClaim preferred_username
OIDCPKCEMethod S256
OIDCSSLValidateServer Off
<Directory "{root}">
  Require all granted
</Directory>
<Location "/private">
  AuthType openid-connect
  Require user alice
</Location>
"#
    )?;
    let folder = folder.to_string();
    std::fs::write(Path::new(&folder).join("apache.conf"), text)?;
    // Apache's workers run as another user and must get at the site.
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755))?;
    Ok(())
}

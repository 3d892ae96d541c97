//! Somebody else's library reads every kind of token that is issued: what two implementations agree on is the
//! standard and not our idea of it.

use anyhow::{Context as _, Result, ensure};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use keyraft_harness::Agent;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpListener,
};
use url::Url;

use crate::{forge::Forge, keyraft, shop::Shop};

/// Claims of a token that is of that algorithm, issuer and audience; `None` as audience for tokens that name none.
fn claims(
    token: &str,
    key: &DecodingKey,
    algorithm: Algorithm,
    issuer: &str,
    audience: Option<&str>,
) -> Result<Value> {
    ensure!(decode_header(token)?.alg == algorithm, "{:?}", decode_header(token)?);
    let mut expected = Validation::new(algorithm);
    expected.set_issuer(&[issuer]);
    expected.required_spec_claims.clear();
    match audience {
        Some(audience) => expected.set_audience(&[audience]),
        None => expected.validate_aud = false,
    }
    let read = decode::<Value>(token, key, &expected)?.claims;

    let (signed, signature) = token.rsplit_once('.').context("three parts")?;
    let (header, payload) = signed.split_once('.').context("three parts")?;
    let other = if payload.ends_with('A') { "Q" } else { "A" };
    let changed = format!("{header}.{}{other}.{signature}", &payload[..payload.len() - 1]);
    ensure!(decode::<Value>(&changed, key, &expected).is_err(), "a changed token is taken");
    Ok(read)
}

/// The published key that a token names.
fn key_of(published: &JwkSet, token: &str) -> Result<DecodingKey> {
    let id = decode_header(token)?.kid.context("no kid")?;
    Ok(DecodingKey::from_jwk(published.find(&id).with_context(|| format!("{id} is not published"))?)?)
}

/// Waits for one form that is posted and answers it; returns the value of `logout_token`.
async fn told(listener: TcpListener) -> Result<String> {
    let (stream, _) = listener.accept().await?;
    let mut stream = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        match line.trim_end().split_once(':') {
            None if line.trim_end().is_empty() => break,
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse()?;
            }
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await?;
    let text = String::from_utf8(body)?;
    let token = text.split('&').find_map(|field| field.strip_prefix("logout_token="));
    token.map(str::to_owned).with_context(|| text.clone())
}

#[tokio::test]
async fn every_kind_of_token_is_what_another_library_takes_it_for() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("kinds", json!({})).await?;
    let alice = realm.person("alice").await?;
    let issuer = realm.issuer();

    for (name, algorithm) in
        [("RS256", Algorithm::RS256), ("ES256", Algorithm::ES256), ("EdDSA", Algorithm::EdDSA)]
    {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let client = format!("shop-{name}");
        let attributes = json!({
            "access.token.signed.response.alg": name, "id.token.signed.response.alg": name,
            "user.info.response.signature.alg": name, "backchannel.logout.session.required": "true",
            "backchannel.logout.url": format!("http://127.0.0.1:{}/told", listener.local_addr()?.port()),
        });
        let shop = Shop::open_with(&realm, &client, json!({ "attributes": attributes })).await?;
        let told = tokio::spawn(told(listener));
        let mut agent = Agent::new(&keyraft);
        let tokens = shop.redeem(&shop.code(&mut agent, &alice).await?).await?;
        let account = shop.token(&[("grant_type", "client_credentials"), ("scope", "openid")]).await?;
        let published = keyraft.http().get(realm.endpoint("certs")).send().await?;
        let published: JwkSet = published.json().await?;

        for (token, audience) in [
            (tokens.text("access_token")?, None),
            (tokens.text("id_token")?, Some(client.as_str())),
            (account.text("access_token")?, None),
        ] {
            let read = claims(token, &key_of(&published, token)?, algorithm, &issuer, audience)?;
            assert_eq!(read["azp"], json!(client), "{name}: {read}");
        }
        let request = keyraft.http().get(realm.endpoint("userinfo"));
        let answer = request.bearer_auth(tokens.text("access_token")?).send().await?;
        assert_eq!(answer.headers()["content-type"], "application/jwt");
        let info = answer.text().await?;
        let read = claims(&info, &key_of(&published, &info)?, algorithm, &issuer, Some(&client))?;
        assert_eq!(read["sub"], json!(alice.id), "{name}: {read}");

        let hint = [("id_token_hint", tokens.text("id_token")?)];
        let logout = Url::parse_with_params(&realm.endpoint("logout"), hint)?;
        keyraft.http().get(logout).send().await?;
        let notice = told.await??;
        let read = claims(&notice, &key_of(&published, &notice)?, algorithm, &issuer, Some(&client))?;
        assert!(read["events"]["http://schemas.openid.net/event/backchannel-logout"].is_object(), "{read}");
    }
    Ok(())
}

#[tokio::test]
async fn refresh_tokens_are_signed_with_the_realms_secret() -> Result<()> {
    let keyraft = keyraft().await?;
    let forge = Forge::new()?;
    let realm = forge.realm(&keyraft, "secrets").await?;
    let shop = Shop::open(&realm, "shop").await?;
    let alice = realm.person("alice").await?;
    let (key, issuer) = (DecodingKey::from_secret(forge.secret()), realm.issuer());

    let tokens = shop.sign_in(&alice).await?;
    let form = [("grant_type", "password"), ("username", "alice"), ("password", &*alice.password)];
    let offline = shop.token(&[&form[..], &[("scope", "openid offline_access")]].concat()).await?;

    for (tokens, kind) in [(&tokens, "Refresh"), (&offline, "Offline")] {
        let token = tokens.text("refresh_token")?;
        let read = claims(token, &key, Algorithm::HS512, &issuer, Some(&issuer))?;
        assert_eq!((&read["typ"], &read["azp"]), (&json!(kind), &json!("shop")), "{read}");
    }
    Ok(())
}

// A Node application with openid-client, told what to do line by line: see ../script.rs.
import { createInterface } from 'node:readline'
import * as client from 'openid-client'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const hear = async () => JSON.parse((await lines.next()).value)
const say = value => console.log(JSON.stringify(value))
const refusal = promise => promise.then(() => 'no error', error => error.error ?? String(error))

const { issuer, id, secret, redirect, home } = await hear()
const config = await client.discovery(new URL(issuer), id, secret, undefined, {
  execute: [client.allowInsecureRequests]
})

// PKCE, state, nonce; once plain, once with the parameters pushed (RFC 9126) where they can be.
const begin = async build => {
  const checks = {
    pkceCodeVerifier: client.randomPKCECodeVerifier(),
    expectedState: client.randomState(),
    expectedNonce: client.randomNonce(),
    idTokenExpected: true
  }
  const url = await build(config, {
    redirect_uri: redirect,
    scope: 'openid profile email',
    code_challenge: await client.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: checks.expectedState,
    nonce: checks.expectedNonce
  })
  say({ url: url.href })
  const { callback } = await hear()
  return client.authorizationCodeGrant(config, new URL(callback), checks)
}

const tokens = await begin(client.buildAuthorizationUrl)
const pushes = config.serverMetadata().pushed_authorization_request_endpoint
const pushed = await begin(pushes ? client.buildAuthorizationUrlWithPAR : client.buildAuthorizationUrl)
const claims = tokens.claims()
const info = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
const fresh = await client.refreshTokenGrant(config, tokens.refresh_token)
const seen = await client.tokenIntrospection(config, fresh.access_token)
const own = await client.clientCredentialsGrant(config)
await client.tokenRevocation(config, fresh.refresh_token)
const spent = await refusal(client.refreshTokenGrant(config, fresh.refresh_token))
const wrong = await refusal(client.fetchUserInfo(config, 'not a token', claims.sub))
const out = client.buildEndSessionUrl(config, { id_token_hint: pushed.id_token, post_logout_redirect_uri: home })
say({
  name: claims.preferred_username,
  same: pushed.claims().sub === claims.sub,
  email: info.email,
  active: seen.active,
  own: own.token_type,
  spent,
  wrong,
  out: out.href
})

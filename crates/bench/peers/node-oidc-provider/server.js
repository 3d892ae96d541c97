// node-oidc-provider as a peer of the benchmark: in memory, with the clients and the person that it expects.
//
//   npm ci && NODE_ENV=production node server.js [PORT]
//
// Clients whose names end in an algorithm get access tokens that are JWTs, as Keyraft's are. The provider refuses
// such tokens at introspection and userinfo; client `bench`, with which these are measured, gets opaque ones.

import { createServer } from 'node:http';
import { once } from 'node:events';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { hash, verify } from '@node-rs/argon2';
import Provider from 'oidc-provider';

const port = Number(process.argv[2] ?? 8490);
const issuer = `http://127.0.0.1:${port}`;
const RESOURCE = 'urn:bench:resource';
const ALGORITHMS = { 'bench-rs256': 'RS256', 'bench-es256': 'ES256', 'bench-eddsa': 'EdDSA' };

const key = (type, options, alg) => ({
  ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }), alg, use: 'sig', kid: alg,
});

const client = (client_id) => ({
  client_id,
  client_secret: 'bench-secret',
  redirect_uris: ['http://127.0.0.1:9/cb'],
  grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
  id_token_signed_response_alg: ALGORITHMS[client_id] ?? 'RS256',
});

// Keycloak's default: Argon2id, 7 MiB, 5 passes.
const argon2id = { algorithm: 2, version: 1, memoryCost: 7168, timeCost: 5, parallelism: 1, outputLen: 32 };
const person = { sub: 'bench', name: 'Ben Bench', email: 'bench@example.com', email_verified: true };
const passwordHash = await hash('bench-password', argon2id);

const provider = new Provider(issuer, {
  clients: ['bench', ...Object.keys(ALGORITHMS)].map(client),
  cookies: { keys: [randomBytes(32).toString('base64url')] },
  jwks: {
    keys: [
      key('rsa', { modulusLength: 2048 }, 'RS256'),
      key('ec', { namedCurve: 'P-256' }, 'ES256'),
      key('ed25519', {}, 'EdDSA'),
    ],
  },
  enabledJWA: { idTokenSigningAlgValues: ['RS256', 'ES256', 'EdDSA'] },
  claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'] },
  findAccount: (_, accountId) => ({ accountId, claims: () => ({ ...person, sub: accountId }) }),
  ttl: { AccessToken: 3600, ClientCredentials: 3600, RefreshToken: 36000, Session: 36000, Grant: 36000 },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  issueRefreshToken: (_, { clientId }) => clientId in ALGORITHMS,
  expiresWithSession: () => false,
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    resourceIndicators: {
      enabled: true,
      defaultResource: (_, { clientId }) => (clientId in ALGORITHMS ? RESOURCE : undefined),
      useGrantedResource: () => true,
      getResourceServerInfo: (_, resource, { clientId }) => ({
        scope: 'resource',
        audience: resource,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: ALGORITHMS[clientId] } },
      }),
    },
  },
  // Nobody is asked whether a client may: nor are people at Keyraft and Keycloak.
  async loadExistingGrant({ oidc }) {
    const known = oidc.session.grantIdFor(oidc.client.clientId);
    if (known) return oidc.provider.Grant.find(known);
    const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
    grant.addOIDCScope('openid profile email');
    grant.addResourceScope(RESOURCE, 'resource');
    await grant.save();
    return grant;
  },
});

const page = (uid) => `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Sign in</title></head><body>
<form action="/interaction/${uid}" method="post">
<label>User name <input name="login" autocomplete="username" required></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required></label>
<button>Sign in</button></form></body></html>`;

async function interact(request, response) {
  const { uid } = await provider.interactionDetails(request, response);
  if (request.method === 'GET') {
    response.setHeader('Content-Type', 'text/html; charset=utf-8').end(page(uid));
    return;
  }
  let body = '';
  request.on('data', (part) => { body += part; });
  await once(request, 'end');
  const form = new URLSearchParams(body);
  const right = await verify(passwordHash, form.get('password') ?? '') && form.get('login') === 'bench';
  if (!right) {
    response.writeHead(401).end();
    return;
  }
  await provider.interactionFinished(request, response, { login: { accountId: 'bench' } });
}

const protocol = provider.callback();
createServer((request, response) => {
  if (!request.url.startsWith('/interaction/')) {
    protocol(request, response);
    return;
  }
  interact(request, response).catch((error) => response.writeHead(400).end(String(error)));
}).listen(port, '127.0.0.1', () => console.log(`${issuer},${process.pid}`));

"""A Python application with Authlib, told what to do line by line: see ../script.rs."""

import json
import os
import sys

from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.jose import JsonWebKey, jwt
from authlib.oidc.core import CodeIDToken, UserInfo

# The server is on this machine and speaks plain http.
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"


def hear():
    return json.loads(sys.stdin.readline())


def say(value):
    print(json.dumps(value), flush=True)


told = hear()
plain = OAuth2Session()
plain.trust_env = False
metadata = plain.request("GET", told["issuer"] + "/.well-known/openid-configuration", withhold_token=True).json()
keys = plain.request("GET", metadata["jwks_uri"], withhold_token=True).json()

session = OAuth2Session(
    told["id"],
    told["secret"],
    redirect_uri=told["redirect"],
    scope="openid profile email",
    code_challenge_method="S256",
    token_endpoint=metadata["token_endpoint"],
)
session.trust_env = False
verifier = "a code verifier has at least forty-three characters".replace(" ", "-")
url, state = session.create_authorization_url(
    metadata["authorization_endpoint"], code_verifier=verifier, nonce="only once"
)
say({"url": url})
callback = hear()["callback"]
token = session.fetch_token(
    metadata["token_endpoint"], authorization_response=callback, state=state, code_verifier=verifier
)

claims = jwt.decode(
    token["id_token"],
    JsonWebKey.import_key_set(keys),
    claims_cls=CodeIDToken,
    claims_options={"iss": {"value": metadata["issuer"]}, "aud": {"value": told["id"]}},
    claims_params={"nonce": "only once", "client_id": told["id"], "access_token": token["access_token"]},
)
claims.validate(leeway=5)

info = UserInfo(session.get(metadata["userinfo_endpoint"]).json())
fresh = session.refresh_token(metadata["token_endpoint"], refresh_token=token["refresh_token"])
seen = session.introspect_token(metadata["introspection_endpoint"], token=fresh["access_token"]).json()
given = session.revoke_token(metadata["revocation_endpoint"], token=fresh["refresh_token"])
try:
    session.refresh_token(metadata["token_endpoint"], refresh_token=fresh["refresh_token"])
    spent = "no error"
except OAuthError as error:
    spent = error.error
service = OAuth2Session(told["id"], told["secret"])
service.trust_env = False
own = service.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")
say(
    {
        "name": claims["preferred_username"],
        "email": info.email,
        "active": seen["active"],
        "given": given.status_code,
        "spent": spent,
        "own": own["token_type"],
    }
)

"""Gets client tokens with Authlib, by each way that a client authenticates, and calls Latchkey with them. Prints what it saw as JSON."""

import json
import os
import sys

# The server under test has no TLS.
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.jwk import ECKey
import requests

issuer, client_id, key_client_id = sys.argv[1:]
secret, private_key = os.environ["CLIENT_SECRET"], ECKey.import_key(json.loads(os.environ["PRIVATE_KEY"]))
metadata = requests.get(f"{issuer}/.well-known/oauth-authorization-server", timeout=10).json()
endpoint = metadata["token_endpoint"]


def session(method):
    if method == "private_key_jwt":
        by_key = PrivateKeyJWT(endpoint, headers={"kid": private_key.kid}, alg="ES256")
        return OAuth2Session(key_client_id, private_key, token_endpoint_auth_method=by_key)
    return OAuth2Session(client_id, secret, token_endpoint_auth_method=method)


def send(caller, email):
    response = caller.post(
        f"{issuer}/latchkey.v1.AuthService/SendOtp",
        json={"email": email, "createUserIfMissing": True},
        headers={"connect-protocol-version": "1"},
        timeout=10,
    )
    return {"status": response.status_code, "challenge": "challenge" in response.json()}


seen = {}
for method in ["client_secret_basic", "client_secret_post", "private_key_jwt"]:
    caller = session(method)
    token = caller.fetch_token(endpoint, grant_type="client_credentials", scope="otp:send")
    seen[method] = {
        "tokenType": token["token_type"],
        "expiresIn": token["expires_in"],
        "scope": token.get("scope"),
        "sent": send(caller, f"{method.replace('_', '-')}@python.example.com"),
    }

try:
    wrong = OAuth2Session(client_id, f"{secret[:-1]}{'A' if secret[-1] != 'A' else 'B'}", token_endpoint_auth_method="client_secret_basic")
    wrong.fetch_token(endpoint, grant_type="client_credentials")
    seen["wrongSecret"] = "accepted"
except Exception as error:
    seen["wrongSecret"] = getattr(error, "error", str(error))

introspected = session("client_secret_basic")
introspected.fetch_token(endpoint, grant_type="client_credentials")
answer = introspected.introspect_token(metadata["introspection_endpoint"], token=introspected.token["access_token"]).json()
seen["introspected"] = {"active": answer["active"], "clientId": answer.get("client_id")}
print(json.dumps(seen))

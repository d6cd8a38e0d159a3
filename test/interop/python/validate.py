"""Validates access tokens as a resource server that knows its issuer alone: a token a line in, a JSON answer a line out."""

import json
import sys
import urllib.request

import jwt

issuer, keys_max_age = sys.argv[1], float(sys.argv[2])

with urllib.request.urlopen(f"{issuer}/.well-known/openid-configuration") as response:
    metadata = json.load(response)
if metadata["issuer"] != issuer:
    sys.exit("the metadata speaks for another issuer")
keys = jwt.PyJWKClient(metadata["jwks_uri"], lifespan=keys_max_age)

for line in sys.stdin:
    token = line.strip()
    try:
        key = keys.get_signing_key_from_jwt(token)
        claims = jwt.decode(
            token,
            key,
            audience=issuer,
            issuer=issuer,
            options={"require": ["iss", "aud", "sub", "client_id", "iat", "exp", "jti"]},
        )
        answer = {"sub": claims["sub"]}
    except jwt.PyJWTError as error:
        answer = {"refused": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)

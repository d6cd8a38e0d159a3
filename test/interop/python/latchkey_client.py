"""Calls a method of src/client/python/latchkey.py. Reads what to call as JSON from the command line, and prints the result as JSON."""

import json
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../../src/client/python"))

from latchkey import Latchkey, LatchkeyError

settings, method, given = (json.loads(text) for text in sys.argv[1:])
latchkey = Latchkey(
    settings["baseUrl"],
    client_id=settings.get("clientId", ""),
    client_secret=os.environ.get("CLIENT_SECRET", ""),
    timeout=settings.get("timeout", 10.0),
)
ip = given.pop("endUserIp", "")
try:
    if method == "send":
        result = latchkey.send(end_user_ip=ip, **given)
    elif method == "verify":
        result = latchkey.verify(given.pop("challengeId"), given.pop("code"), end_user_ip=ip, **given)
    elif method == "refresh":
        result = latchkey.refresh(given["refreshToken"], end_user_ip=ip)
    else:
        result = latchkey.client_token(**given)
    print(json.dumps({"result": result}))
except LatchkeyError as error:
    fields = {"reason": error.reason, "message": error.message, "code": error.code, "status": error.status}
    print(json.dumps({"error": {**fields, "retryAfter": error.retry_after, "cause": error.metadata.get("cause"), "text": str(error)}}))

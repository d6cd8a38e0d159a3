"""Requests and checks pins over HTTP with requests, as Beem's users do. Prints status and body as JSON."""

import json
import os
import sys

import requests

base, what, *given = sys.argv[1:]
key = (os.environ["API_KEY"], os.environ["SECRET_KEY"])
paths = {"request": "/v1/request", "verify": "/v1/verify"}
bodies = {"request": ("appId", "msisdn"), "verify": ("pinId", "pin")}
body = dict(zip(bodies[what], given))
if what == "request":
    body["appId"] = int(body["appId"])
answer = requests.post(base + paths[what], json=body, auth=key, timeout=10)
print(json.dumps({"status": answer.status_code, "body": answer.json()}))

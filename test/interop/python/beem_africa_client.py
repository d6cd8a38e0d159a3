"""Requests and checks pins with the package beem-africa. Only the host is changed. Prints the package's answer as JSON."""

import json
import os
import sys

import BeemAfrica
from BeemAfrica import OTP

base, what, *given = sys.argv[1:]
# The module has replaced itself by an instance, so its constants are reached through the method that its decorator wraps.
constants = type(sys.modules["BeemAfrica.OTP"]).send_otp.__closure__[0].cell_contents.__globals__
for name in ("BASE_OTP_URL", "BASE_VERIFY_URL"):
    constants[name] = constants[name].replace("https://apiotp.beem.africa", base)

BeemAfrica.Authorize(os.environ["API_KEY"], os.environ["SECRET_KEY"])
if what == "request":
    app_id, msisdn = given
    body = OTP.send_otp(msisdn, app_id=int(app_id))
else:
    body = OTP.verify(*given)
# The package gives no status.
print(json.dumps({"status": None, "body": body}))

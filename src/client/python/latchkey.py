"""A client of Latchkey for backends in Python 3.9 and later. It is one file and needs the standard library alone: copy it.

    latchkey = Latchkey("https://auth.example.com", client_id="shop-backend", client_secret=secret)
    challenge = latchkey.send(email="ada@example.com", end_user_ip=request.remote_addr)
    signed_in = latchkey.verify(challenge["challengeId"], code, end_user_ip=request.remote_addr)

Requests take the names of fields in docs/api.md, such as `create_user_if_missing`. Answers are dictionaries with the names in JSON, such
as `challengeId`. Every failure is a LatchkeyError.
"""

import base64
import http.client
import json
import urllib.error
import urllib.parse
import urllib.request

ANSWER_MAX_BYTES = 1024 * 1024


class LatchkeyError(Exception):
    """A call that failed.

    reason: Latchkey's reason, such as CODE_INVALID or TOO_MANY_REQUESTS. UNREACHABLE: no answer came, perhaps because of the timeout; the
        call may have had its effect. UNEXPECTED: the answer is not Latchkey's, as from a proxy.
    message: one sentence that says what is wrong.
    code: the code of Connect, such as `unauthenticated`. Empty without an answer of Latchkey.
    status: the HTTP status. 0: no answer came.
    retry_after: seconds to wait before a repeat. None: the answer names none.
    metadata: what the reason adds, such as `cause` for a code that fails.
    """

    def __init__(self, reason, message, *, code="", status=0, retry_after=None, metadata=None):
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message
        self.code = code
        self.status = status
        self.retry_after = retry_after
        self.metadata = metadata or {}


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the secret and the code to another address."""

    def redirect_request(self, *_):
        return None


class Latchkey:
    """Calls Latchkey as one client. It holds no connection and no state, so threads may share it."""

    def __init__(self, base_url, *, client_id="", client_secret="", timeout=10.0):
        """client_id: empty for the default client. client_secret: that of a confidential client; empty for a public one.

        timeout: seconds to wait for the connection, and for each part of the answer.
        """
        self._base_url = base_url.rstrip("/")
        self._timeout = timeout
        self._headers = {"content-type": "application/json", "connect-protocol-version": "1", "user-agent": "latchkey-python"}
        if client_secret:
            pair = f"{urllib.parse.quote_plus(client_id)}:{urllib.parse.quote_plus(client_secret)}"
            self._headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        elif client_id:
            self._headers["x-latchkey-client"] = client_id
        self._opener = urllib.request.build_opener(_NoRedirects())

    def send(self, *, end_user_ip="", **fields):
        """Sends a code, by SendOtp: pass `email`, `phone`, `username` or `user_id`, or `challenge_id` to send it again.

        Returns the challenge. end_user_ip: the address of the user, by which the limits of a confidential client count.
        """
        return self.call("AuthService/SendOtp", fields, end_user_ip=end_user_ip)["challenge"]

    def verify(self, challenge_id, code, *, end_user_ip="", **fields):
        """Redeems a code, by VerifyOtp. Returns `tokens`, `user` and what else the purpose gives."""
        request = {"challenge_id": challenge_id, "code": code, **fields}
        return self.call("AuthService/VerifyOtp", request, end_user_ip=end_user_ip)

    def refresh(self, refresh_token, *, end_user_ip="", **fields):
        """Exchanges a refresh token, by RefreshToken. Returns the new tokens, which replace the old ones."""
        request = {"refresh_token": refresh_token, **fields}
        return self.call("AuthService/RefreshToken", request, end_user_ip=end_user_ip)["tokens"]

    def client_token(self, *, scope=""):
        """Gets a token of this confidential client, by IssueClientToken. Returns `accessToken`, `tokenType`, `expiresIn` and `scope`."""
        return self.call("TokenService/IssueClientToken", {"scope": scope})

    def call(self, method, fields, *, end_user_ip=""):
        """Calls any method, such as `UserService/GetUser`."""
        headers = {**self._headers, **({"x-latchkey-end-user-ip": end_user_ip} if end_user_ip else {})}
        url = f"{self._base_url}/latchkey.v1.{method}"
        request = urllib.request.Request(url, json.dumps(fields).encode(), headers, method="POST")
        try:
            with self._opener.open(request, timeout=self._timeout) as response:
                return _object(response.read(ANSWER_MAX_BYTES), response.status)
        except urllib.error.HTTPError as error:
            with error:
                raise _refusal(error) from None
        except (OSError, http.client.HTTPException) as error:
            cause = getattr(error, "reason", None) or error
            raise LatchkeyError("UNREACHABLE", f"Latchkey did not answer: {cause}.") from error


def _object(text, status):
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise LatchkeyError("UNEXPECTED", f"The answer with status {status} is not Latchkey's. Check the URL.", status=status)
    return answer


def _refusal(error):
    try:
        answer = _object(error.read(ANSWER_MAX_BYTES), error.code)
    except (LatchkeyError, OSError, http.client.HTTPException):
        answer = {}
    details = answer.get("details")
    for detail in details if isinstance(details, list) else []:
        info = detail.get("debug") if isinstance(detail, dict) else None
        if isinstance(info, dict) and detail.get("type") == "google.rpc.ErrorInfo" and "reason" in info:
            return LatchkeyError(
                info["reason"],
                str(answer.get("message", "")),
                code=str(answer.get("code", "")),
                status=error.code,
                retry_after=_seconds(error.headers.get("retry-after")),
                metadata=info.get("metadata"),
            )
    message = f"The answer with status {error.code} is not Latchkey's. Check the URL."
    return LatchkeyError("UNEXPECTED", message, status=error.code)


def _seconds(text):
    return int(text) if text is not None and text.isdigit() else None

"""A real OpenID Connect provider in a process of its own, which can be told to misbehave.

`python -m tests.console.provider` serves the published package `oidc-provider-mock` (discovery,
sign-in form, token endpoint, signed tokens, key set) and tells its port. In front of it stands
`Crooked`, which a test can tell to change what goes out; it then signs with a key of its own.
"""

import base64
import hashlib
import hmac
import io
import json
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterable
from typing import Any

import httpx

CLIENT, SECRET = "northlight console", "a secret/with+signs"  # as a provider may well make them

#: Everything here is plain http: no need to read the world's certificates each time.
_PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class OrganisationProvider:
    """The process, as a test handles it. `issuer` is the name under which it signs."""

    def __init__(self) -> None:
        command = [sys.executable, "-W", "ignore", "-m", "tests.console.provider"]
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._process.stdout is not None
        self.issuer = f"http://localhost:{int(self._process.stdout.readline())}"
        self.control = f"{self.issuer}/crooked"

    async def be(self, **how: Any) -> None:
        """How it misbehaves from now on, see Crooked; nothing: not at all."""
        async with httpx.AsyncClient(verify=_PLAIN) as http:
            (await http.put(self.control, json=how)).raise_for_status()

    async def asked(self) -> list[dict[str, str]]:
        """What its token endpoint was sent since the last `be`."""
        async with httpx.AsyncClient(verify=_PLAIN) as http:
            found: list[dict[str, str]] = (await http.get(self.control)).json()
        return found

    async def sign_in(self, url: str, sub: str = "sub-of-ana", *, refuse: bool = False) -> str:
        """What a person does on its page; returns where it sends the browser."""
        form = {"action": "deny"} if refuse else {"sub": sub}
        async with httpx.AsyncClient(verify=_PLAIN) as http:
            assert (await http.get(url)).status_code == 200
            answer = await http.post(url, data=form)
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    def stop(self) -> None:
        """It is away."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


class Crooked:
    """WSGI around the provider.

    `description`: replaces parts of its discovery document. `claims`: replaces claims of each ID
    token (null: takes one out) and signs it anew; `alg`: with this algorithm. `other_keys`: the
    key set is another one under the same name. `fails`: path -> status. `twice`: the token
    endpoint gives its last answer again, whatever is asked.
    """

    def __init__(self, app: Any) -> None:
        from joserfc.jwk import RSAKey

        self._app = app
        self._how: dict[str, Any] = {}
        self._asked: list[dict[str, str]] = []
        self._last = b""
        self._keys = [RSAKey.generate_key(2048, {"kid": "own"}) for _ in range(2)]

    def __call__(self, environ: dict[str, Any], begin: Callable[..., Any]) -> Iterable[bytes]:
        from werkzeug.test import run_wsgi_app
        from werkzeug.wrappers import Request, Response

        sent = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(sent)
        request, path = Request(environ), environ["PATH_INFO"]
        if path == "/crooked":
            if request.method == "PUT":
                self._how, self._asked = request.get_json(), []
            return Response(json.dumps(self._asked), mimetype="application/json")(environ, begin)
        if status := self._how.get("fails", {}).get(path):
            return Response("<h1>out of order</h1>", status)(environ, begin)
        if path == "/oauth2/token":
            authorization = request.headers.get("Authorization", "")
            self._asked.append({"authorization": authorization, **request.form})
            if self._how.get("twice") and self._last:
                return Response(self._last, mimetype="application/json")(environ, begin)
        environ["wsgi.input"] = io.BytesIO(sent)
        chunks, status, headers = run_wsgi_app(self._app, environ, buffered=True)
        body = self._changed(path, b"".join(chunks))
        if b"id_token" in body:
            self._last = body
        headers["Content-Length"] = str(len(body))
        begin(status, list(headers))
        return [body]

    def _changed(self, path: str, body: bytes) -> bytes:
        if path == "/.well-known/openid-configuration":
            return json.dumps({**json.loads(body), **self._how.get("description", {})}).encode()
        if path == "/jwks" and "claims" in self._how:
            key = self._keys[1 if self._how.get("other_keys") else 0]
            return json.dumps({"keys": [key.as_dict(private=False)]}).encode()
        if path == "/oauth2/token" and "claims" in self._how and b"id_token" in body:
            return json.dumps({**json.loads(body), "id_token": self._signed(body)}).encode()
        return body

    def _signed(self, body: bytes) -> str:
        from joserfc import jwt

        part = json.loads(body)["id_token"].split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=="))
        claims = {**claims, **self._how["claims"]}
        claims = {name: value for name, value in claims.items() if value is not None}
        alg = self._how.get("alg", "RS256")
        header = {"alg": alg, "kid": "own"}
        if alg in ("none", "HS256"):  # no signature, or the public key taken for a secret
            parts = b".".join(_base64(json.dumps(one).encode()) for one in (header, claims))
            public = self._keys[0].as_pem(private=False)
            mark = hmac.new(public, parts, hashlib.sha256).digest() if alg == "HS256" else b""
            return (parts + b"." + _base64(mark)).decode()
        return jwt.encode(header, claims, self._keys[0], algorithms=[alg])


def _base64(text: bytes) -> bytes:
    return base64.urlsafe_b64encode(text).rstrip(b"=")


def main() -> None:
    """Serves until it is killed."""
    import oidc_provider_mock
    from werkzeug.serving import make_server

    server = make_server("localhost", 0, Crooked(oidc_provider_mock.app()), threaded=True)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()

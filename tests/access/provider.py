"""An identity provider that signs people in, and misbehaves on request."""

from __future__ import annotations

import hmac
import http.server
import json
import secrets
import time
from base64 import urlsafe_b64encode
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from listening import listening
from wayfare.access.oauth.endpoint import s256

CLIENT, SECRET = "wayfare-1", "a secret/with@signs"


class Provider(http.server.ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.issuer = f"http://127.0.0.1:{self.server_address[1]}/realm"
        self.key: Any = RSAKey.generate_key(2048, {"kid": "r1"})
        self.person: dict[str, Any] = {"sub": "s-42", "email": "ada@example.com", "email_verified": True}
        self.person["preferred_username"] = "ada"
        self.codes: dict[str, dict[str, str]] = {}
        self.claims: dict[str, Any] = {}  # what an ID token says otherwise
        self.sign = self.sign_well
        self.told_issuer = self.issuer
        self.told_endpoint: Any = f"{self.issuer}/authorize?kind=web"
        self.key_requests = 0

    def sign_in(self, url: str) -> dict[str, str]:
        """What a browser does that is sent to `url`: gives the query that it comes back with."""
        asked = dict(parse_qsl(urlsplit(url).query))
        assert asked["client_id"] == CLIENT
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(8)
        self.codes[code] = asked
        return {"code": code, "state": asked["state"], "iss": self.issuer}

    def token(self, form: dict[str, str]) -> dict[str, Any] | None:
        asked = self.codes.pop(form.get("code", ""), None)
        right = asked is not None and (
            form.get("client_id") == CLIENT
            and form.get("client_secret") == SECRET
            and form.get("redirect_uri") == asked["redirect_uri"]
            and s256(form.get("code_verifier", "")) == asked["code_challenge"]
        )
        if asked is None or not right:
            return None
        now = int(time.time())
        said = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        said = {**said, **self.person, **self.claims}
        return {"access_token": "x", "token_type": "Bearer", "id_token": self.sign(said)}

    def sign_well(self, said: dict[str, Any]) -> str:
        algorithm = "RS256" if isinstance(self.key, RSAKey) else "ES256"
        return jwt.encode({"alg": algorithm, "kid": self.key.kid}, said, self.key, [algorithm])

    def sign_with_the_secret(self, said: dict[str, Any]) -> str:
        """As HS256, with what everybody can know: the public key."""
        signing_input = f"{_b64({'alg': 'HS256', 'kid': self.key.kid})}.{_b64(said)}"
        mac = hmac.digest(self.key.as_pem(private=False), signing_input.encode(), "sha256")
        return f"{signing_input}.{urlsafe_b64encode(mac).rstrip(b'=').decode()}"

    def sign_with_another_key(self, said: dict[str, Any]) -> str:
        return jwt.encode({"alg": "ES256", "kid": self.key.kid}, said, ECKey.generate_key("P-256"), ["ES256"])

    def sign_not(self, said: dict[str, Any]) -> str:
        return f"{_b64({'alg': 'none'})}.{_b64(said)}."


def _b64(value: dict[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


class Answers(http.server.BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self) -> None:
        base = self.server.issuer
        if self.path == "/realm/.well-known/openid-configuration":
            told = {"issuer": self.server.told_issuer, "authorization_endpoint": self.server.told_endpoint}
            self.answer(200, {**told, "token_endpoint": f"{base}/token", "jwks_uri": f"{base}/keys"})
        elif self.path == "/realm/keys":
            self.server.key_requests += 1
            other = RSAKey.generate_key(2048, {"kid": "old"}).as_dict(private=False)
            self.answer(200, {"keys": [self.server.key.as_dict(private=False), other]})
        elif self.path.startswith("/realm/authorize"):  # a person who is signed in there is sent back at once
            asked = dict(parse_qsl(urlsplit(self.path).query))
            self.send_response(302)
            self.send_header("Location", f"{asked['redirect_uri']}?{urlencode(self.server.sign_in(self.path))}")
            self.end_headers()
        else:
            self.answer(404, {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        told = self.server.token({name: values[0] for name, values in parse_qs(body).items()})
        self.answer(200, told) if told else self.answer(400, {"error": "invalid_grant"})

    def answer(self, status: int, value: dict[str, Any]) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def running() -> AbstractContextManager[Provider]:
    return listening(Provider())


def url_of(provider: Provider) -> str:
    scheme, _, rest = provider.issuer.partition("://")
    return f"{scheme}://{quote(CLIENT, safe='')}:{quote(SECRET, safe='')}@{rest}"

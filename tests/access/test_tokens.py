"""Tokens: twelve ways of tampering (check 1), secrets that are too short (check 2), and keys that change."""

from __future__ import annotations

import base64
import hmac
import json
import time

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from access.world import World
from wayfare.access import tokens
from wayfare.access.keyring import ANNOUNCED_SECONDS, Keyring, token_secret
from wayfare.access.tokens import ACCESS_SECONDS, SigningKey, issue, read
from wayfare.core.errors import NotSignedIn, UserError
from wayfare.core.principal import LOCAL
from wayfare.core.redacted import Redacted

SECRET = b"0123456789abcdef0123456789abcdef"
KEYS = {
    "secret": SigningKey("k1", "HS256", OctKey.import_key(SECRET)),
    "pair": SigningKey("k1", "ES256", ECKey.generate_key("P-256")),
}
OTHER = {"HS256": OctKey.import_key(b"f" * 32), "ES256": ECKey.generate_key("P-256")}


@pytest.fixture(params=KEYS)
def key(request):
    return KEYS[request.param]


def find_in(*keys):
    return lambda kid: next((key for key in keys if key.kid == kid), None)


def parts(token):
    return [json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2]]


def b64(value):
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def resigned(key, header=None, claims=None, *, by=None, drop=()):
    """A token that is signed well, but says something else."""
    have, said = parts(issue(key, user="u1", version=1)[0])
    header = {**have, **(header or {})}
    said = {name: value for name, value in {**said, **(claims or {})}.items() if name not in drop}
    return jwt.encode(header, said, by or key.key, [header["alg"]], default_type=None)


def test_what_is_issued_can_be_read(key):
    token, claims = issue(key, user="u1", version=7)
    assert read(token, find_in(key)) == claims
    assert (claims.user, claims.version, claims.scopes) == ("u1", 7, None)
    assert claims.expires_at - claims.issued_at == ACCESS_SECONDS
    header, said = parts(token)
    assert header == {"typ": "at+jwt", "alg": key.algorithm, "kid": "k1"}
    assert (said["iss"], said["aud"], said["sub"]) == ("wayfare", "wayfare", "u1")


def test_a_clients_token_says_more(key):
    token, claims = issue(
        key, user="u1", version=1, client="c1", grant="g1", tenant="acme", scopes=frozenset({"migrations:read"})
    )
    assert read(token, find_in(key)) == claims
    assert (claims.client, claims.grant, claims.tenant) == ("c1", "g1", "acme")
    alone, claims = issue(key, user="", version=0, client="c1", scopes=frozenset())
    assert read(alone, find_in(key)) == claims
    assert claims.user == ""
    assert claims.scopes == frozenset()


def public_pem_as_secret(key):
    """The classic: the public key, which everybody has, as the secret of HS256."""
    if key.algorithm == "HS256":
        return resigned(key, {"alg": "HS384"})
    header, said = parts(issue(key, user="u1", version=1)[0])
    signing_input = f"{b64({**header, 'alg': 'HS256'})}.{b64(said)}"
    mac = hmac.digest(key.key.as_pem(private=False), signing_input.encode(), "sha256")
    return f"{signing_input}.{b64(mac)}"


def unsigned(key):
    header, said = parts(issue(key, user="u1", version=1)[0])
    return f"{b64({**header, 'alg': 'none'})}.{b64(said)}."


def claims_changed(key):
    token = issue(key, user="u1", version=1)[0]
    head, _, signature = token.split(".")
    return f"{head}.{b64({**parts(token)[1], 'sub': 'admin'})}.{signature}"


def signature_cut(key):
    return issue(key, user="u1", version=1)[0].rpartition(".")[0] + "."


def own_key_in_header(key):
    mine = OTHER[key.algorithm]
    return resigned(key, {"jwk": mine.as_dict(private=False), "jku": "https://evil.example/jwks"}, by=mine)


now = int(time.time())
ATTACKS = {
    "alg none": unsigned,
    "public key as secret": public_pem_as_secret,
    "claims changed": claims_changed,
    "signature cut": signature_cut,
    "another key": lambda key: resigned(key, by=OTHER[key.algorithm]),
    "own key in header": own_key_in_header,
    "unknown kid": lambda key: resigned(key, {"kid": "../../dev/null"}),
    "ended": lambda key: resigned(key, claims={"exp": now - 60}),
    "not yet": lambda key: resigned(key, claims={"nbf": now + 3600}),
    "another audience": lambda key: resigned(key, claims={"aud": "other"}),
    "another issuer": lambda key: resigned(key, claims={"iss": "https://evil.example"}),
    "another type": lambda key: resigned(key, {"typ": "JWT"}),
}
MORE = {
    "without exp": lambda key: resigned(key, drop=("exp",)),
    "exp as text": lambda key: resigned(key, claims={"exp": "9999999999"}),
    "exp true": lambda key: resigned(key, claims={"exp": True}),
    "without version": lambda key: resigned(key, drop=("ver",)),
    "version as text": lambda key: resigned(key, claims={"ver": "1"}),
    "issued tomorrow": lambda key: resigned(key, claims={"iat": now + 86400}),
    "subject a list": lambda key: resigned(key, claims={"sub": ["u1"]}),
    "scope a list": lambda key: resigned(key, claims={"client_id": "c", "scope": ["admin"]}),
    "critical extension": lambda key: resigned(key).replace(".", "", 1),
    "empty": lambda key: "",
    "dots": lambda key: "...",
    "not base64": lambda key: "ä.ö.ü",
    "nested deeply": lambda key: b64(b"[" * 4000) + "." + b64(b"{}") + ".x",
    "long": lambda key: "x" * 100_000,
    "claims a list": lambda key: f"{b64({'alg': key.algorithm, 'kid': 'k1', 'typ': 'at+jwt'})}.{b64(b'[]')}.x",
}


def test_there_are_twelve():
    assert len(ATTACKS) == 12


@pytest.mark.parametrize("attack", [*ATTACKS, *MORE])
def test_tampering(attack, key):
    token = {**ATTACKS, **MORE}[attack](key)
    with pytest.raises(NotSignedIn) as refused:
        read(token, find_in(key))
    assert refused.value.where == "Authorization"


def test_a_key_of_another_kind_under_the_same_id_is_not_used():
    token = issue(KEYS["pair"], user="u1", version=1)[0]
    with pytest.raises(NotSignedIn):
        read(token, find_in(KEYS["secret"]))
    rsa = RSAKey.generate_key(2048)
    foreign = jwt.encode({"alg": "RS256", "kid": "k1"}, parts(token)[1], rsa, ["RS256"], default_type="at+jwt")
    with pytest.raises(NotSignedIn):
        read(foreign, find_in(KEYS["pair"]))


# Secrets


def test_short_secrets_are_for_this_machine_only():
    with pytest.raises(UserError, match="--jwt-secret") as refused:
        token_secret(Redacted("x" * 31), on_loopback=False)
    assert refused.value.exit_code == 2
    assert "x" * 31 not in str(refused.value)
    stretched, warning = token_secret(Redacted("x" * 31), on_loopback=True)
    assert len(stretched) == 32
    assert "shorter than 32" in warning
    assert token_secret(Redacted("x" * 31), on_loopback=True)[0] == stretched, "all workers make the same"
    assert token_secret(Redacted("x" * 32), on_loopback=False) == (b"x" * 32, "")
    assert token_secret(Redacted("ü" * 16), on_loopback=False)[1] == "", "bytes count, not characters"


# Keys of the store


@pytest.fixture
def worlds(store):
    from access.world import Clock

    return World(store, Clock())


def test_workers_share_the_stores_keys(worlds):
    here, there = worlds.entrance.keyring, worlds.another_process().keyring
    assert there.find("0123456789abcdef") is None
    token, claims = issue(here.signing(), user="u1", version=1, now=worlds.clock)
    assert read(token, there.find, worlds.clock) == claims
    published = there.published()["keys"]
    assert [set(key) for key in published] == [{"kty", "crv", "x", "y", "kid", "alg", "use"}]
    assert here.signing().kid == there.signing().kid == published[0]["kid"]


def test_a_new_key_is_known_before_it_signs_and_the_old_one_lives_as_long_as_its_tokens(world):
    ring = world.entrance.keyring
    old = ring.signing()
    token, _ = issue(old, user="u1", version=1, seconds=10**9, now=world.clock)
    new = ring.rotate(LOCAL)
    assert ring.signing() == old
    assert {key["kid"] for key in ring.published()["keys"]} == {old.kid, new}
    world.clock.now += ANNOUNCED_SECONDS + 1
    ring = world.another_process().keyring
    assert ring.signing().kid == new
    read(token, ring.find, world.clock)
    world.clock.now += ACCESS_SECONDS
    ring = world.another_process().keyring
    assert [key["kid"] for key in ring.published()["keys"]] == [new]
    with pytest.raises(NotSignedIn):
        read(token, ring.find, world.clock)


def test_what_a_stolen_key_signed_is_worthless_at_once(world):
    ring = world.entrance.keyring
    token, _ = issue(ring.signing(), user="u1", version=1, now=world.clock)
    new = ring.rotate(LOCAL, at_once=True)
    with pytest.raises(NotSignedIn):
        read(token, ring.find, world.clock)
    assert ring.signing().kid == new


def test_a_secret_replaces_the_keys_of_the_store(world):
    ring = Keyring(world.store, SECRET)
    assert ring.signing().algorithm == tokens.SECRET_ALGORITHM
    assert ring.published() == {"keys": []}
    assert ring.find(ring.signing().kid) == ring.signing()
    own = world.entrance.keyring.signing()
    assert ring.find(own.kid) is None
    assert SECRET.decode() not in str(parts(issue(ring.signing(), user="u", version=1)[0]))


def test_private_keys_are_sealed(world):
    import sqlalchemy as sa

    from wayfare.access.tables import SERVER_KEYS, SIGNING_KEYS

    ring = world.entrance.keyring
    private = ring.signing().key.as_dict(private=True)["d"]
    server_key = ring.server_key("test")
    assert world.another_process().keyring.server_key("test") == server_key != ring.server_key("other")
    with world.store.everywhere.read() as connection:
        kept = repr(
            connection.execute(sa.select(SIGNING_KEYS)).all() + connection.execute(sa.select(SERVER_KEYS)).all()
        )
    assert private not in kept
    assert server_key.hex() not in kept

"""A stand-in for Zoho's servers, for the tests: accounts and CRM v8 on one loopback port, with the rules of the real.

Tokens end, are made ten in ten minutes, and carry scopes. A page has at most 200 records and 50 fields; pages count to
2,000 records, page tokens go further, and hold for the parameters they were given with. More calls at once than the
edition allows are refused. Exports go through their states, and end in a zip. Each organisation has credentials of its
own, so one server serves all tests.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from wayfare.core.address import Address
from wayfare.systems.databases.zoho.testcrm import Fault, Module, Organisation, archive, modified, shown

FIELDS_MAX, RECORDS_MAX, IDS_MAX, PAGED_MAX = 50, 200, 100, 2_000
_NUMBER = re.compile(r'"\\u0000([-+0-9.E]+)"')
_NOT_EXPORTED = frozenset({"fileupload", "imageupload", "multi_module_lookup", "subform"})
_SORTABLE = frozenset({"id", "Created_Time", "Modified_Time"})


class Problem(Exception):
    """An answer that tells an error, as Zoho words it."""

    def __init__(self, status: int, code: str, message: str, **details: Any) -> None:
        super().__init__(code)
        self.status = status
        self.body = {"code": code, "details": details, "message": message, "status": "error"}


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.organisations: dict[str, Organisation] = {}  # by refresh token
        self.clock: Callable[[], dt.datetime] = _now

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def organisation(self) -> Organisation:
        """A new one, without modules."""
        client, secret, refresh = (f"1000.{secrets.token_hex(12)}" for _ in range(3))
        made = Organisation(client, secret, refresh)
        self.organisations[made.refresh_token] = made
        return made

    def address(self, organisation: Organisation, **options: str) -> Address:
        credentials = {name: getattr(organisation, name) for name in ("client_id", "client_secret", "refresh_token")}
        every = {**credentials, "accounts_url": self.url, **options}
        return Address("zoho", "127.0.0.1", self.server_port, options=every)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@contextmanager
def serving() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="zoho", daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # an answer's head and body are two small writes
    server: Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Nobody reads it."""

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def _serve(self, method: str) -> None:
        parts = urlsplit(self.path)
        parameters = dict(parse_qsl(parts.query, keep_blank_values=True))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            if parts.path == "/oauth/v2/token":
                self._answer(200, _token(self.server, dict(parse_qsl(body.decode()))))
                return
            organisation = self._authorized()
            with _at_once(organisation):
                self._crm(organisation, method, parts.path, parameters, body)
        except Problem as problem:
            self._answer(problem.status, problem.body)

    def _crm(self, organisation: Organisation, method: str, path: str, parameters: dict[str, str], body: bytes) -> None:
        with organisation.lock:
            organisation.asked.append((method, path, parameters))
            if organisation.before:
                organisation.before(path, parameters)
            fault = organisation.faults.pop(0) if organisation.faults else None
        if fault:
            self._fail(fault)
            return
        with organisation.lock:
            status, found = _route(organisation, method, path, parameters, self.headers, body)
        self._answer(status, found)

    def _authorized(self) -> Organisation:
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        if kind != "Zoho-oauthtoken":
            raise Problem(401, "AUTHENTICATION_FAILURE", "Authentication failed")
        for organisation in self.server.organisations.values():
            with organisation.lock:
                if organisation.tokens.get(token, 0.0) > time.monotonic():
                    return organisation
        raise Problem(401, "INVALID_TOKEN", "invalid oauth token")

    def _answer(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        data = b"" if body is None else body if isinstance(body, bytes) else _json(body)
        self._head(status, len(data), headers or {})
        self.wfile.write(data)

    def _head(self, status: int, length: int, headers: Mapping[str, str]) -> None:
        self.send_response_only(status)
        self.send_header("Date", format_datetime(self.server.clock(), usegmt=True))
        self.send_header("Content-Type", "application/json;charset=UTF-8")
        if status not in (204, 304):
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _fail(self, fault: Fault) -> None:
        if fault.status:
            self._answer(fault.status, dict(fault.body), fault.headers)
            return
        self._head(200, 1_000, {})
        self.wfile.write(b'{"data":[{"id":')
        self.wfile.flush()
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def _at_once(organisation: Organisation) -> Iterator[None]:
    with organisation.lock:
        if organisation.at_once >= organisation.rules.calls_at_once:
            raise Problem(429, "TOO_MANY_REQUESTS", "You have exceeded the concurrency limit of your edition")
        organisation.at_once += 1
        organisation.at_once_most = max(organisation.at_once_most, organisation.at_once)
    try:
        yield
    finally:
        with organisation.lock:
            organisation.at_once -= 1


def _token(server: Server, form: Mapping[str, str]) -> dict[str, Any]:
    organisation = server.organisations.get(form.get("refresh_token", ""))
    if form.get("grant_type") != "refresh_token" or organisation is None:
        return {"error": "invalid_code"}
    if (form.get("client_id"), form.get("client_secret")) != (organisation.client_id, organisation.client_secret):
        return {"error": "invalid_client"}
    with organisation.lock:
        now, rules = time.monotonic(), organisation.rules
        if len([t for t in organisation.made if t > now - 600]) >= rules.tokens_max:
            return {"error": "Access Denied", "error_description": "You have made too many requests continuously."}
        organisation.made.append(now)
        token = f"1000.{secrets.token_hex(16)}"
        organisation.tokens[token] = now + rules.token_seconds
        told = {"access_token": token, "api_domain": organisation.api_domain, "token_type": "Bearer"}
        return {**told, "expires_in": int(rules.token_seconds), "scope": " ".join(sorted(organisation.scopes))}


def _route(
    organisation: Organisation, method: str, path: str, parameters: dict[str, str], headers: Any, body: bytes
) -> tuple[int, Any]:
    words = path.strip("/").split("/")
    match (method, *words):
        case ("GET", "crm", "v8", "settings", "modules"):
            _need(organisation, "ZohoCRM.settings.READ")
            return 200, {"modules": [m.meta() for m in organisation.modules.values()]}
        case ("GET", "crm", "v8", "settings", "fields"):
            _need(organisation, "ZohoCRM.settings.READ")
            module = _module(organisation, parameters.get("module", ""))
            return 200, {"fields": module.fields}
        case ("GET", "crm", "v8", "users"):
            _need(organisation, "ZohoCRM.users.READ")
            return _users(organisation, parameters)
        case ("POST", "crm", "bulk", "v8", "read"):
            _need(organisation, "ZohoCRM.bulk.READ")
            _need(organisation, "ZohoCRM.modules.READ")
            return _export(organisation, json.loads(body))
        case ("GET", "crm", "bulk", "v8", "read", identity):
            return _export_state(organisation, identity)
        case ("GET", "crm", "bulk", "v8", "read", identity, "result"):
            return 200, _export_result(organisation, identity)
        case ("GET", "crm", "v8", name, "actions", "count"):
            _need(organisation, "ZohoCRM.modules.READ")
            module = _module(organisation, name)
            if not module.counted:
                raise Problem(400, "INVALID_MODULE", "the module name given seems to be invalid")
            return 200, {"count": len(module.records)}
        case ("GET", "crm", "v8", name, "deleted"):
            _need(organisation, "ZohoCRM.modules.READ")
            gone = _module(organisation, name).gone
            return (200, {"data": gone, "info": {"more_records": False}}) if gone else (204, None)
        case ("GET", "crm", "v8", name):
            _need(organisation, "ZohoCRM.modules.READ")
            return _records(organisation, _module(organisation, name), parameters, headers)
    raise Problem(404, "INVALID_URL_PATTERN", "Please check if the URL trying to access is a correct one")


def _need(organisation: Organisation, scope: str) -> None:
    if scope not in organisation.scopes:
        raise Problem(401, "OAUTH_SCOPE_MISMATCH", "invalid oauth scope to access this URL")


def _module(organisation: Organisation, name: str) -> Module:
    module = organisation.modules.get(name)
    if module is None:
        raise Problem(400, "INVALID_MODULE", "the module name given seems to be invalid")
    if not module.readable:
        raise Problem(403, "NO_PERMISSION", "permission denied")
    return module


def _records(organisation: Organisation, module: Module, parameters: dict[str, str], headers: Any) -> tuple[int, Any]:
    fields = [f for f in parameters.get("fields", "").split(",") if f]
    per_page = int(parameters.get("per_page", RECORDS_MAX))
    _check_request(parameters, fields, per_page)
    records = [r for r in module.records.values() if _visible(r, parameters)]
    if "ids" in parameters:
        wanted = set(map(int, parameters["ids"].split(",")))
        records = [r for r in records if int(r["id"]) in wanted]
    if since := headers.get("If-Modified-Since"):
        records = [r for r in records if modified(r) >= dt.datetime.fromisoformat(since)]
        if not records:
            return 304, None
    records.sort(key=lambda r: int(r["id"]), reverse=parameters.get("sort_order") != "asc")
    after, count = _begin(organisation, parameters, records, per_page)
    rest = [r for r in records if int(r["id"]) > after] if after is not None else records[count:]
    page = rest[:per_page]
    if not page:
        return 204, None
    more = len(rest) > per_page
    info: dict[str, Any] = {"per_page": per_page, "count": len(page), "more_records": more, "next_page_token": None}
    if more:
        info["next_page_token"] = f"{_bound(parameters)}.{page[-1]['id']}.{count + len(page)}"
    return 200, {"data": [shown(r, fields) for r in page], "info": info}


def _check_request(parameters: Mapping[str, str], fields: list[str], per_page: int) -> None:
    if not fields:
        raise Problem(400, "REQUIRED_PARAM_MISSING", "One of the expected parameter is missing", param_name="fields")
    if len(fields) > FIELDS_MAX:
        raise Problem(400, "LIMIT_EXCEEDED", "you can only ask for 50 fields", limit=FIELDS_MAX)
    if per_page > RECORDS_MAX:
        raise Problem(400, "INVALID_DATA", "per_page is at most 200", param_name="per_page")
    if len(parameters.get("ids", "").split(",")) > IDS_MAX:
        raise Problem(400, "LIMIT_EXCEEDED", "you can only ask for 100 ids", limit=IDS_MAX)
    if parameters.get("sort_by", "id") not in _SORTABLE:
        raise Problem(400, "INVALID_DATA", "invalid data", param_name="sort_by")
    if "page" in parameters and "page_token" in parameters:
        raise Problem(400, "AMBIGUITY_DURING_PROCESSING", "page and page_token exclude each other")


def _visible(record: Mapping[str, Any], parameters: Mapping[str, str]) -> bool:
    """Leads that became contacts, and records that wait for an approval, are shown to those who ask for them."""
    converted = not record.get("_converted") or parameters.get("converted") in ("both", "true")
    return converted and (not record.get("_unapproved") or parameters.get("approved") in ("both", "false"))


def _begin(
    organisation: Organisation, parameters: Mapping[str, str], records: list[Any], per_page: int
) -> tuple[int | None, int]:
    """After which id, or how many records, the page begins."""
    if token := parameters.get("page_token"):
        bound, last, count = token.split(".")
        if bound != _bound(parameters):
            raise Problem(400, "TOKEN_BOUND_DATA_MISMATCH", "the token was given for other parameters")
        if int(count) >= organisation.rules.pages_end:
            raise Problem(400, "LIMIT_REACHED", "no more records can be had by page tokens")
        return int(last), int(count)
    start = (int(parameters.get("page", 1)) - 1) * per_page
    if start + per_page > PAGED_MAX:
        message = "You can only get the first 2000 records without using page_token param"
        raise Problem(400, "DISCRETE_PAGINATION_LIMIT_EXCEEDED", message, limit=PAGED_MAX)
    return None, start


def _bound(parameters: Mapping[str, str]) -> str:
    text = json.dumps(sorted((k, v) for k, v in parameters.items() if k not in ("page_token", "page")))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _users(organisation: Organisation, parameters: Mapping[str, str]) -> tuple[int, Any]:
    deleted = parameters.get("type") == "DeletedUsers"
    per_page, page = int(parameters.get("per_page", RECORDS_MAX)), int(parameters.get("page", 1))
    found = [u for u in organisation.users if (u["status"] == "deleted") is deleted]
    part = found[(page - 1) * per_page : page * per_page]
    info = {"per_page": per_page, "page": page, "count": len(part), "more_records": len(found) > page * per_page}
    return (200, {"users": part, "info": info}) if part else (204, None)


def _export(organisation: Organisation, body: Mapping[str, Any]) -> tuple[int, Any]:
    query = body["query"]
    module = _module(organisation, query["module"]["api_name"])
    known = {f["api_name"]: f for f in module.fields}
    for name in query["fields"]:
        told = known.get(name.partition(".")[0])
        if name != "id" and (told is None or told["data_type"] in _NOT_EXPORTED or name == "Tag"):
            raise Problem(400, "FIELD_NOT_SUPPORTED", "the field cannot be exported", api_name=name)
    identity = str(10**15 + len(organisation.exports))
    organisation.exports[identity] = {"query": query, "looks": 0}
    details = {"id": identity, "operation": "read", "state": "ADDED"}
    return 201, {"data": [{"status": "success", "code": "ADDED_SUCCESSFULLY", "details": details}], "info": {}}


def _export_state(organisation: Organisation, identity: str) -> tuple[int, Any]:
    made = _found(organisation, identity)
    made["looks"] += 1
    told: dict[str, Any] = {"id": identity, "operation": "read", "query": made["query"], "file_type": "csv"}
    if made["looks"] <= organisation.rules.export_looks:
        return 200, {"data": [{**told, "state": "QUEUED" if made["looks"] == 1 else "IN PROGRESS"}]}
    if organisation.rules.export_fails:
        return 200, {"data": [{**told, "state": "FAILURE"}]}
    module = _module(organisation, made["query"]["module"]["api_name"])
    size, page = organisation.rules.export_records, int(made["query"].get("page", 1))
    records = list(module.records.values())
    made["records"] = records[(page - 1) * size : page * size]
    result = {"page": page, "per_page": size, "count": len(made["records"]), "more_records": len(records) > page * size}
    return 200, {"data": [{**told, "state": "COMPLETED", "result": {**result, "download_url": "…"}}]}


def _export_result(organisation: Organisation, identity: str) -> bytes:
    made = _found(organisation, identity)
    if "records" not in made:
        raise Problem(400, "JOB_NOT_COMPLETED", "the export is not ready")
    module = _module(organisation, made["query"]["module"]["api_name"])
    return archive(organisation, module, made["query"]["fields"], made["records"])


def _found(organisation: Organisation, identity: str) -> dict[str, Any]:
    if identity not in organisation.exports:
        raise Problem(404, "RESOURCE_NOT_FOUND", "The requested resource doesn't exist")
    return organisation.exports[identity]


def _json(body: Any) -> bytes:
    """JSON whose decimals are numbers with all their digits."""

    def number(value: Decimal) -> str:
        return f"\0{value}"

    return _NUMBER.sub(r"\1", json.dumps(body, default=number)).encode()

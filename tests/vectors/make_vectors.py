"""Writes requests.json, responses.json and derived_keys.json.

    python3 tests/vectors/make_vectors.py [directory]

Shares no line with the server: HMAC, SHA-256 and JSON are Python's own, HKDF
(RFC 5869) and canonical JSON (RFC 8785) are written out below. Both are checked
against published vectors before anything is written.
"""

import hashlib
import hmac
import json
import math
import pathlib
import struct
import sys
from decimal import Decimal

HERE = pathlib.Path(__file__).parent
MAX_DEPTH = 64

SERVER_ID = "mcp-server-001"
SERVER_SECRET = "server secret for vectors, never for servers"
SECRETS = {
    "client-001": "client secret for vectors, never for clients",
    "client-002": "Geheimnis für Vektoren: nie für Clients 🔑",
    "A.z_0:9-": "x" * 32,
}
TS_MS = 1767225600000  # 2026-01-01T00:00:00Z


def jcs(value, depth=0):
    """RFC 8785."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, str):
        value.encode()  # refuses lone surrogates, section 3.2.2.2
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, (int, float)):
        return number(float(value))
    if depth >= MAX_DEPTH:
        raise ValueError("too deep")
    if isinstance(value, list):
        return "[" + ",".join(jcs(item, depth + 1) for item in value) + "]"
    # Section 3.2.3: by UTF-16 code unit.
    names = sorted(value, key=lambda name: name.encode("utf-16-be"))
    members = (jcs(name) + ":" + jcs(value[name], depth + 1) for name in names)
    return "{" + ",".join(members) + "}"


def number(x):
    """ECMAScript's Number::toString, from the digits that repr() finds."""
    if not math.isfinite(x):
        raise ValueError("not finite")
    if x == 0:
        return "0"
    sign, digits, exponent = Decimal(repr(x)).normalize().as_tuple()
    digits = "".join(map(str, digits))
    point = len(digits) + exponent
    if len(digits) <= point <= 21:
        text = digits + "0" * exponent
    elif 0 < point <= 21:
        text = digits[:point] + "." + digits[point:]
    elif -6 < point <= 0:
        text = "0." + "0" * -point + digits
    else:
        fraction = "." + digits[1:] if len(digits) > 1 else ""
        text = f"{digits[0]}{fraction}e{point - 1:+d}"
    return "-" + text if sign else text


def parse(text):
    """I-JSON: what json.loads takes, but no name twice, no NaN, no lost digits."""

    def members(pairs):
        if len(dict(pairs)) < len(pairs):
            raise ValueError("duplicate name")
        return dict(pairs)

    def constant(name):
        raise ValueError(name)

    def integer(digits):
        nearest = float(digits)
        if int(nearest) != int(digits) and number(nearest) != digits:
            raise ValueError("no double holds it")
        return int(digits)

    return json.loads(
        text,
        object_pairs_hook=members,
        parse_constant=constant,
        parse_int=integer,
    )


def hmac_sha256(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def hkdf(secret, info, length=32, salt=b""):
    """RFC 5869 with SHA-256."""
    prk = hmac.new(salt or bytes(32), secret, hashlib.sha256).digest()
    okm, block = b"", b""
    for count in range(1, -(-length // 32) + 1):
        block = hmac.new(prk, block + info + bytes([count]), hashlib.sha256).digest()
        okm += block
    return okm[:length]


def derive(secret, info):
    return hkdf(secret.encode(), info.encode())


def fingerprint(server_secret, server_id):
    return hmac_sha256(derive(server_secret, "mcp/0.1 fingerprint"), server_id)[:16]


def job_id(server_secret, client_id, request_id):
    key = derive(server_secret, "mcp/0.1 job")
    return hmac_sha256(key, f"{client_id}\n{request_id}")[:32]


def request(name, tool, *args, client_id="client-001", body=json.dumps, **changes):
    envelope = {
        "v": "mcp/0.1",
        "request_id": name.replace(" ", "-"),
        "ts_ms": TS_MS,
        "client_id": client_id,
        "server_id": SERVER_ID,
        "tool": tool,
        **({"args": args[0]} if args else {}),
        "nonce": hashlib.sha256(name.encode()).hexdigest()[:32],
        **changes,
    }
    text = jcs(envelope)
    signature = hmac_sha256(SECRETS[client_id].encode(), text)
    return {
        "name": name,
        "secret": SECRETS[client_id],
        "envelope": envelope,
        "signed_text": text,
        "signature": signature,
        "body": body({**envelope, "signature": signature}),
    }


def plain(envelope):
    """What a sender does that knows nothing of RFC 8785."""
    return json.dumps(envelope, separators=(",", ":"), sort_keys=True)


def backwards(envelope):
    return json.dumps(dict(reversed(envelope.items())), ensure_ascii=False, indent=1)


def requests():
    return [
        request("integers", "batch_sum", {"numbers": [1, 2, 3]}, body=plain),
        request("args absent", "server_identity", body=plain),
        request("args empty", "server_identity", {}, body=jcs),
        request("decimals", "batch_sum", {"numbers": [0.1, 2.5, -19.99]}, body=plain),
        request(
            "numbers that plain json.dumps writes otherwise",
            "echo",
            {"numbers": [1.0, -0.0, 0.00001, 1e-7, 1e16, 1e20, 1e21, 5e-324]},
        ),
        request(
            "text beyond ASCII",
            "echo",
            {"city": "Zürich", "ключ": "значение", "emoji": "😀", "nul": "\0\x7f"},
            body=backwards,
        ),
        request(
            "names by UTF-16 code unit",
            "echo",
            {"\ufb33": 1, "😀": 2, "€": 3, "10": 4, "9": 5, "": 6, "__proto__": 7},
            body=jcs,
        ),
        request(
            "only the outermost signature is left out",
            "echo",
            {"signature": "kept", "text": '","tool":"x","signature":"', "a": {"tool": "y"}},
            body=jcs,
        ),
        request("a secret beyond ASCII", "batch_sum", {"numbers": [7]}, client_id="client-002"),
        request(
            "every character that ids may have",
            "batch_sum",
            {"numbers": [-1, 1]},
            client_id="A.z_0:9-",
            request_id="ABCXYZabcxyz0189_.:-",
            nonce="_.:-" * 4,
        ),
        request("a job starts", "wait", {}, body=plain),
        request("a job is polled by its request", "poll_job", {"request_id": "a-job-starts"}),
        request(
            "a job is answered by its request",
            "answer_job",
            {"request_id": "a-job-starts", "answers": {}},
        ),
        request("a job is cancelled by its request", "cancel_job", {"request_id": "a-job-starts"}),
    ]


def response(name, status, result, error=None, answers=None, request_id="r-1"):
    client_id = answers["envelope"]["client_id"] if answers else "client-001"
    answer = {
        "v": "mcp/0.1",
        "request_id": answers["envelope"]["request_id"] if answers else request_id,
        "ts_ms": TS_MS,
        "ok": error is None,
        "server_id": SERVER_ID,
        "status": status,
        "result": result,
        "error": error,
    }
    key = derive(SECRETS[client_id], "mcp/0.1 response")
    text = jcs(answer)
    signature = hmac_sha256(key, text)
    return {
        "name": name,
        **({"answers": answers["name"]} if answers else {}),
        "secret": SECRETS[client_id],
        "envelope": answer,
        "signed_text": text,
        "signature": signature,
        "body": jcs({**answer, "signature": signature}),
    }


def responses(sent):
    sent = {each["name"]: each for each in sent}
    identity = {
        "server_id": SERVER_ID,
        "fingerprint": fingerprint(SERVER_SECRET, SERVER_ID),
        "capabilities": {"async": False, "stateless": True},
    }
    sums = {
        "integers": {"count": 3, "total": 6},
        "decimals": {"count": 3, "total": 0.1 + 2.5 - 19.99},
        "a secret beyond ASCII": {"count": 1, "total": 7},
        "every character that ids may have": {"count": 2, "total": 0},
    }
    id = job_id(SERVER_SECRET, "client-001", "r-1")
    started = job_id(SERVER_SECRET, "client-001", "a-job-starts")
    follow_ups = {
        "a job starts": ("accepted", {"job_id": started, "poll_after_ms": 500}),
        "a job is polled by its request": ("running", {}),
        "a job is answered by its request": ("ok", {"job_id": started, "status": "running"}),
        "a job is cancelled by its request": ("ok", {"job_id": started, "status": "cancelled"}),
    }
    issue = {"path": ["numbers", 0], "message": "numbers[0] must be a number"}
    ended = {"job_id": id}
    return [
        *(response(name, "ok", sum, answers=sent[name]) for name, sum in sums.items()),
        *(
            response(name, "ok", identity, answers=sent[name])
            for name in ("args absent", "args empty")
        ),
        *(
            response(name, "ok", each["envelope"]["args"], answers=each)
            for name, each in sent.items()
            if each["envelope"]["tool"] == "echo"
        ),
        response("a job is accepted", "accepted", {"job_id": id, "poll_after_ms": 500}),
        response("a job runs and has told nothing", "running", {}),
        response("a job runs", "running", {"progress": 0.4, "message": "Page 12 of 30"}),
        response("a job is done", "done", {"status": "error", "text": '","status":"'}),
        response("a job is done and its result is null", "done", None),
        response("a job failed", "error", ended, "tool_failed: The tool failed"),
        response("arguments are wrong", "error", {"issues": [issue]}, "invalid_args: " + issue["message"]),
        response("a clock is off", "error", None, "stale_timestamp: Set your clock by this answer's"),
        *(response(name, *answer, answers=sent[name]) for name, answer in follow_ups.items()),
    ]


def derived_keys():
    pairs = [(SERVER_SECRET, SERVER_ID), ("s" * 32, "A.z_0:9-")]
    calls = [
        (server_secret, client_id, request_id)
        for server_secret, _ in pairs
        for client_id in SECRETS
        for request_id in ("r-1", "b4d0ec3e-5d0c-4f0a-9f0e-2b6f8a7d1c11")
    ]
    return {
        "response_keys": [
            {"secret": secret, "info": "mcp/0.1 response", "key": derive(secret, "mcp/0.1 response").hex()}
            for secret in SECRETS.values()
        ],
        "fingerprints": [
            {"server_secret": secret, "server_id": id, "fingerprint": fingerprint(secret, id)}
            for secret, id in pairs
        ],
        "job_ids": [
            {
                "server_secret": secret,
                "client_id": client_id,
                "request_id": request_id,
                "job_id": job_id(secret, client_id, request_id),
            }
            for secret, client_id, request_id in calls
        ],
    }


def check_hkdf():
    # RFC 5869 appendices A.1 and A.3
    ikm = bytes([0x0B] * 22)
    salted = hkdf(ikm, bytes(range(0xF0, 0xFA)), 42, bytes(range(13)))
    unsalted = hkdf(ikm, b"", 42)
    assert salted.hex() == (
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    )
    assert unsalted.hex() == (
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
    )


def check_canonical_json():
    vectors = json.loads((HERE / "canonical_json.json").read_text())
    for vector in vectors["rfc8785"] + vectors["accepted"]:
        assert jcs(parse(vector["input"])) == vector["canonical"], vector
    for vector in vectors["appendix_b"]:
        (x,) = struct.unpack(">d", bytes.fromhex(vector["ieee754"]))
        if math.isfinite(x):
            assert number(x) == vector["json"], vector
        else:
            assert vector["json"] is None, vector
    for vector in vectors["refused"]:
        try:
            jcs(parse(vector["input"]))
        except ValueError:  # json's and Unicode's errors are ValueErrors too
            continue
        raise AssertionError(f"Not refused: {vector}")


def write(directory, name, value):
    text = json.dumps(value, indent=2) + "\n"
    (directory / name).write_text(text)


if __name__ == "__main__":
    check_hkdf()
    check_canonical_json()
    target = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    sent = requests()
    write(target, "requests.json", sent)
    write(target, "responses.json", responses(sent))
    write(target, "derived_keys.json", derived_keys())

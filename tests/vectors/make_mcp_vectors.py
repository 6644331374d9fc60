"""Writes mcp_signatures.json: signed requests and answers of `mcp-hmac-v2`.

    python3 tests/vectors/make_mcp_vectors.py [directory]

Shares no line with the server: HMAC, SHA-256 and HKDF (in make_vectors.py) are
Python's own. The signature base is written out below, and checked against
RFC 9421 before anything is written.
"""

import base64
import hashlib
import hmac
import json
import pathlib
import sys

sys.dont_write_bytecode = True

from make_vectors import HERE, SECRETS, SERVER_ID, check_hkdf, hkdf, write

CREATED = 1767225600  # 2026-01-01T00:00:00Z
LIFE = 60
NONCE = "6ba7b810-9dad-11d1-80b4-00c04fd430c86ba7b811-9dad-11d1-80b4-00c04fd430c8"
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}


def mac(key, text):
    digest = hmac.new(key, text.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def digest(content):
    sha256 = hashlib.sha256(content.encode()).digest()
    return f"sha-256=:{base64.b64encode(sha256).decode()}:"


def base(lines, params):
    """RFC 9421 section 2.5."""
    covered = " ".join(name for name, _ in lines)
    input = f"({covered}){params}"
    text = [f"{name}: {value}" for name, value in lines]
    return input, "\n".join([*text, f'"@signature-params": {input}'])


def parameters(client_id, nonce, tag):
    return (
        f';created={CREATED};expires={CREATED + LIFE};nonce="{nonce}"'
        f';keyid="{client_id}";alg="hmac-sha256";tag="{tag}"'
    )


def key(secret, tag, server_id):
    return hkdf(secret.encode(), f"{tag} {server_id}".encode())


def request(name, method, body, path="/mcp", query="", client_id="client-001", server_id=SERVER_ID, fields=()):
    secret = SECRETS[client_id]
    headers = {
        "content-type": "application/json",
        "content-digest": digest(body),
        **dict(sorted(fields)),
    }
    lines = [
        ('"@method"', method),
        ('"@authority"', "mcp.example.com"),
        ('"@path"', path),
        ('"@query"', query or "?"),
        *((f'"{field}"', value) for field, value in headers.items()),
    ]
    input, text = base(lines, parameters(client_id, NONCE, "mcp-hmac-req-v2"))
    request_key = key(secret, "mcp-hmac-req-v2", server_id)
    return {
        "name": name,
        "secret": secret,
        "client_id": client_id,
        "server_id": server_id,
        "request_key": request_key.hex(),
        "response_key": key(secret, "mcp-hmac-res-v2", server_id).hex(),
        "request": {
            "method": method,
            "url": f"https://mcp.example.com{path}{query}",
            "headers": headers,
            "body": body,
            "signature_base": text,
            "signature_input": f"mcp={input}",
            "signature": f"mcp=:{mac(request_key, text)}:",
        },
    }, lines


def event(response_key, seq, data):
    covered = f"{NONCE}\n{seq}\n{digest(data)}"
    return f"event: message\ndata: {data}\nmac: {seq}:{mac(response_key, covered)}\n\n"


def answered(made, status, body, events=None):
    """The vector with an answer: content under a digest, or a stream of events."""
    vector, lines = made
    headers = (
        {"content-type": "text/event-stream"}
        if events
        else {"content-digest": digest(body), "content-type": "application/json"}
    )
    covered = [
        ('"@status"', status),
        *((f'"{field}"', value) for field, value in headers.items()),
        *((f"{name};req", value) for name, value in lines),
    ]
    params = parameters(vector["client_id"], NONCE, "mcp-hmac-res-v2")
    input, text = base(covered, params)
    response_key = bytes.fromhex(vector["response_key"])
    if events:
        body = "".join(event(response_key, *each) for each in enumerate(events, 1))
    return {
        **vector,
        "response": {
            "status": status,
            "headers": headers,
            "body": body,
            **({"events": events} if events else {}),
            "signature_base": text,
            "signature_input": f"mcpres={input}",
            "signature": f"mcpres=:{mac(response_key, text)}:",
        },
    }


def rpc(method, **params):
    message = {"jsonrpc": "2.0", "id": 1, "method": method}
    return json.dumps({**message, "params": {**params, "_meta": META}}, separators=(",", ":"))


def call_fields(method, name=None, *more):
    fields = [("mcp-method", method), ("mcp-protocol-version", "2026-07-28"), *more]
    return [*fields, ("mcp-name", name)] if name else fields


def vectors():
    call = rpc("tools/call", name="batch_sum", arguments={"numbers": [1, 2, 3]})
    fields = call_fields("tools/call", "batch_sum")
    result = '{"jsonrpc":"2.0","id":1,"result":{"text":"Gr\u00fc\u00dfe"}}'
    progress = '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":0.5}}'
    return [
        answered(request("a call", "POST", call, fields=fields), 200, result),
        answered(request("the same call to another server", "POST", call, fields=fields, server_id="A.z_0:9-"), 200, result),
        answered(
            request(
                "a query, a parameter in a header, a secret beyond ASCII",
                "POST",
                call,
                query="?a=1&b=%20",
                client_id="client-002",
                fields=call_fields("tools/call", "batch_sum", ("mcp-param-region", "eu")),
            ),
            404,
            result,
        ),
        answered(
            request("a stream", "POST", call, path="/tools/mcp", fields=fields),
            200,
            "",
            events=[progress, result],
        ),
    ]


def check_base():
    # RFC 9421 appendix B.2.5: HMAC over a signature base of three components.
    shared = base64.b64decode("uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==")
    lines = [
        ('"date"', "Tue, 20 Apr 2021 02:07:55 GMT"),
        ('"@authority"', "example.com"),
        ('"content-type"', "application/json"),
    ]
    _, text = base(lines, ';created=1618884473;keyid="test-shared-secret"')
    assert mac(shared, text) == "pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8="


if __name__ == "__main__":
    check_hkdf()
    check_base()
    target = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    write(target, "mcp_signatures.json", vectors())

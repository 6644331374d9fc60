"""A client of mcp/0.1 in plain Python: nothing to install, nothing hidden.

    COUNTERSIGN_CLIENT_SECRET=... python3 examples/python_client.py [url]

COUNTERSIGN_CLIENT_ID and COUNTERSIGN_SERVER_ID default to what
`deno task start` serves; it prints the client's secret. PROTOCOL.md has the rest.
"""

import hashlib
import hmac
import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid

URL = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8787/"
CLIENT_ID = os.environ.get("COUNTERSIGN_CLIENT_ID", "client-001")
SERVER_ID = os.environ.get("COUNTERSIGN_SERVER_ID", "mcp-server-001")
SECRET = os.environ["COUNTERSIGN_CLIENT_SECRET"].encode()


def hmac_sha256(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


# HKDF (RFC 5869) with an empty salt, for the 32 bytes of one block.
RESPONSE_KEY = hmac_sha256(hmac_sha256(bytes(32), SECRET), b"mcp/0.1 response\x01")


def sign(key, envelope):
    """Signs what RFC 8785 makes of an envelope; json.dumps does for most numbers."""
    unsigned = {name: value for name, value in envelope.items() if name != "signature"}
    text = json.dumps(
        unsigned, ensure_ascii=False, separators=(",", ":"), sort_keys=True
    )
    return hmac_sha256(key, text.encode()).hex()


def expect(fact, what):
    if not fact:
        sys.exit(f"NOT AS EXPECTED: {what}")


def call(tool, args, request_id=None):
    """Sends one signed call; returns the HTTP status and the verified answer."""
    request = {
        "v": "mcp/0.1",
        "request_id": request_id or str(uuid.uuid4()),
        "ts_ms": int(time.time() * 1000),
        "client_id": CLIENT_ID,
        "server_id": SERVER_ID,
        "tool": tool,
        "args": args,
        "nonce": str(uuid.uuid4()),
    }
    request["signature"] = sign(SECRET, request)
    headers = {"content-type": "application/json"}
    body = json.dumps(request).encode()
    try:
        response = urllib.request.urlopen(
            urllib.request.Request(URL, body, headers), timeout=60
        )
    except urllib.error.HTTPError as refusal:
        response = refusal  # a refusal is an answer, and signed like any other
    with response:
        answer = json.loads(response.read())
    genuine = hmac.compare_digest(answer["signature"], sign(RESPONSE_KEY, answer))
    expect(genuine, f"the signature of {answer}")
    expect(answer["v"] == "mcp/0.1", "the version")
    expect(answer["request_id"] == request["request_id"], "the answer is to this call")
    expect(answer["server_id"] == SERVER_ID, "the answer is from this server")
    outcome = answer["error"] or answer["result"]
    print(f"{tool} {args} -> {response.status} {answer['status']}: {outcome}")
    return response.status, answer


status, answer = call("server_identity", {})
expect(status == 200 and answer["result"]["server_id"] == SERVER_ID, "the identity")

status, answer = call("batch_sum", {"numbers": [1, 2, 3.5]})
expect(answer["result"] == {"count": 3, "total": 6.5}, "the sum")

status, answer = call("batch_sum", {"numbers": ["three"]})
expect(status == 422 and answer["error"].startswith("invalid_args: "), "a refusal")
expect(answer["result"]["issues"][0]["path"] == ["numbers", 0], "the place of the error")

request_id = str(uuid.uuid4())
task = {"seconds": 2, "payload": {"city": "Zürich"}}
status, answer = call("start_long_task", task, request_id)
expect(status == 202 and answer["status"] == "accepted", "a job")
job_id = answer["result"]["job_id"]
status, answer = call("start_long_task", task, request_id)
expect(answer["result"]["job_id"] == job_id, "the same request_id starts no second job")

while answer["status"] in ("accepted", "running"):
    status, answer = call("poll_job", {"job_id": job_id, "wait_ms": 10_000})
expect(answer["status"] == "done" and answer["result"] == task["payload"], "the payload")
print("Every answer was signed by the server")

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { HTTP_STATUS } from "../mod.ts";
import { ERRORS } from "../src/errors.ts";
import { readResponse } from "../src/client/response.ts";
import { importKey } from "../src/signing/hmac.ts";
import { SERVER_ID } from "./support/parties.ts";
import derivedKeys from "./vectors/derived_keys.json" with { type: "json" };
import requests from "./vectors/requests.json" with { type: "json" };
import responses from "./vectors/responses.json" with { type: "json" };

const text = await Deno.readTextFile(
  new URL("../PROTOCOL.md", import.meta.url),
);

/** Rows of the table of errors: code, HTTP status, signed. */
const rows = Array.from(
  text.matchAll(/^\| `(\w+)` +\| (\d{3}) +\| (no|yes|either) +\|/gm),
  ([, code, status, signed]) => ({ code, status: Number(status), signed }),
);

Deno.test("PROTOCOL.md lists every code with its HTTP status", () => {
  const listed = rows.map(({ code, status }) => [code, status]);
  assertEquals(Object.fromEntries(listed), { ...HTTP_STATUS });
  assertEquals(listed.length, Object.keys(HTTP_STATUS).length);
});

Deno.test("PROTOCOL.md and the table of errors agree on who signs", () => {
  const said = rows.map(({ code, signed }) => [code, signed]);
  const meant = Object.entries(ERRORS).map((
    [code, { signed }],
  ) => [code, signed]);
  assertEquals(Object.fromEntries(said), Object.fromEntries(meant));
});

for (const { code, signed } of rows) {
  Deno.test(`PROTOCOL.md and the client agree on who signs ${code}: ${signed}`, async () => {
    const answer = {
      v: "mcp/0.1",
      request_id: "",
      ts_ms: 0,
      ok: false,
      server_id: SERVER_ID,
      status: "error",
      result: null,
      error: `${code}: A sentence`,
      signature: "",
    };
    const reading = readResponse(new Response(JSON.stringify(answer)), {
      requestId: "r-1",
      serverId: SERVER_ID,
      key: await importKey(new Uint8Array(32)),
    });
    const read = await reading.then(({ error }) => error, (error) => error);
    const expected = signed === "yes" ? "unverified_answer" : code;
    assertEquals(read?.code, expected);
  });
}

Deno.test("PROTOCOL.md's worked example is the first vector", () => {
  const [request] = requests;
  const response = responses.find(({ answers }) => answers === request.name);
  const derived = derivedKeys.response_keys.find(({ secret }) =>
    secret === request.secret
  );
  assert(response && derived, "the first request has an answer and a key");
  for (
    const part of [
      `secret='${request.secret}'`,
      `printf %s '${request.signed_text}'`,
      `# ${request.signature}\n`,
      `# ${derived.key}\n`,
      `printf %s '${response.signed_text}'`,
      `# ${response.signature}\n`,
    ]
  ) assertStringIncludes(text, part);
});

Deno.test({
  name: "PROTOCOL.md's worked example prints what it says",
  ignore: !hasOpenssl3(),
  async fn() {
    const [, script] = /```sh\n(secret=.*?)```/s.exec(text) ?? [];
    const { stdout } = await new Deno.Command("sh", { args: ["-c", script] })
      .output();
    const printed = new TextDecoder().decode(stdout)
      .replaceAll(/^.*= /gm, "").trim().split("\n");
    const said = Array.from(script.matchAll(/^# (\w+)$/gm), ([, hex]) => hex);
    assertEquals(said.length, 3);
    assertEquals(printed, said);
  },
});

function hasOpenssl3(): boolean {
  try {
    const { stdout } = new Deno.Command("openssl", { args: ["version"] })
      .outputSync();
    return /^OpenSSL [3-9]/.test(new TextDecoder().decode(stdout));
  } catch {
    return false;
  }
}

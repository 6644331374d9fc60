/** HTTP itself: methods, paths, hosts, media types, bodies in pieces. */
import fc from "npm:fast-check@4.10.2";
import { CLIENT_ID, SECRET, SERVER_ID } from "../support/parties.ts";
import { checkAftermath } from "./aftermath.ts";
import { checkAnswer } from "./envelope_answer.ts";
import { expectedOf } from "./envelope_oracle.ts";
import { write } from "./envelope_draft.ts";
import { observedServer, type Sent } from "./observed_server.ts";
import { checkRpc } from "./rpc_answer.ts";
import type { Kind } from "./run.ts";
import { text } from "./texts.ts";
import { brief, must } from "./violation.ts";

interface HttpCase {
  readonly method: string;
  /** What the server sees as `request.url`: proxies and bad hosts make any. */
  readonly url: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Which body: a good call, or not. */
  readonly body: "a call" | "nothing" | "no JSON" | "a megabyte and more";
  /** Into how many pieces it is cut; 0 for a body that is no stream. */
  readonly pieces: number;
  /** Whether it breaks off, in thousandths. */
  readonly breaksAt: number | undefined;
}

const URLS = [
  "http://localhost/",
  "http://localhost//",
  "http://localhost/?x=1#y",
  "http://localhost/mcp",
  "http://localhost/mcp/",
  "http://localhost/MCP",
  "http://localhost/healthz",
  "http://localhost/healthz/",
  "http://localhost/.well-known/oauth-protected-resource",
  "http://localhost/%",
  "http://localhost/%00",
  "http://localhost/a/../mcp",
  "http://[::1]:80/mcp",
  "https://user:password@localhost/",
  "http://a b/",
  "http://^/",
  "http://a:99999/",
  "http://%zz/",
  "http://[::bad/",
  "http:///",
  "*",
  "",
  "localhost",
];

const CALL = write({
  tool: "take",
  args: '{"value":[1,2,3]}',
  client: CLIENT_ID,
  signer: "its secret",
  skewMs: 0,
  order: [],
  changes: [],
  space: "",
  drafted: [],
  edits: [],
  bytes: [],
});

const BODIES: Record<HttpCase["body"], Uint8Array<ArrayBuffer>> = {
  "a call": CALL,
  nothing: new Uint8Array(),
  "no JSON": new TextEncoder().encode("<html>"),
  "a megabyte and more": new Uint8Array(1_048_577).fill(32),
};

const headerText = text.filter((value) =>
  /^[\t\x20-\x7e\x80-\xff]*$/.test(value)
);

export const http: Kind<HttpCase> = {
  name: "http",
  cases: fc.record({
    method: fc.oneof(
      { weight: 3, arbitrary: fc.constant("POST") },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          "GET",
          "HEAD",
          "PUT",
          "OPTIONS",
          "DELETE",
          "PATCH",
          "M-SEARCH",
          "post",
        ),
      },
    ),
    url: fc.oneof(
      { weight: 3, arbitrary: fc.constant(URLS[0]) },
      { weight: 3, arbitrary: fc.constantFrom(...URLS) },
      { weight: 1, arbitrary: text.map((text) => `http://localhost/${text}`) },
    ),
    headers: fc.array(
      fc.oneof(
        fc.constantFrom<[string, string]>(
          ["content-type", "text/plain"],
          ["content-type", "application/json; charset=utf-16"],
          ["content-type", "application/jsonp"],
          ["content-type", "APPLICATION/JSON ;x"],
          ["content-length", "0"],
          ["content-length", "99999999999999999999"],
          ["content-length", "-1"],
          ["content-encoding", "gzip"],
          ["content-encoding", "identity"],
          ["accept", "text/html"],
          ["accept", "text/event-stream"],
          ["origin", "null"],
          ["origin", "https://evil.example"],
          ["origin", "chrome-extension://abcdef"],
          ["access-control-request-headers", "x, y"],
          ["x-forwarded-host", "evil.example"],
        ),
        fc.tuple(
          fc.constantFrom("content-type", "origin", "accept", "authorization"),
          headerText,
        ),
      ),
      { maxLength: 2 },
    ),
    body: fc.oneof(
      { weight: 6, arbitrary: fc.constant("a call" as const) },
      {
        weight: 2,
        arbitrary: fc.constantFrom("nothing" as const, "no JSON" as const),
      },
      { weight: 1, arbitrary: fc.constant("a megabyte and more" as const) },
    ),
    pieces: fc.oneof(
      fc.constant(0),
      fc.integer({ min: 1, max: 5 }),
      fc.constantFrom(300, 2000),
    ),
    breaksAt: fc.option(fc.integer({ min: 0, max: 1000 }), { freq: 8 }),
  }),
  async open() {
    const server = await Promise.resolve(observedServer());
    return {
      async check(value) {
        server.forget();
        const sent = await server.send(requestOf(value));
        checkHttp(value, sent);
      },
      close: () => server.stop(),
    };
  },
};

function requestOf(value: HttpCase): Request {
  const { method, url, headers } = value;
  const hasBody = method !== "GET" && method !== "HEAD";
  const sent = new Headers({ "content-type": "application/json" });
  for (const [name, value] of headers) sent.set(name, value);
  const request = new Request("http://localhost/", {
    method,
    headers: sent,
    ...hasBody && value.body !== "nothing" && { body: bodyOf(value) },
  });
  // A platform hands over what stood in the request line, good or bad.
  Object.defineProperty(request, "url", { value: url });
  return request;
}

function bodyOf({ body, pieces, breaksAt }: HttpCase): BodyInit {
  const bytes = BODIES[body];
  const isWhole = pieces === 0 && breaksAt === undefined;
  if (isWhole) return bytes.slice();
  const size = Math.max(1, Math.ceil(bytes.length / Math.max(1, pieces)));
  const end = breaksAt === undefined
    ? bytes.length
    : Math.floor(bytes.length * breaksAt / 1000);
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at < end) {
        const from = at;
        at = Math.min(end, at + size);
        return controller.enqueue(bytes.slice(from, at));
      }
      if (breaksAt === undefined) controller.close();
      else controller.error(new Error("the connection broke"));
    },
  });
}

function checkHttp(value: HttpCase, sent: Sent): void {
  const { body, breaksAt, headers, method, url } = value;
  const what = () => `HTTP ${sent.status}: ${brief(sent.text)}`;
  const isGood = body === "a call" && breaksAt === undefined &&
    !headers.some(([name]) => /^(content-|origin)/.test(name));
  const path = URL.canParse(url) ? new URL(url).pathname : undefined;
  const ran = sent.runs.length > 0;
  must(
    !ran || (body === "a call" && path === "/" && breaksAt === undefined),
    "a tool runs for accepted calls only",
    what,
  );
  must(
    ran || !(isGood && path === "/" && /^post$/i.test(method)),
    "what is good is accepted",
    what,
  );
  checkAftermath(sent, { known: ran, refused: !ran });
  must(sent.status < 500, "status and code are of the table", what);
  if (method === "HEAD" || sent.bytes.length === 0) return;
  if (path === "/mcp" && method !== "GET") return void checkRpc(sent);
  if (sent.status < 400 && !ran) return; // a look
  if (!/^\{"(error|v)"/.test(sent.text)) return void checkRpc(sent);
  const { caller } = expectedOf(BODIES[body]);
  checkAnswer(sent, {
    requestId: undefined,
    serverId: SERVER_ID,
    secret: caller && SECRET,
  });
}

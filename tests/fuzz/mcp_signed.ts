/** Signed MCP: requests and answers that are altered on their way. */
import fc from "npm:fast-check@4.10.2";
import { SignatureError, signedFetch } from "../../src/signatures/mod.ts";
import { CLIENT_ID, SECRET, SERVER_ID } from "../support/parties.ts";
import { checkAftermath } from "./aftermath.ts";
import { MODERN, writeMcp } from "./mcp_draft.ts";
import {
  NOW,
  type ObservedServer,
  observedServer,
  type Sent,
} from "./observed_server.ts";
import { checkRpc } from "./rpc_answer.ts";
import type { Kind } from "./run.ts";
import { readBytes } from "./strict_json.ts";
import { jsonText } from "./json_texts.ts";
import {
  type Alteration,
  alterations,
  alterRequest,
  alterResponse,
  type Parts,
} from "./alterations.ts";
import { brief, must } from "./violation.ts";

interface SignedCase {
  readonly revision: string;
  /** Whether it is a batch, in the revision that has them. */
  readonly batch: boolean;
  readonly tool: string;
  readonly args: string;
  readonly request: readonly Alteration[];
  readonly answer: readonly Alteration[];
  readonly twice: boolean;
}

export const mcpSigned: Kind<SignedCase> = {
  name: "mcp-signed",
  weight: 2,
  cases: fc.record({
    revision: fc.constantFrom(MODERN, MODERN, "2025-11-25", "2025-03-26"),
    batch: fc.boolean(),
    tool: fc.constantFrom("take", "read", "forbidden"),
    args: jsonText.map((value) => `{"value":${value}}`),
    request: alterations,
    answer: fc.oneof(fc.constant<Alteration[]>([]), alterations),
    twice: fc.boolean(),
  }),
  async open() {
    const server = await Promise.resolve(observedServer());
    return {
      check: (value) => checkSigned(server, value),
      close: () => server.stop(),
    };
  },
};

async function checkSigned(
  server: ObservedServer,
  value: SignedCase,
): Promise<void> {
  server.forget();
  const { tool, args, revision, batch } = value;
  const { body, headers } = writeMcp({
    revision,
    messages: [{
      method: "tools/call",
      id: "1",
      params: { name: JSON.stringify(tool), arguments: args },
      changes: [],
    }],
    batch: batch && revision === "2025-03-26",
    headers: [],
    space: "",
    edits: [],
    bytes: [],
  });
  let genuine: Sent | undefined;
  let isAltered = false;
  const options = {
    clientId: CLIENT_ID,
    secret: SECRET,
    serverId: SERVER_ID,
    now: () => NOW,
    fetch: async (request: Request) => {
      genuine = await deliver(server, request, value);
      const response = responseOf(genuine);
      const altered = alterResponse(response, genuine, value.answer);
      isAltered = altered !== response;
      return altered;
    },
  };
  const fetch = signedFetch(options);
  const response = await fetch("http://localhost/mcp", {
    method: "POST",
    headers,
    body,
  }).catch((error: Error) => error);
  if (genuine === undefined) throw response; // the draft could not be sent
  await checkBelieved(response, genuine, isAltered);
}

/** Sends what the client signed, as it has become on its way. */
async function deliver(
  server: ObservedServer,
  request: Request,
  { request: changes, tool, twice }: SignedCase,
): Promise<Sent> {
  const body = await request.bytes();
  const original = { request, body };
  const altered = changes.reduce(alterRequest, original);
  const make = ({ request, body }: Parts) => {
    const { method, url, headers } = request;
    const hasBody = method !== "GET" && method !== "HEAD";
    return new Request(url, {
      method,
      headers,
      ...hasBody && body.length > 0 && { body: body.slice() },
    });
  };
  const sent = await server.send(make(altered));
  const isSigned = sent.headers.has("signature");
  const same = covered(altered) === covered(original);
  must(
    same || !isSigned,
    "nothing forged is accepted",
    () => `HTTP ${sent.status} for ${brief(changes)}: ${brief(sent.text)}`,
  );
  if (new URL(altered.request.url).pathname !== "/mcp") return sent;
  const answers = checkRpc(sent);
  // A tool whose result is no JSON has run.
  const refused = sent.status >= 400 ||
    answers.some(({ code }) => code !== undefined && code !== -32603);
  // A batch spends its one nonce before its messages are looked at.
  const isBatch = isSigned && Array.isArray(readBytes(body)?.value);
  checkAftermath(sent, { known: isSigned, refused: refused && !isBatch });
  must(
    !sent.runs.some(({ tool }) => tool === "forbidden"),
    "a forbidden tool never runs",
    () => `HTTP ${sent.status}: it ran`,
  );
  if (changes.length === 0) {
    const problem = expectedProblem(body);
    must(
      isSigned && (refused || problem === undefined),
      "what is good is accepted",
      () => `HTTP ${sent.status} ${problem}: ${brief(sent.text)}`,
    );
  }
  if (twice && sent.runs.length > 0 && tool !== "read") {
    const again = await server.send(make(altered));
    must(
      again.runs.length === 0,
      "nothing is accepted twice",
      () => `it ran again: HTTP ${again.status} ${brief(again.text)}`,
    );
    must(
      again.status === 409,
      "nothing is accepted twice",
      () => `HTTP ${again.status}: ${brief(again.text)}`,
    );
  }
  return sent;
}

/** Whatever the signature must cover. */
function covered({ request: { method, url, headers }, body }: Parts): string {
  const { host, pathname, search } = new URL(url);
  const fields = [...headers].filter(([name]) =>
    /^(mcp-.*|content-type|authorization)$/.test(name)
  );
  const content = new TextDecoder("latin1").decode(body);
  return JSON.stringify([
    method,
    host,
    pathname,
    search || "?",
    fields,
    content,
  ]);
}

/** Why a body is no I-JSON, and so rightly refused. */
function expectedProblem(body: Uint8Array): string | undefined {
  const read = readBytes(body);
  return read === undefined ? "no JSON" : [...read.problems].sort()[0];
}

function responseOf({ status, headers, bytes }: Sent): Response {
  return new Response(bytes.length > 0 ? bytes.slice() : null, {
    status,
    headers,
  });
}

async function checkBelieved(
  got: Response | Error,
  genuine: Sent,
  isAltered: boolean,
): Promise<void> {
  const isSigned = genuine.headers.has("signature");
  if (got instanceof Error) {
    must(
      got instanceof SignatureError,
      "an error is of the documented kind",
      () => `signedFetch rejects with a ${got.name}: ${got.message}`,
    );
    must(
      isAltered || !isSigned,
      "a good answer is believed",
      () => `${got.reason}: HTTP ${genuine.status} ${brief(genuine.text)}`,
    );
    return;
  }
  const text = await got.text();
  if (text.startsWith("Unsigned refusal: ") && got.status >= 400) {
    must(
      isAltered || !isSigned,
      "a good answer is believed",
      () => `it is taken for unsigned: ${brief(genuine.text)}`,
    );
    return;
  }
  must(
    isSigned && text === genuine.text && got.status === genuine.status,
    "a refused answer is never believed",
    () =>
      `HTTP ${got.status} ${brief(text)} is not HTTP ${genuine.status} ` +
      brief(genuine.text),
  );
  for (const [name, value] of got.headers) {
    must(
      genuine.headers.get(name) === value,
      "a refused answer is never believed",
      () => `a header: ${name} is ${value}`,
    );
  }
}

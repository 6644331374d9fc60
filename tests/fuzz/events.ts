/** Signed streams of events, altered on their way to `signedFetch`. */
import fc from "npm:fast-check@4.10.2";
import { SignatureError, signedFetch } from "../../src/signatures/mod.ts";
import { CLIENT_ID, SECRET, SERVER_ID } from "../support/parties.ts";
import { leastMs } from "./cost.ts";
import { writeMcp } from "./mcp_draft.ts";
import {
  NOW,
  type ObservedServer,
  observedServer,
  type Sent,
} from "./observed_server.ts";
import type { Kind } from "./run.ts";
import { applyEdits, type Edit, edit } from "./edits.ts";
import { brief, must } from "./violation.ts";

type EventChange =
  | { readonly drop: number }
  | { readonly repeat: number }
  | { readonly swap: number }
  | { readonly edit: Edit }
  | { readonly insert: string; readonly at: number }
  | { readonly crlf: true };

interface EventsCase {
  readonly words: readonly string[];
  readonly changes: readonly EventChange[];
  /** Bytes of a piece; 0 for all in one. */
  readonly piece: number;
  /** Bytes of an event that does not end, sent after the others. */
  readonly flood: number;
}

const at = fc.nat({ max: 4 });

export const events: Kind<EventsCase> = {
  name: "events",
  cases: fc.record({
    words: fc.array(fc.string({ maxLength: 6 }), {
      minLength: 1,
      maxLength: 3,
    }),
    changes: fc.oneof(
      { weight: 1, arbitrary: fc.constant<EventChange[]>([]) },
      {
        weight: 4,
        arbitrary: fc.array(
          fc.oneof<fc.Arbitrary<EventChange>[]>(
            fc.record({ drop: at }),
            fc.record({ repeat: at }),
            fc.record({ swap: at }),
            fc.record({ edit }),
            fc.record({
              insert: fc.constantFrom(
                ":\n\n",
                "data: {}\n\n",
                "data: x\nmac: 1:AAAA\n\n",
                "id: 7\nretry: 1\nevent: other\n\n",
                "\n\n\n",
                "data: ",
                "\r",
              ),
              at,
            }),
            fc.record({ crlf: fc.constant<true>(true) }),
          ),
          { minLength: 1, maxLength: 2 },
        ),
      },
    ),
    piece: fc.constantFrom(0, 1, 7, 100),
    flood: fc.oneof(
      { weight: 200, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.constant(2_000_000) },
    ),
  }),
  async open() {
    const server = await Promise.resolve(observedServer());
    return {
      check: (value) => checkStream(server, value),
      close: () => server.stop(),
    };
  },
};

async function checkStream(
  server: ObservedServer,
  value: EventsCase,
): Promise<void> {
  server.forget();
  const allowedMs = 150 + value.flood / 5000;
  const ms = await leastMs(() => checkOnce(server, value), allowedMs);
  must(
    ms <= allowedMs,
    "refusing costs no more than accepting",
    () => `an event without an end: ${ms.toFixed()} ms`,
  );
}

async function checkOnce(
  server: ObservedServer,
  value: EventsCase,
): Promise<void> {
  const { words, changes, flood } = value;
  const { body, headers } = writeMcp({
    revision: "2026-07-28",
    messages: [{
      method: "tools/call",
      id: "1",
      params: {
        name: '"tells"',
        arguments: JSON.stringify({ words }),
      },
      changes: [],
    }],
    batch: false,
    headers: [],
    space: "",
    edits: [],
    bytes: [],
  });
  let genuine = "";
  const options = {
    clientId: CLIENT_ID,
    secret: SECRET,
    serverId: SERVER_ID,
    now: () => NOW,
    fetch: async (request: Request) => {
      const sent = await server.send(request);
      genuine = sent.text;
      return responseOf(sent, value);
    },
  };
  const got = await signedFetch(options)("http://localhost/mcp", {
    method: "POST",
    headers,
    body,
  }).then(readFrames, (error) => ({ frames: [], error }));
  checkFrames(got, framesOf(genuine), changes.length === 0 && flood === 0);
}

function checkFrames(
  { frames, error }: { frames: string[]; error?: unknown },
  genuine: string[],
  isUnchanged: boolean,
): void {
  must(
    error === undefined || error instanceof SignatureError,
    "an error is of the documented kind",
    () => `a stream fails with: ${error}`,
  );
  must(
    frames.every((frame, i) => frame === genuine[i]),
    "a refused answer is never believed",
    () => `events that were not sent so: ${brief(frames)}`,
  );
  must(
    !isUnchanged || (error === undefined && frames.length === genuine.length),
    "a good answer is believed",
    () => `a stream as it was sent: ${brief(frames)}, ${error}`,
  );
}

async function readFrames(
  response: Response,
): Promise<{ frames: string[]; error?: unknown }> {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk, { stream: true });
    }
    return { frames: framesOf(text) };
  } catch (error) {
    return { frames: framesOf(text), error };
  }
}

/** Data of events that ended, read as browsers do. */
function framesOf(text: string): string[] {
  const events = text.split("\n\n").slice(0, -1);
  return events.flatMap((event) => {
    const lines = event.split("\n").filter((line) => line.startsWith("data:"));
    if (lines.length === 0) return [];
    return [lines.map((line) => line.slice(5).replace(/^ /, "")).join("\n")];
  });
}

function responseOf(
  { headers, status, text }: Sent,
  { changes, piece, flood }: EventsCase,
): Response {
  const bytes = new TextEncoder().encode(changes.reduce(change, text));
  let at = 0;
  let flooded = 0;
  const flooding = new TextEncoder().encode("x".repeat(1000));
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      if (at < bytes.length) {
        const from = at;
        at += piece || bytes.length;
        return controller.enqueue(bytes.slice(from, at));
      }
      if (flooded >= flood) return controller.close();
      if (flooded === 0) controller.enqueue(new TextEncoder().encode("data: "));
      flooded += flooding.length;
      controller.enqueue(flooding.slice());
    },
  });
  return new Response(body, { headers, status });
}

function change(text: string, change: EventChange): string {
  if ("edit" in change) return applyEdits(text, [change.edit]);
  if ("crlf" in change) return text.replaceAll("\n", "\r\n");
  const parts = text.split("\n\n");
  const index = (at: number) => at % parts.length;
  if ("drop" in change) parts.splice(index(change.drop), 1);
  else if ("repeat" in change) {
    const at = index(change.repeat);
    parts.splice(at, 0, parts[at]);
  } else if ("swap" in change) {
    const [taken] = parts.splice(index(change.swap), 1);
    parts.unshift(taken);
  } else {
    const at = index(change.at);
    return parts.slice(0, at).map((part) => `${part}\n\n`).join("") +
      change.insert + parts.slice(at).join("\n\n");
  }
  return parts.join("\n\n");
}

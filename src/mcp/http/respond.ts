/**
 * The answer as JSON, or as a stream of events where something is to be said
 * before it (basic/transports, "Streamable HTTP").
 *
 * What happens first decides. Errors so keep their HTTP status for as long as
 * nothing was sent, and a call that takes its time is not taken for dead.
 *
 * @module
 */

import { writeJson } from "../../json/write_json.ts";

/** What a request comes to. */
export interface RpcResponse {
  readonly message: object;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** Options for {@linkcode respond}. */
export interface RespondOptions {
  /** Whether the client takes events. */
  readonly streams: boolean;
  /** Called once nobody reads any more. */
  readonly onGone: () => void;
}

/** How long an answer may take before the stream is opened, and between signs of life. */
const SILENCE_MS = 10_000;

/**
 * Answers with what `work` comes to, and before that with what it notifies of.
 *
 * @param work Never throws.
 */
export async function respond(
  work: (notify: (frame: object) => void) => Promise<RpcResponse>,
  { streams, onGone }: RespondOptions,
): Promise<Response> {
  const utf8 = new TextEncoder();
  const early: string[] = [];
  let sink: ReadableStreamDefaultController<Uint8Array> | undefined;
  let open: (streaming: undefined) => void = () => {};
  const opened = new Promise<undefined>((resolve) => open = resolve);

  function send(text: string): void {
    if (!streams) return;
    if (sink) sink.enqueue(utf8.encode(text));
    else early.push(text);
    open(undefined);
  }

  const answered = work((frame) => send(event(frame)));
  const life = setInterval(() => send(":\n\n"), SILENCE_MS);
  answered.finally(() => clearInterval(life));

  const answer = await Promise.race([answered, opened]);
  if (answer) return toResponse(answer);
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      sink = controller;
      for (const text of early) send(text);
      answered.then(({ message }) => {
        if (sink === undefined) return;
        send(event(message));
        sink.close();
      }).catch((error) => sink?.error(error)); // what cannot be written
    },
    cancel() {
      sink = undefined;
      clearInterval(life);
      onGone();
    },
  });
  return new Response(body, {
    headers: {
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    },
  });
}

/** Whether a client takes events for an answer; who does not say takes anything. */
export function takesEvents(headers: Headers): boolean {
  return /text\/event-stream|\*\/\*/i.test(headers.get("accept") ?? "*/*");
}

/** Writes an answer as JSON. */
export function toResponse(
  { message, status, headers }: RpcResponse,
): Response {
  return new Response(writeJson(message), {
    status,
    headers: {
      "content-type": "application/json",
      "cache-control": "no-store",
      ...headers,
    },
  });
}

function event(message: object): string {
  return `event: message\ndata: ${writeJson(message)}\n\n`;
}

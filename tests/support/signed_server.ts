/** A server that takes signed requests only, and signs what it answers. */
import { createKeyring } from "../../src/signing/keyring.ts";
import { spendInMemory } from "../../src/signing/nonce.ts";
import { challenge, verifyRequest } from "../../src/signatures/authenticate.ts";
import { SignatureError } from "@countersign/mcp/signatures";

export const SERVER_ID = "mcp-server-001";
export const SECRET = "a client's secret of thirty-two bytes or more";

/** Answers a request that was verified. */
export type Answer = (
  request: Request,
  body: string,
) => Response | Promise<Response>;

export function signedServer(
  answer: Answer,
): (request: Request) => Promise<Response> {
  const keyring = createKeyring({ "client-001": SECRET }, false);
  const spend = spendInMemory(Date.now);
  return async (request) => {
    const body = new Uint8Array(await request.arrayBuffer());
    try {
      const { nonce, respond } = await verifyRequest(request, body, {
        keyring,
        serverId: SERVER_ID,
        now: Date.now,
      });
      if (!await spend(nonce)) throw new SignatureError("replayed_nonce");
      return await respond(
        await answer(request, new TextDecoder().decode(body)),
      );
    } catch (error) {
      if (!(error instanceof SignatureError)) throw error;
      return challenge(request, error.reason);
    }
  };
}

/** A stream of events, one a message. */
export function events(...messages: unknown[]): Response {
  const text = messages.map((message) =>
    `event: message\ndata: ${JSON.stringify(message)}\n\n`
  );
  return new Response(
    ReadableStream.from(text).pipeThrough(new TextEncoderStream()),
    {
      headers: { "content-type": "text/event-stream" },
    },
  );
}

/**
 * What a server says to those who only look: who it is, and whether it is well.
 *
 * @module
 */

import { VERSION } from "../envelope/signed_text.ts";

const HEADERS = { "cache-control": "no-store" };

/** Answers `GET /`: JSON, or a page for browsers. */
export function describeServer(
  request: Request,
  identity: Readonly<Record<string, unknown>>,
): Response {
  const facts = { protocol: VERSION, ...identity };
  if (!request.headers.get("accept")?.includes("text/html")) {
    return Response.json(facts, { headers: HEADERS });
  }
  const rows = Object.entries(facts).map(([name, value]) =>
    `<dt>${escape(name)}</dt><dd>${
      escape(typeof value === "string" ? value : JSON.stringify(value))
    }</dd>`
  );
  const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escape(String(identity.server_id))}</title>
<style>
body { font: 1rem/1.5 system-ui; max-width: 40rem; margin: 10vh auto; padding: 0 1rem }
dt { color: GrayText } dd { margin: 0 0 1rem; font-family: ui-monospace, monospace }
:root { color-scheme: light dark }
</style>
<h1>${escape(String(identity.server_id))}</h1>
<p>This is a tool server. It takes signed calls: POST an envelope of
<code>${VERSION}</code> here.</p>
<dl>${rows.join("")}</dl>
</html>
`;
  return new Response(page, {
    headers: {
      ...HEADERS,
      "content-type": "text/html; charset=utf-8",
      "content-security-policy":
        "default-src 'none'; style-src 'unsafe-inline'",
      "x-content-type-options": "nosniff",
    },
  });
}

/** Answers `GET /healthz`: 200 while `probe` succeeds, 503 otherwise. */
export async function checkHealth(
  probe: () => Promise<unknown>,
): Promise<Response> {
  const ok = await probe().then(() => true, () => false);
  return Response.json(
    { status: ok ? "ok" : "unavailable" },
    { status: ok ? 200 : 503, headers: HEADERS },
  );
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

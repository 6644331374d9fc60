/** What must hold of every exchange with a server, whatever was asked. */
import { type Line, SECRETS, type Sent } from "./observed_server.ts";
import { brief, must } from "./violation.ts";

/** How a request stands before the server. */
export interface Standing {
  /** Whether a secret was proved to be known. */
  readonly known: boolean;
  /** Whether it was refused, and so may have done nothing. */
  readonly refused: boolean;
}

/** Longest value that a line of the log may show. */
const LONGEST_LINE = 20_000;

export function checkAftermath(sent: Sent, standing: Standing): void {
  checkSecrets(sent);
  checkLog(sent, standing);
  if (!standing.refused) return;
  must(sent.commits.length === 0, "a refused call changes nothing", () => {
    const keys = sent.commits.flatMap(({ set }) => set);
    return `HTTP ${sent.status}, it wrote: ${brief(keys)}`;
  });
  must(
    sent.runs.length === 0,
    "a tool runs for accepted calls only",
    () => `HTTP ${sent.status}: ${brief(sent.runs)}`,
  );
}

function checkSecrets({ headers, text, lines }: Sent): void {
  const told = [text, ...headers.values(), ...lines.map(inspectLine)];
  for (const secret of SECRETS) {
    const leak = told.find((where) => where.includes(secret));
    must(leak === undefined, "no secret is told", () => `told: ${brief(leak)}`);
  }
}

export function inspectLine({ message, fields }: Line): string {
  return `${message} ${
    Deno.inspect(fields, { depth: 8, strAbbreviateSize: Infinity })
  }`;
}

function checkLog(
  { status, lines, text }: Sent,
  { known }: Standing,
): void {
  const errors = lines.filter(({ level }) => level === "error");
  if (!known) {
    const stack = lines.find((line) =>
      / at .+:\d+:\d+/.test(inspectLine(line))
    );
    must(
      stack === undefined,
      "a stranger writes no stack trace",
      () => `HTTP ${status}: ${stack && brief(inspectLine(stack))}`,
    );
  }
  for (const line of lines) {
    const written = inspectLine(line);
    must(
      line.message.isWellFormed(),
      "texts are well formed",
      () => `in the log: ${brief(line.message)}`,
    );
    must(
      written.length <= LONGEST_LINE,
      "texts are bounded",
      () => `a line of the log: ${written.length} characters`,
    );
  }
  if (status < 500) return;
  const causes = errors.filter(({ fields }) => fields.error !== undefined);
  must(
    errors.length === 1 && (causes.length === 1 || isToldInFull(text)),
    "a failure has a cause, logged once",
    () =>
      `HTTP ${status} with ${errors.length} lines, ${causes.length} with a ` +
      `cause: ${brief(text)}`,
  );
}

/** A tool's own words, or a sentence that says it all, have no cause. */
function isToldInFull(text: string): boolean {
  return /"error":"(tool_failed: (?!The tool failed)|result_too_large: |not_configured: )/
    .test(text);
}

/** SECURITY.md's threats, let in: to a client. */
import type { Mutant } from "./mutant.ts";

export const SECURITY_CLIENT: readonly Mutant[] = [
  {
    promise: "One call is run twice by what somebody replays",
    file: "src/client/send.ts",
    find: 'kind === "once" ? nonce : crypto.randomUUID(),',
    replace: "crypto.randomUUID(),",
    tests: ["tests/security_client_test.ts"],
  },
  {
    promise: "An answer is given again to a call that has its id",
    file: "src/client/freshness.ts",
    find:
      'if (given.has(signature)) throw unverifiedError("it was given before");',
    replace: "",
    tests: ["tests/security_client_test.ts"],
  },
  {
    promise: "A client's clock is set by what somebody replays",
    file: "src/client/send.ts",
    find: "if (isBound) freshness",
    replace: "if (isBound || true) freshness",
    tests: ["tests/security_client_test.ts"],
  },
  {
    promise: "A job is ended by who is on the way",
    file: "src/client/response.ts",
    find: "new CountersignError(code, message, readRetryAfter(response))",
    replace:
      'new CountersignError(code, message, { jobId: "1", signed: true })',
    tests: ["tests/security_client_test.ts"],
  },
  {
    promise: "An answer exhausts who asked",
    file: "src/client/try.ts",
    find: "{ limit: maxAnswerBytes, signal: limit }",
    replace: "{ limit: Infinity, signal: limit }",
    tests: ["tests/security_client_test.ts"],
  },
  {
    promise: "Two parsers read one answer differently",
    file: "src/client/response.ts",
    find: "if (isCanonical || countNames(text) === countNames(canonical)) {",
    replace: "if (text) {",
    tests: ["tests/security_client_test.ts"],
  },
  {
    promise: "A client asks without a pause, as it was told",
    file: "src/client/job_handle.ts",
    find: "Math.max(poll_after_ms, SHORTEST_PAUSE_MS)",
    replace: "poll_after_ms",
    tests: ["tests/security_client_test.ts"],
  },
  {
    promise: "A KV Connect server answers about other keys",
    file: "src/kv_connect/messages.ts",
    find: "if (compareBytes(key, start) < 0 || compareBytes(key, end) >= 0) {",
    replace: "if (compareBytes(key, start) < 0) {",
    tests: ["tests/security_client_test.ts"],
  },
];

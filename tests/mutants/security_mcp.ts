/** SECURITY.md's threats, let in: at `/mcp`. */
import type { Mutant } from "./mutant.ts";

export const SECURITY_MCP: readonly Mutant[] = [
  {
    promise: "An MCP endpoint stands open by mistake",
    file: "src/mcp/options.ts",
    find: 'if (authenticate === "none") return anyone;',
    replace: "return anyone;",
    tests: ["tests/security_mcp_test.ts"],
  },
  {
    promise:
      "An MCP endpoint stands open by mistake: it is signed for by default",
    file: "src/mcp/options.ts",
    find: "if (authenticate === undefined) {",
    replace: "if (authenticate === undefined && keyring === undefined) {",
    tests: ["tests/security_mcp_test.ts"],
  },
  {
    promise: "An MCP request is forged, changed or replayed: changed",
    file: "src/signatures/authenticate.ts",
    find: 'if (!holds) throw new SignatureError("digest_mismatch");',
    replace: "",
    tests: ["tests/security_mcp_test.ts"],
  },
  {
    promise: "An MCP request is forged, changed or replayed: forged",
    file: "src/signatures/authenticate.ts",
    find: 'if (!caller) throw new SignatureError("bad_signature");',
    replace: 'if (!caller) throw new TypeError("nobody");',
    tests: ["tests/security_mcp_test.ts"],
  },
  {
    promise: "An MCP request for another server is sent here",
    file: "src/signatures/mcp_hmac.ts",
    find: "return `${tag} ${serverId}`;",
    replace: "return `${tag}`;",
    tests: ["tests/security_mcp_test.ts"],
  },
  {
    promise: "A header of an MCP request is added or taken away",
    file: "src/signatures/mcp_hmac.ts",
    find: "...fieldNames(headers, /^mcp-/),",
    replace: "",
    tests: ["tests/security_mcp_test.ts"],
  },
  {
    promise: "A gateway is misled by headers that lie",
    file: "src/mcp/http/headers.ts",
    find: "if (name !== undefined && name !== named) {",
    replace: 'if (name === "") {',
    tests: ["tests/security_mcp_test.ts", "tests/mcp_rules_test.ts"],
  },
  {
    promise: "An MCP answer is forged, or given to another request: to another",
    file: "src/signatures/signed_fetch.ts",
    find:
      'if (params.nonce !== nonce) throw new SignatureError("replayed_nonce");',
    replace: "",
    tests: ["tests/signed_fetch_test.ts"],
  },
  {
    promise:
      "An MCP answer is forged, or given to another request: its content",
    file: "src/signatures/signed_fetch.ts",
    find: 'throw new SignatureError("digest_mismatch");',
    replace: "",
    tests: ["tests/signed_fetch_test.ts"],
  },
  {
    promise:
      "An MCP answer is forged, or given to another request: the order of its events",
    file: "src/signatures/event_stream.ts",
    find: "return utf8.encode(`${nonce}\\n${seq}\\n${digest}`);",
    replace: "return utf8.encode(`${nonce}\\n${digest}`);",
    tests: ["tests/signed_fetch_test.ts"],
  },
  {
    promise: "A web page makes a browser call the server",
    file: "src/mcp/http/origin.ts",
    find: "  throw originError(\n    `Origin",
    replace: '  if (origin === "") throw originError(\n    `Origin',
    tests: ["tests/security_mcp_test.ts"],
  },
  {
    promise: "A web page makes a browser call the server, under its own name",
    file: "src/mcp/options.ts",
    find: "(isPublic ? LOOPBACK : undefined)",
    replace: "undefined",
    tests: ["tests/security_mcp_test.ts"],
  },
  {
    promise: "A requestState is changed, or used by another: changed",
    file: "src/mcp/methods/request_state.ts",
    find: 'throw stateError("was not given to you for this call");',
    replace: "",
    tests: ["tests/mcp_asking_test.ts"],
  },
  {
    promise: "A requestState is changed, or used by another: used by another",
    file: "src/mcp/methods/request_state.ts",
    find: "`tools/call\\n${clientId}\\n${name}\\n${payload}\\n${canonical}`",
    replace: "`tools/call\\n${name}\\n${payload}\\n${canonical}`",
    tests: ["tests/security_mcp_test.ts"],
  },
  {
    promise:
      "A requestState is changed, or used by another: for other arguments",
    file: "src/mcp/methods/request_state.ts",
    find: "\\n${payload}\\n${canonical}`",
    replace: "\\n${payload}\\n`",
    tests: ["tests/security_mcp_test.ts"],
  },
  {
    promise: "A requestState is changed, or used by another: too late",
    file: "src/mcp/methods/request_state.ts",
    find: "if (until < bound.now)",
    replace: "if (until < 0)",
    tests: ["tests/mcp_asking_test.ts"],
  },
  {
    promise: "A bearer token is guessed",
    file: "src/bearer.ts",
    find: "known.filter(({ hash }) => timingSafeEqual(hash, sent))",
    replace:
      "known.filter(({ hash }) => timingSafeEqual(hash, sent) || token.length > 8)",
    tests: ["tests/security_mcp_test.ts"],
  },
  {
    promise: "A bearer token is guessed: a short one",
    file: "src/bearer.ts",
    find: "if (token.length < MIN_SECRET_BYTES) {",
    replace: "if (token.length < 1) {",
    tests: ["tests/security_mcp_test.ts"],
  },
  {
    promise: "An MCP client finds out which tools it was not given",
    file: "src/mcp/methods/tools_call.ts",
    find: "Object.hasOwn(tools, name) && may(name)",
    replace: "Object.hasOwn(tools, name)",
    tests: ["tests/security_mcp_test.ts"],
  },
  {
    promise: "A task is reached by another client",
    file: "src/job/jobs.ts",
    find: "if (stored?.job.clientId === clientId) return stored;",
    replace: "if (stored?.job.clientId) return stored;",
    tests: ["tests/security_mcp_test.ts"],
  },
];

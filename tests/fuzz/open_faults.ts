/**
 * Faults that are known and not mended yet, by kind and key: what is to be done.
 * They are told, and fail nothing. Whoever mends one takes it out, and keeps its
 * case in `found.json`.
 */
export const OPEN_FAULTS: Readonly<Record<string, string>> = {
  "client: a good answer is believed: unverified_answer, short names escaped":
    "V8 15.0 misreads such names, and the client parses with it",
  "middle: a refused answer is never believed: read was given another's answer":
    "an answer to a start is taken for a later call with the same requestId",
  "middle: a refused answer is never believed: take was given another's answer":
    "the same, for a tool that must not repeat",
  "results: a result that is not JSON fails, once: it ran again from what throws at a look":
    "a job's result that cannot be looked at is no JSON: the job has failed",
  "results: a result that is not JSON fails, once: unavailable for no JSON from what throws at a look":
    "the tool has run: tool_failed",
  "results: a case ends: a job does not end from what throws at a look":
    "what a job throws must be written down, whatever it is",
  "job-control: a refused call changes nothing: HTTP 422, it wrote":
    "an answer that does not fit is refused before the nonce is spent",
  "kv-connect: texts are well formed: in an error of KV Connect":
    "what a KV Connect server says is quoted between whole characters",
};

/** RFC 8785 beside `JSON.stringify`, its floor, and beside a peer. */
import canonicalize from "npm:canonicalize@2.1.0";
import { canonicalJson } from "../src/json/canonical_json.ts";

const row = (i: number) => ({
  alpha: { x: 2, y: 1 },
  id: i,
  name: `row number ${i} é`,
  ok: i % 2 === 0,
  price: i * 1.25,
  tags: ["a", "b"],
});
const shuffled = (i: number) => {
  const { alpha, id, ...rest } = row(i);
  return { ...rest, id, alpha };
};
const documents = {
  "an envelope": {
    args: { numbers: [1, 2, 3] },
    client_id: "client-001",
    v: 1,
  },
  "10,000 numbers": {
    numbers: Array.from({ length: 10_000 }, (_, i) => i * 7),
  },
  "1 MB in order": Array.from({ length: 9_000 }, (_, i) => row(i)),
  "1 MB out of order": Array.from({ length: 9_000 }, (_, i) => shuffled(i)),
};

const peer = canonicalize as unknown as (value: unknown) => string;
for (const [group, document] of Object.entries(documents)) {
  if (peer(document) !== canonicalJson(document)) throw new Error(group);
  const n = group.startsWith("1 MB") ? 50 : 1000;
  const writers = {
    "floor, JSON.stringify": JSON.stringify,
    "Countersign": canonicalJson,
    "npm canonicalize": peer,
  };
  for (const [name, write] of Object.entries(writers)) {
    const baseline = name.startsWith("floor");
    const options = { group, baseline, n, warmup: n / 5 };
    Deno.bench(`${group}: ${name}`, options, () => {
      write(document);
    });
  }
}

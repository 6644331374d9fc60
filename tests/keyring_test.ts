/** What strangers are tried with, and that it lets none of them in. */
import { assert, assertEquals } from "@std/assert";
import { importKey, sign } from "../src/signing/hmac.ts";
import { createKeyring } from "../src/signing/keyring.ts";

const secretOf = (i: number) => `a secret of client number ${i}, long enough`;
const clientsOf = (count: number) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, i) => [`client-${i}`, secretOf(i)]),
  );
const utf8 = new TextEncoder();

async function signatureOf(secret: string, text: string): Promise<string> {
  return await sign(await importKey(utf8.encode(secret)), text);
}

Deno.test("a decoy's own secret proves nothing for a stranger, nor for another client", async () => {
  const rotating = [secretOf(7), secretOf(8)];
  const keyring = createKeyring({ ...clientsOf(3), rotating }, false);
  const text = "a call";
  const signatures = await Promise.all(
    [0, 1, 2, 7, 8].map((i) => signatureOf(secretOf(i), text)),
  );
  const strangers = Array.from({ length: 100 }, (_, i) => `stranger-${i}`);
  for (const id of [...strangers, "client-0", "client-1", "rotating"]) {
    const found = await Promise.all(
      signatures.map((one) => keyring.verifyText(id, one, text)),
    );
    const own = { "client-0": [0], "client-1": [1], rotating: [3, 4] }[id] ??
      [];
    const letIn = found.flatMap((holder, i) => holder ? [i] : []);
    assertEquals(letIn, own, id);
    assert(found.every((holder) => holder === undefined || holder.id === id));
  }
});

/** How many keys are imported, and how many MACs verified, by what runs. */
async function count(run: () => Promise<unknown>): Promise<[number, number]> {
  const { importKey, deriveKey, verify } = crypto.subtle;
  const counts: [number, number] = [0, 0];
  const counted =
    (at: 0 | 1, real: (...args: never[]) => unknown) => (...args: never[]) => {
      counts[at]++;
      return real.apply(crypto.subtle, args);
    };
  Object.assign(crypto.subtle, {
    importKey: counted(0, importKey as never),
    deriveKey: counted(0, deriveKey as never),
    verify: counted(1, verify as never),
  });
  try {
    await run();
  } finally {
    Object.assign(crypto.subtle, { importKey, deriveKey, verify });
  }
  return counts;
}

const guess = {
  "an envelope": (id: string, keyring: ReturnType<typeof createKeyring>) =>
    keyring.verifyText(id, "0".repeat(64), "a call"),
  "an MCP request": (id: string, keyring: ReturnType<typeof createKeyring>) =>
    keyring.verifyBytes(id, "p", new Uint8Array(32), new Uint8Array(9)),
};

for (const [name, ask] of Object.entries(guess)) {
  Deno.test(`the first refusal of ${name} by a cold server imports as much for a stranger as for a client`, async () => {
    const rotating = [secretOf(98), secretOf(99)];
    for (const table of [clientsOf(40), { ...clientsOf(40), rotating }]) {
      const costs = new Set<string>();
      for (const id of ["client-0", "client-39", "nobody", "toString", "x"]) {
        const keyring = createKeyring(table, false);
        const first = await count(() => ask(id, keyring));
        const again = await count(() => ask(id, keyring));
        costs.add(JSON.stringify([first, again]));
      }
      assertEquals(costs.size, 1, [...costs].join());
    }
  });
}

Deno.test("strangers are tried with the keys of all clients alike, each always with the same", async () => {
  const clients = 20;
  const keyring = createKeyring(clientsOf(clients), false);
  const imported: number[] = [];
  for (let i = 0; i < 400; i++) {
    const [imports] = await count(() =>
      guess["an envelope"](`s-${i}`, keyring)
    );
    if (imports > 0) imported.push(i);
  }
  assertEquals(imported.length, clients); // in the end every key is in use
  assertEquals(await count(() => guess["an envelope"]("s-1", keyring)), [0, 1]);
  // Another keyring has other decoys: nobody can work out two ids with one.
  const shared = new Set<number>();
  for (let i = 0; i < 64; i++) {
    const other = createKeyring(clientsOf(2), false);
    await guess["an envelope"]("first", other);
    const [imports] = await count(() => guess["an envelope"]("second", other));
    shared.add(imports);
  }
  assertEquals(shared, new Set([0, 1]));
});

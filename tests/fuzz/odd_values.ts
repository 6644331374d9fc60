/** What JavaScript has and JSON has not. */
import type { Value } from "./strict_json.ts";

/** Each is made anew. */
export const ODD = {
  undefined: () => undefined,
  NaN: () => NaN,
  Infinity: () => -Infinity,
  "-0": () => -0,
  bigint: () => 2n ** 70n,
  symbol: () => Symbol("s"),
  function: () => () => 1,
  Date: () => new Date(0),
  "invalid Date": () => new Date(NaN),
  Map: () => new Map([["a", 1]]),
  Set: () => new Set([1]),
  RegExp: () => /a/,
  Uint8Array: () => new Uint8Array([1]),
  "a class": () =>
    new (class Account {
      id = 1;
    })(),
  "a boxed number": () => Object(1),
  "a cycle": () => {
    const self: Record<string, unknown> = {};
    return Object.assign(self, { self });
  },
  "a cycle of arrays": () => {
    const self: unknown[] = [];
    self.push(self);
    return self;
  },
  "a hole": () => Array(2),
  "an object with toJSON": () => ({ a: 1, toJSON: () => "b" }),
  "an array with toJSON": () => Object.assign([1], { toJSON: () => "b" }),
  "a getter": () => ({
    get a() {
      return 1;
    },
  }),
  "a getter that throws": () => ({
    get a(): never {
      throw new Error("no");
    },
  }),
  "a getter that changes": () => {
    let calls = 0;
    return {
      get a() {
        return calls++;
      },
    };
  },
  "a proxy that throws": () =>
    new Proxy({}, {
      ownKeys() {
        throw new Error("no");
      },
    }),
  "a revoked proxy": () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  },
  "no prototype": () => Object.assign(Object.create(null), { a: 1 }),
  "another prototype": () => Object.create({ a: 1 }),
  "a hidden member": () => Object.defineProperty({}, "a", { value: 1 }),
  "a symbol's member": () => ({ [Symbol("s")]: 1 }),
  "an own __proto__": () => JSON.parse('{"__proto__":{"a":1}}'),
  "a promise": () => Promise.resolve(1),
  "an error": () => new Error("no"),
  Response: () => new Response("x"),
} satisfies Record<string, () => unknown>;

export type Odd = keyof typeof ODD;

/** What of them is JSON, and as what. */
export const AS_JSON: Partial<Record<Odd, Value>> = {
  "-0": 0,
  "no prototype": new Map([["a", 1]]),
  "an own __proto__": new Map([["__proto__", new Map([["a", 1]])]]),
};
/** What throws at whoever looks at it. */
export const HOSTILE: readonly Odd[] = [
  "a getter that throws",
  "a proxy that throws",
  "a revoked proxy",
];
/** What may as well be refused as sent, or does no harm either way. */
export const EITHER: readonly Odd[] = [
  "a getter",
  "a getter that changes",
  "a hidden member",
  "a symbol's member",
  "an own __proto__",
];

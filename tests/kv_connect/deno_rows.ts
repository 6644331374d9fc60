/** Rows in a real `Deno.Kv`, with its own limits, versionstamps and expiry. */
import { parseVersionstamp, toHex } from "../../src/kv_connect/messages.ts";
import { packKey, unpackKey } from "../../src/kv_connect/key.ts";
import {
  compare,
  DELETE,
  inRange,
  type ReadRange,
  type Row,
  type Rows,
} from "./messages.ts";

const V8 = 1;
const LITTLE_ENDIAN_64 = 2;
const BYTES = 3;

export function denoRows(kv: Deno.Kv): Rows {
  return {
    async read(ranges) {
      if (ranges.every(isPoint)) { // one snapshot
        const keys = ranges.map(({ start }) => unpackKey(start));
        const entries = await kv.getMany(keys);
        return entries.map((entry) =>
          entry.versionstamp === null ? [] : [rowOf(entry)]
        );
      }
      const all = await Array.fromAsync(kv.list({ prefix: [] }), rowOf);
      return ranges.map((range) => inRange(range, all));
    },
    async write({ checks, mutations }) {
      const atomic = kv.atomic();
      for (const { key, versionstamp } of checks) {
        atomic.check({
          key: unpackKey(key),
          versionstamp: toHex(versionstamp) || null,
        });
      }
      for (const { key, value, encoding, type, expiresAt } of mutations) {
        const name = unpackKey(key);
        if (type === DELETE) atomic.delete(name);
        else if (encoding !== BYTES) throw new RangeError("Not here");
        else {
          const expireIn = Math.max(1, expiresAt - Date.now());
          atomic.set(name, value.slice(), expiresAt ? { expireIn } : {});
        }
      }
      const result = await atomic.commit();
      return result.ok ? parseVersionstamp(result.versionstamp) : undefined;
    },
  };
}

function isPoint({ start, end }: ReadRange): boolean {
  return compare(end, Uint8Array.from([...start, 0])) === 0;
}

function rowOf({ key, value, versionstamp }: Deno.KvEntry<unknown>): Row {
  const [encoding, bytes] = value instanceof Uint8Array
    ? [BYTES, value]
    : value instanceof Deno.KvU64
    ? [LITTLE_ENDIAN_64, littleEndian(value.value)]
    : [V8, new Uint8Array([255, 15, 48])]; // some V8 value: `null`
  return {
    key: packKey(key as (string | number | bigint | boolean | Uint8Array)[]),
    value: bytes,
    encoding,
    versionstamp: parseVersionstamp(versionstamp),
  };
}

function littleEndian(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value, true);
  return bytes;
}

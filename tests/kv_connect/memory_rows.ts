/** Rows in memory, with Deno KV's limits. */
import { toHex } from "../../src/kv_connect/messages.ts";
import {
  compare,
  DELETE,
  inRange,
  type Row,
  type Rows,
  SET,
} from "./messages.ts";

export function memoryRows(now: () => number = Date.now): Rows {
  const rows = new Map<string, Row & { expiresAt: number }>();
  let commits = 0;

  function live(name: string) {
    const row = rows.get(name);
    if (row && row.expiresAt > 0 && row.expiresAt <= now()) rows.delete(name);
    return rows.get(name);
  }
  return {
    read(ranges) {
      if (ranges.length > 10) throw new RangeError("Too many ranges (max 10)");
      if (ranges.some(({ limit }) => limit < 1 || limit > 1000)) {
        throw new RangeError("A limit must be 1 to 1000");
      }
      const all = [...rows.keys()].flatMap((name) => live(name) ?? [])
        .sort((a, b) => compare(a.key, b.key));
      return Promise.resolve(ranges.map((range) => inRange(range, all)));
    },
    write({ checks, mutations }) {
      if (checks.length > 10) throw new RangeError("Too many checks (max 10)");
      if (mutations.length > 1000) throw new RangeError("Too many mutations");
      for (const { key, value, type } of mutations) {
        if (key.length > 2048) throw new RangeError("Key too large");
        if (value.length > 65_536) throw new RangeError("Value too large");
        if (type !== SET && type !== DELETE) throw new RangeError("Not here");
      }
      const fails = checks.some(({ key, versionstamp }) =>
        toHex(live(toHex(key))?.versionstamp ?? new Uint8Array()) !==
          toHex(versionstamp)
      );
      if (fails) return Promise.resolve(undefined);
      const versionstamp = new Uint8Array(10);
      new DataView(versionstamp.buffer).setBigUint64(0, BigInt(++commits));
      for (const { type, ...row } of mutations) {
        const name = toHex(row.key);
        if (type === DELETE) rows.delete(name);
        else rows.set(name, { ...row, versionstamp });
      }
      return Promise.resolve(versionstamp);
    },
  };
}

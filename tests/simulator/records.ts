/** What the engine's entries in the store say, read without the engine's help. */
import type { KvKey } from "../../src/kv/kv.ts";
import type { KvModel } from "./kv_model.ts";

/** First parts of every key of the engine's. */
export const PREFIX: KvKey = ["countersign", "simulator"];

/** What a key is of, and of which job. */
export interface KeyParts {
  readonly family: string;
  readonly rest: KvKey;
}

/** Takes a key apart; `undefined` for a key that is not the engine's. */
export function partsOf(key: KvKey): KeyParts | undefined {
  if (!PREFIX.every((part, i) => key[i] === part)) return undefined;
  const [family, ...rest] = key.slice(PREFIX.length);
  return { family: String(family), rest };
}

/** What a job's record says. */
export interface JobRecord {
  readonly id: string;
  readonly clientId: string;
  readonly requestId: string;
  readonly status: "working" | "completed" | "failed" | "cancelled";
  readonly dueAt: number;
  readonly lease?: string;
  readonly failures: number;
  readonly progress?: { readonly fraction: number };
  readonly error?: { readonly message: string };
}

const text = new TextDecoder();

/** Reads a job's record. */
export function readJobRecord(value: unknown): JobRecord | undefined {
  if (!(value instanceof Uint8Array)) return undefined;
  return JSON.parse(text.decode(value)).job;
}

/** Whether an entry of an index is a job's: by its key, or else its value. */
export function isAbout(id: string, key: KvKey, value: unknown): boolean {
  if (key.at(-1) === id) return true;
  return value instanceof Uint8Array && text.decode(value).includes(`"${id}"`);
}

/** Whether a key keeps a person's answer. */
export function isAnswer(key: KvKey): boolean {
  const parts = partsOf(key);
  return parts?.family === "step" && String(parts.rest[1]).startsWith("~ask ");
}

/** A mark that a value carries, wherever it goes: `<<step 1#2>>`. */
const TAG = /<<(.*?)>>/;

/** Makes the mark of a value. */
export function tagOf(name: string, count: number): string {
  return `<<${name}#${count}>>`;
}

/** Finds the mark of a value that was kept, in its record or in its chunks. */
export function readTag(
  value: unknown,
  jobId: string,
  model: KvModel,
): string | undefined {
  const record = value instanceof Uint8Array ? text.decode(value) : "";
  const inline = TAG.exec(record);
  if (inline) return inline[0];
  const { at } = JSON.parse(record) as { at?: string };
  if (at === undefined) return undefined;
  const first = model.get([...PREFIX, "chunk", jobId, at, 0]).value;
  return first instanceof Uint8Array
    ? TAG.exec(text.decode(first))?.[0]
    : undefined;
}

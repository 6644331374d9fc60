/**
 * Listens for answers to a job's questions while its attempt stays, because it
 * has something else to do.
 *
 * @module
 */

import type { Parts } from "./parts.ts";

/** Listens for answers. */
export interface Listener {
  /** Listens for the answer to one question. */
  listenTo(key: string): Heard;
  /** Begins to look for answers now and then. */
  begin(): void;
}

/** What is heard of one question. */
export interface Heard {
  /** Settles once there is an answer. */
  readonly told: Promise<void>;
  /** The answer; `undefined` while there is none. */
  answer(): unknown;
  /** Listens no more. */
  forget(): void;
}

/** How often an attempt that stays looks for answers. */
const LISTEN_MS = 1000;

/** Makes a listener, which ends with its attempt. */
export function createListener(
  { lease, readSteps, signal, timing }: Pick<
    Parts,
    "lease" | "readSteps" | "signal" | "timing"
  >,
): Listener {
  const waiting = new Map<string, (value: unknown) => void>();
  let callOff: (() => void) | undefined;
  signal.addEventListener("abort", () => callOff?.(), { once: true });

  async function listen(): Promise<void> {
    await lease.hear();
    const heard = [...waiting.keys()].filter((key) => lease.answered.has(key));
    if (heard.length > 0) {
      const steps = await readSteps();
      for (const key of heard) {
        waiting.get(key)?.(steps.get(answerStep(key))?.value);
      }
    }
    if (waiting.size > 0 && !signal.aborted) listenSoon();
  }

  function listenSoon(): void {
    callOff?.();
    if (signal.aborted) return;
    callOff = timing.after(LISTEN_MS, () => void listen().catch(listenSoon));
  }

  return {
    begin: listenSoon,
    listenTo(key) {
      let answer: unknown;
      const told = new Promise<void>((resolve) =>
        waiting.set(key, (value) => {
          answer = value;
          resolve();
        })
      );
      return {
        told,
        answer: () => answer,
        forget: () => void waiting.delete(key),
      };
    },
  };
}

/** The step that keeps the answer to a question. */
export function answerStep(name: string): string {
  return `~ask ${name}`;
}

/**
 * When a server begins to look for jobs by itself: at once where it lives on
 * between requests, so that a restart finds what is overdue; after its first
 * request where its options have to wait for one; and never on a platform that
 * gives `waitUntil`, because that stops what nobody waits for.
 *
 * @module
 */

import { canIdle, type Timing } from "../timing.ts";
import type { Resources } from "./open.ts";
import { mayDrive, type ResourceSettings } from "./options.ts";

/** Sees to it that a server's jobs are driven. */
export interface SelfDriving {
  /** Takes note of a request: of what the platform gives it. */
  noteRequest(platform: unknown): void;
  /** Takes note that the store is open, for whoever needed it. */
  noteOpened(resources: Resources, env: unknown): void;
  /** Drives no more, nor opens anything from now on. */
  stop(): Promise<void>;
}

/** Options for {@linkcode driveItself}. */
export interface SelfDrivingOptions {
  /** Settings that need no request; `undefined` where they do. */
  readonly settings: ResourceSettings | undefined;
  readonly timing: Timing;
  /** Opens what the server works with, or tells what is open. */
  readonly open: (env: unknown) => Promise<Resources>;
}

/** How long a server whose store cannot be opened waits before it tries again. */
const TRY_AGAIN_MS = 15_000;

/** Begins to drive a server's jobs, as soon as it may. */
export function driveItself(options: SelfDrivingOptions): SelfDriving {
  const { settings, timing, open } = options;
  let isOver = !canIdle();
  let callOff: (() => void) | undefined;
  let opening: Promise<void> | undefined;

  function begin(inMs: number): void {
    if (isOver) return;
    callOff = timing.after(inMs, () => opening = openItself(), true);
  }

  async function openItself(): Promise<void> {
    try {
      await open(undefined);
    } catch {
      // A request that needs the store is told why, and the log with it.
      begin(TRY_AGAIN_MS);
    }
  }

  if (settings && mayDrive(settings)) begin(0);
  return {
    noteRequest(platform) {
      const { waitUntil } = (platform ?? {}) as { waitUntil?: unknown };
      if (typeof waitUntil !== "function") return;
      callOff?.();
      isOver = true;
    },
    noteOpened({ worker, drives }, env) {
      if (!isOver && drives) worker?.drive({ env: settings ? undefined : env });
    },
    async stop() {
      isOver = true;
      callOff?.();
      await opening;
    },
  };
}

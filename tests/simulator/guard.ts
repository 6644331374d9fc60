/**
 * Watches for what escapes a world: an engine that takes time or chance from
 * the platform, and rejections that nobody handles.
 */
import type { World } from "./world.ts";

type Globals = Record<string, unknown>;

/** What the engine must be given instead: by whom, and under which name. */
const FORBIDDEN: readonly [owner: object, name: string][] = [
  [globalThis, "setTimeout"],
  [globalThis, "setInterval"],
  [globalThis, "queueMicrotask"],
  [globalThis, "MessageChannel"],
  [Date, "now"],
  [Math, "random"],
  [performance, "now"],
  [crypto, "randomUUID"],
  [crypto, "getRandomValues"],
  [AbortSignal, "timeout"],
];

/** Guards a world while it runs; the result ends that. */
export function guardGlobals(world: World): () => void {
  const originals = FORBIDDEN.map(([owner, name]) => {
    const original = (owner as Globals)[name];
    (owner as Globals)[name] = () => {
      world.blame(`the engine calls ${name} of the platform`);
      throw new Error(`${name} is not part of a world`);
    };
    return [owner, name, original] as const;
  });
  const onRejection = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    const { reason } = event;
    world.blame(
      "a rejection that nobody handles",
      reason instanceof Error ? reason.message : String(reason),
    );
  };
  globalThis.addEventListener("unhandledrejection", onRejection);
  return () => {
    globalThis.removeEventListener("unhandledrejection", onRejection);
    for (const [owner, name, original] of originals) {
      (owner as Globals)[name] = original;
    }
  };
}

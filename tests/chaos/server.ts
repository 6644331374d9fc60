/**
 * A server process for the chaos test: jobs of many kinds whose every effect is
 * marked, on a store that fails now and then.
 */
import {
  createServer,
  defineTool,
  type JobContext,
  TerminalError,
  type,
} from "../../mod.ts";
import type { KvLike } from "../../src/kv/kv.ts";
import { connectKv } from "../../src/kv_connect/mod.ts";
import { postgresKv } from "../../src/postgres/mod.ts";
import { type Fault, faultyKv } from "../../src/testing/faulty_kv.ts";
import { PARTIES } from "../support/parties.ts";
import { hasKilled, openMarks } from "./marks.ts";

const path = Deno.env.get("MARKS") ?? "/dev/null";
const leaseMs = Number(Deno.env.get("LEASE_MS") ?? 1000);
const mark = openMarks(path);

/** A step whose value differs each time that its body runs. */
async function step(
  number: number,
  { step }: Pick<JobContext, "step">,
  name: string,
  more: { padding?: string; fails?: () => boolean } = {},
): Promise<string> {
  const { id } = await step(name, async () => {
    const began = performance.now();
    const id = crypto.randomUUID();
    mark(number, "begins", name, id);
    // Frozen just before it was written: nobody could have known.
    if (performance.now() - began > leaseMs / 4) {
      mark(number, "was frozen", name, id);
    }
    await pause(30 * Math.random());
    if (more.fails?.()) throw new Error("Planned: a step fails");
    return { id, ...more.padding && { padding: more.padding } };
  });
  mark(number, "kept", name, id);
  if (Math.random() < FREEZES) freezeHere();
  await pause(30 * Math.random()); // work that is no step
  return id;
}

/** How often a process is frozen right between two steps: where it hurts most. */
const FREEZES = 0.02;

/** Stops this process until somebody else must have taken its jobs over. */
function freezeHere(): void {
  const seconds = 3 * leaseMs / 1000;
  const wakesUp = `sleep ${seconds}; kill -CONT ${Deno.pid}`;
  new Deno.Command("sh", { args: ["-c", wakesUp], stdout: "null" })
    .spawn().unref();
  Deno.kill(Deno.pid, "SIGSTOP");
}

const input = type({ number: "number.integer" });
const job = { attempts: 100, backoffMs: 50 };

const tools = {
  steps: defineTool({
    description: "Does five things",
    input,
    job,
    run: async ({ number }, context) => {
      const ids = [];
      for (let i = 1; i <= 5; i++) {
        ids.push(await step(number, context, `step ${i}`));
      }
      return ids;
    },
  }),
  naps: defineTool({
    description: "Gives its instance up between two things",
    input,
    job,
    run: async ({ number }, context) => {
      const before = await step(number, context, "before");
      await context.sleep(1500);
      return [before, await step(number, context, "after")];
    },
  }),
  branches: defineTool({
    description: "Does two things side by side, twice",
    input,
    job,
    run: async ({ number }, context) => {
      const branch = async (name: string) => [
        await step(number, context, `${name} 1`),
        await step(number, context, `${name} 2`),
      ];
      return (await Promise.all([branch("left"), branch("right")])).flat();
    },
  }),
  flaky: defineTool({
    description: "Fails every other time",
    input,
    job,
    run: async ({ number }, context) => {
      const fails = () => Math.random() < 0.5;
      const first = await step(number, context, "first", { fails });
      return [first, await step(number, context, "second", { fails })];
    },
  }),
  large: defineTool({
    description: "Keeps, and returns, what no record holds",
    input,
    job,
    run: async ({ number }, context) => {
      const padding = "x".repeat(150_000);
      const id = await step(number, context, "large", { padding });
      return [id, padding.slice(0, 100_000)];
    },
  }),
  asks: defineTool({
    description: "Asks a person between two things",
    input,
    job,
    run: async ({ number }, context) => {
      const before = await step(number, context, "before");
      const reply = await context.ask("amount", {
        message: "How much?",
        form: type({ amount: "number" }),
      });
      if (reply.action !== "accept") throw new TerminalError("Nobody answers");
      const { amount } = reply.content;
      return [before, await step(number, context, "after"), String(amount)];
    },
  }),
  waits: defineTool({
    description: "Is waited for",
    input,
    job: { ...job, waitMs: 500 },
    run: async ({ number }, context) => [
      await step(number, context, "only"),
    ],
  }),
  declines: defineTool({
    description: "Fails for good after one thing",
    input,
    job,
    run: async ({ number }, context): Promise<string[]> => {
      await step(number, context, "only");
      throw new TerminalError("The card was declined");
    },
  }),
  deadly: defineTool({
    description: "Kills its process, once",
    input,
    job,
    run: async ({ number }, context) => {
      const before = await step(number, context, "before");
      if (!hasKilled(path, number)) {
        mark(number, "kills", "");
        Deno.kill(Deno.pid, "SIGKILL");
      }
      return [before, await step(number, context, "after")];
    },
  }),
};

/** The tools, by name, for whoever calls them. */
export type ChaosTools = typeof tools;

/** The kinds of jobs. */
export const KINDS = Object.keys(tools) as (keyof ChaosTools)[];

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The store: a file, a `denokv`, or a table in PostgreSQL. */
export async function openStore(url: string, token: string): Promise<KvLike> {
  if (url.startsWith("postgres:")) return postgresKv({ url });
  return url.startsWith("http")
    ? connectKv({ url, token })
    : await Deno.openKv(url);
}

function drawFault(operation: "read" | "commit"): Fault | undefined {
  const drawn = Math.random();
  if (drawn < 0.01) return "refuses";
  if (operation === "read") return drawn < 0.02 ? "is slow" : undefined;
  if (drawn < 0.02) return "lands and fails";
  if (drawn < 0.03) return "is locked";
  return drawn < 0.04 ? "is slow" : undefined;
}

if (import.meta.main) {
  const url = Deno.env.get("KV") ?? ":memory:";
  const token = Deno.env.get("KV_TOKEN") ?? "";
  const { handle, stop } = createServer({
    ...PARTIES,
    tools,
    kv: async () => faultyKv(await openStore(url, token), drawFault),
    jobs: { leaseMs, maxUnfinished: 5000 },
    log: () => {},
  });
  const server = Deno.serve({
    port: 0,
    hostname: "127.0.0.1",
    onListen: ({ hostname, port }) =>
      console.log(`Listening on http://${hostname}:${port}/`),
  }, handle);
  Deno.addSignalListener("SIGTERM", async () => {
    await Promise.all([server.shutdown(), stop()]);
    Deno.exit(0);
  });
}

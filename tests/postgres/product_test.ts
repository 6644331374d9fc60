/** The whole product: two processes of Node and one of Deno, on one database. */
import { assert, assertEquals } from "@std/assert";
import { RUNTIMES } from "../node/processes.ts";
import { bundle } from "../runtimes/bundle.ts";
import { installed } from "../runtimes/installed.ts";
import { clientOf } from "../support/clients.ts";
import { signed } from "../support/envelopes.ts";
import { temporaryFolder } from "../support/folder.ts";
import { POSTGRES, startPostgres } from "../support/postgres.ts";
import { type Process, startProcess } from "../support/processes.ts";
import type { tools } from "./server_process.ts";

const DRIVER = POSTGRES && await installed("postgres", "3.4.9");
const OLD = RUNTIMES["Node as it is installed here"];
const NEW = RUNTIMES["Node 26"] ?? OLD;
const ignore = DRIVER === undefined || OLD === undefined;

interface Fleet extends AsyncDisposable {
  readonly deno: Process;
  readonly nodes: readonly [Process, Process];
}

/** Bundled as users do it, and started on a database of its own. */
async function startFleet(): Promise<Fleet> {
  await using started = new AsyncDisposableStack();
  const folder = started.use(await temporaryFolder());
  const database = started.use(await startPostgres());
  const code = await bundle(
    "../postgres/server_process.ts",
    "--external=bun:*",
    "--external=postgres",
  );
  await Deno.writeTextFile(folder.file("server.mjs"), code);
  const main = 'import { start } from "./server.mjs";\nawait start();\n';
  await Deno.writeTextFile(folder.file("main.mjs"), main);
  await Deno.writeTextFile(
    folder.file("deno.json"),
    JSON.stringify({ imports: { postgres: "npm:postgres@3.4.9" } }),
  );
  await Deno.symlink(DRIVER ?? "", folder.file("node_modules"));
  const file = new URL(`file://${folder.file("main.mjs")}`);
  const env = { DATABASE_URL: database.url };
  const deno = [Deno.execPath(), "run", "-A", "--node-modules-dir=none"];
  const [here, one, two] = await Promise.all(
    [deno, OLD, NEW].map((command) => startProcess(env, file, command)),
  );
  for (const process of [here, one, two]) started.use(process);
  const all = started.move();
  return {
    deno: here,
    nodes: [one, two],
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

const at = (process: Process) =>
  clientOf<typeof tools>(process.url, { retries: 20 });

async function post(process: Process, body: string) {
  const headers = { "content-type": "application/json" };
  const response = await fetch(process.url, { method: "POST", headers, body });
  return { status: response.status, text: await response.text() };
}

Deno.test({
  name:
    "a job that Deno accepted and began is finished by Node when Deno is killed",
  ignore,
  async fn() {
    await using fleet = await startFleet();
    const { deno, nodes: [one] } = fleet;
    const args = { number: 7, steps: 8, ms: 150 };
    const job = await at(deno).start("travels", args);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await deno.kill();
    const { requestId } = job;
    const result = await at(one).job("travels", { requestId }).result();
    assertEquals(result.total, 56);
    assertEquals(result.places.length, 8);
    assert(result.places[0].startsWith("Deno "), String(result.places));
    assert(result.places.at(-1)?.startsWith("Node "), String(result.places));
  },
});

Deno.test({
  name: "a nonce that one process has spent is refused by every other",
  ignore,
  async fn() {
    await using fleet = await startFleet();
    const { deno, nodes } = fleet;
    const all = [deno, ...nodes];
    for (const first of all) {
      const body = signed({ tool: "echo", args: { text: "a" } });
      assertEquals((await post(first, body)).status, 200);
      for (const other of all) {
        const { status, text } = await post(other, body);
        assertEquals(status, 409);
        assert(text.includes("replayed"), text);
      }
    }
    const body = signed({ tool: "echo", args: { text: "a" } });
    const race = await Promise.all(
      Array.from({ length: 30 }, (_, i) => post(all[i % 3], body)),
    );
    const statuses = race.map(({ status }) => status);
    assertEquals(statuses.filter((status) => status === 200).length, 1);
    assertEquals(statuses.filter((status) => status === 409).length, 29);
  },
});

Deno.test({
  name:
    "200 jobs started at once everywhere all end as they should, though a process is killed",
  ignore,
  async fn() {
    await using fleet = await startFleet();
    const { deno, nodes: [one, two] } = fleet;
    const clients = [deno, one, two].map(at);
    const jobs = await Promise.all(
      Array.from({ length: 200 }, async (_, number) => {
        const args = { number, steps: 3, ms: 20 };
        const { requestId } = await clients[number % 3].start("travels", args);
        return requestId;
      }),
    );
    await two.kill();
    const places = new Set<string>();
    await Promise.all(jobs.map(async (requestId, number) => {
      const job = clients[number % 2].job("travels", { requestId });
      const result = await job.result();
      assertEquals(result.total, number * 3);
      result.places.forEach((place) => places.add(place));
    }));
    assertEquals(new Set([...places].map((it) => it.split(" ")[0])).size, 2);
    assertEquals(places.size, 3);
  },
});

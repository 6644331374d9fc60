/** The cases for runtimes that run a file: prints what passed and what failed, as JSON. */
import { cases } from "./cases.ts";

/** Runs every case. */
export async function run(
  env: Record<string, string | undefined>,
): Promise<void> {
  const { KV_URL: kvUrl = "", KV_TOKEN: kvToken = "" } = env;
  const passed: string[] = [];
  const failed: Record<string, string> = {};
  const rest = Object.entries(cases);
  const lane = async () => {
    for (let next = rest.shift(); next; next = rest.shift()) {
      const [name, run] = next;
      await run({ kvUrl, kvToken }).then(
        () => passed.push(name),
        (error) => failed[name] = error.stack,
      );
    }
  };
  await Promise.all(Array.from({ length: 8 }, lane));
  console.log(JSON.stringify({ passed, failed }));
}

/**
 * Prints the flag that says where `@std/*` comes from, for the tasks.
 *
 * Nothing where the JSR registry answers: deno.json's packages are used as they
 * are. Elsewhere, the import map of the stand-ins in `offline/`. `STD=jsr` or
 * `STD=offline` skips the question.
 */
const forced = Deno.env.get("STD");
const registry = Deno.env.get("JSR_URL") ?? "https://jsr.io/";
const jsr = forced === "jsr" || forced !== "offline" && await answers();

async function answers(): Promise<boolean> {
  const asked = fetch(new URL("@std/assert/meta.json", registry), {
    method: "HEAD",
    signal: AbortSignal.timeout(2000),
  });
  return await asked.then((response) => response.ok, () => false);
}

console.error(`@std: ${jsr ? "jsr" : "stand-ins in offline/"}`);
if (!jsr) console.log("--import-map=offline/import_map.json");
Deno.exit(0); // a name look-up that hangs must not hold the task

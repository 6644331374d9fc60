/** What a person's answers must be before a job keeps them. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { CountersignError, defineTool, type } from "../mod.ts";
import { signed } from "./support/envelopes.ts";
import { withServer } from "./support/servers.ts";
import { until } from "./support/until.ts";

const input = type({});
const accept = (content: object) => ({ action: "accept", content }) as const;

const tools = {
  order: defineTool({
    description: "Asks what to drink",
    input,
    job: true,
    run: async (_args, { ask }) => {
      const [drink, size] = await Promise.all([
        ask("drink", {
          message: "What?",
          form: type({
            kind: "'tea' | 'coffee'",
            "sugar?": "0 <= number.integer <= 3",
            "name?": "2 <= string <= 8",
            "hot?": "boolean",
          }),
        }),
        ask("size", { message: "Which?", form: type({ size: "string" }) }),
      ]);
      return [drink, size];
    },
  }),
  odd: defineTool({
    description: "Asks for what no JSON Schema says",
    input,
    job: true,
    run: async (_args, { ask }) => {
      const form = type({
        n: type("number").narrow((n, context) =>
          n % 2 === 1 || context.mustBe("odd")
        ),
      });
      const answer = await ask("n", { message: "An odd one?", form });
      return answer.action;
    },
  }),
};

/** A job that waits for its answers. */
async function waiting(
  client: {
    start: (tool: "order" | "odd") => Promise<{
      id?: string;
      poll(): Promise<object>;
    }>;
  },
  tool: "order" | "odd",
) {
  const job = await client.start(tool);
  await until("the questions", async () => "questions" in await job.poll());
  return job;
}

Deno.test("an answer that does not fit its question is refused by name, and not kept", () =>
  withServer(async ({ client, stored }) => {
    await waiting(client as never, "order");
    const [{ jobId }] = await Array.fromAsync(client.jobs());
    const job = client.job(jobId);
    const before = await stored();
    const wrong: Record<string, object> = {
      'kind must be one of "coffee", "tea"': { kind: "beer" },
      "kind must be given": { sugar: 1 },
      "sugar must be at most 3": { kind: "tea", sugar: 4 },
      "sugar must be an integer": { kind: "tea", sugar: 0.5 },
      "name must be at least length 2": { kind: "tea", name: "A" },
      "hot must be true or false": { kind: "tea", hot: "yes" },
      'The form has no field "milk"': { kind: "tea", milk: true },
    };
    for (const [message, content] of Object.entries(wrong)) {
      const error = await assertRejects(
        () => job.answer("drink", accept(content) as never),
        CountersignError,
      );
      assertEquals([error.code, error.message], ["invalid_args", message]);
      assertEquals(error.issues[0].path.slice(0, 2), ["answers", "drink"]);
    }
    const unknown = await assertRejects(
      () => job.answer("food", accept({}) as never),
      CountersignError,
      'The job does not ask "food"',
    );
    assertEquals(unknown.code, "invalid_args");
    const large = { kind: "tea", name: "x".repeat(70_000) };
    await assertRejects(
      () => job.answer("drink", accept(large) as never),
      CountersignError,
      "65536 bytes",
    );
    assertEquals(await stored(), before);
  }, { tools, jobs: { drive: true } }));

Deno.test("a second answer is refused, unless it says the same", () =>
  withServer(async ({ client, post }) => {
    await waiting(client as never, "order");
    const [{ jobId: job_id }] = await Array.fromAsync(client.jobs());
    const answer = async (answers: object) => {
      const call = { tool: "answer_job", args: { job_id, answers } };
      return (await post(signed(call))).answer;
    };
    const drink = accept({ kind: "tea" });
    assertEquals((await answer({ drink })).ok, true);
    assertEquals((await answer({ drink })).ok, true);
    const other = await answer({ drink: accept({ kind: "coffee" }) });
    assertEquals(other.error, 'invalid_args: "drink" was answered before');
    assertEquals((await answer({ size: accept({ size: "S" }) })).ok, true);
    assertEquals(await client.job(job_id).result(), [
      drink,
      accept({ size: "S" }),
    ]);
  }, { tools, jobs: { drive: true } }));

Deno.test("wrong answers that only the tool can tell are asked again, ten times at most", () =>
  withServer(async ({ client }) => {
    await waiting(client as never, "odd");
    const [{ jobId }] = await Array.fromAsync(client.jobs());
    const job = client.job(jobId);
    for (let round = 1; round <= 10; round++) {
      const name = round === 1 ? "n" : `n.${round}`;
      await until(name, async () => {
        const state = await job.poll();
        return state.status === "running" && state.questions?.[name];
      });
      await job.answer(name, accept({ n: 2 }) as never);
    }
    assertEquals(await job.result(), "cancel");
    assert(jobId);
  }, { tools, jobs: { drive: true } }));

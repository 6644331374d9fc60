/** The cases as a Worker: a request runs one of them, or names them all. */
import { cases } from "./cases.ts";

interface Env {
  readonly KV_URL: string;
  readonly KV_TOKEN: string;
}

const worker: {
  fetch(request: Request, env: Env, context: unknown): Promise<Response>;
} = {
  async fetch(request, { KV_URL, KV_TOKEN }, context) {
    const name = new URL(request.url).searchParams.get("case");
    if (name === null) return Response.json(Object.keys(cases));
    const around = { kvUrl: KV_URL, kvToken: KV_TOKEN, platform: context };
    try {
      await cases[name](around);
      return new Response("ok");
    } catch (error) {
      return new Response((error as Error).stack, { status: 500 });
    }
  },
};
export default worker;

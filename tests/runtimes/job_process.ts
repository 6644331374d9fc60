/** `job_server.ts` as a Deno process; a request to `/work` is its cron. */
import { server } from "./job_server.ts";

const env = Deno.env.toObject();

Deno.serve({
  port: 0,
  hostname: "127.0.0.1",
  onListen: ({ hostname, port }) =>
    console.log(`Listening on http://${hostname}:${port}/`),
}, async (request) => {
  if (new URL(request.url).pathname !== "/work") {
    return await server.handle(request, env);
  }
  return Response.json(await server.work(env));
});

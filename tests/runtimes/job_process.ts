/** `job_server.ts` as a Deno process; a request to `/work` is its cron. */
import { server } from "./job_server.ts";

const env = Deno.env.toObject();

Deno.serve({
  port: 0,
  hostname: "127.0.0.1",
  onListen: ({ hostname, port }) =>
    console.log(`Listening on http://${hostname}:${port}/`),
}, async (request, { completed }) => {
  if (new URL(request.url).pathname !== "/work") {
    return await server.handle(request, { ...env, completed });
  }
  return Response.json(await server.work({ env }));
});

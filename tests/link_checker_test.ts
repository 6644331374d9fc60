import { assert, assertEquals, assertRejects } from "@std/assert";
import { check_links } from "../examples/link_checker.ts";
import { CountersignError } from "../mod.ts";
import { listen } from "./support/listen.ts";
import { withServer } from "./support/servers.ts";

/** A site with links that work, and others. */
const PAGES: Record<string, string> = {
  "/": `<a href="/about">About</a> <a href="gone#top">Gone</a>
    <a href="/private/x">Private</a> <a href="mailto:a@b">Mail</a>
    <img src="/logo.png"> <a href="/moved">Moved</a>`,
  "/about": `<base href="/deep/"><a href="page">Page</a> <a href="/">Home</a>`,
  "/deep/page": `<a href="/gone">Gone too</a> <a href="/deep/er">Deeper</a>
    <a href="http://127.0.0.1:1/closed">Closed</a>`,
  "/deep/er": `<a href="/too-deep">Too deep, but there</a>`,
  "/too-deep": `<a href="/never-looked-at">Never looked at</a>`,
};

async function withSite(use: (url: string, asked: string[]) => Promise<void>) {
  const asked: string[] = [];
  await using site = listen((request) => {
    const { pathname } = new URL(request.url);
    asked.push(`${request.method} ${pathname}`);
    if (pathname === "/robots.txt") {
      return new Response("User-agent: *\nDisallow: /private/");
    }
    if (pathname === "/logo.png") {
      const ok = request.method === "GET";
      return new Response(null, { status: ok ? 200 : 405 });
    }
    if (pathname === "/moved") {
      return Response.redirect(new URL("/about", request.url));
    }
    const html = PAGES[pathname];
    return html === undefined
      ? new Response("No such page", { status: 404 })
      : new Response(html, { headers: { "content-type": "text/html" } });
  });
  await use(site.url.replace(/\/$/, ""), asked);
}

Deno.test("the link checker reports broken links and where they stand", async () => {
  await withSite(async (site, asked) => {
    await withServer(async ({ client }) => {
      const job = await client.start("check_links", { url: site, depth: 3 });
      const told: string[] = [];
      const report = await job.result({
        onProgress: ({ message = "" }) => told.push(message),
      });
      assertEquals(report.skipped, [`${site}/private/x`]);
      const closed = report.broken.find(({ url }) => url.endsWith("/closed"));
      assert(closed && typeof closed.outcome === "string");
      assertEquals(
        report.broken.filter((link) => link !== closed),
        [{
          url: `${site}/gone`,
          outcome: 404,
          on: [`${site}/`, `${site}/deep/page`],
        }],
      );
      assertEquals(report.pages, 7);
      assert(!asked.some((path) => path.endsWith("/private/x")));
      assert(!asked.some((path) => path.endsWith("/never-looked-at")));
      // Each page was fetched once, however many links lead there.
      assertEquals(asked.filter((path) => path === "GET /gone").length, 1);
    }, { tools: { check_links } });
  });
});

Deno.test("the link checker keeps to its number of pages, and refuses what is no site", async () => {
  await withSite(async (site, asked) => {
    await withServer(async ({ client }) => {
      const few = await client.start("check_links", { url: site, pages: 2 });
      const report = await few.result();
      assertEquals(report.pages, 2);
      const fetched = asked.filter((path) => path.startsWith("GET /"));
      assertEquals(new Set(fetched).has("GET /deep/page"), false);
      const closed = await client.start("check_links", {
        url: "http://127.0.0.1:1/",
      });
      const error = await assertRejects(
        () => closed.result(),
        CountersignError,
      );
      assertEquals(error.code, "tool_failed");
    }, { tools: { check_links } });
  });
});

/**
 * A job that people want: checks every link of a web site.
 *
 *     deno run -A examples/link_checker.ts https://example.com/
 *
 * It crawls within the origin of the first page, honouring robots.txt, a step a
 * page: after a restart it goes on where it was. Whoever may call such a tool may
 * make the server fetch what they name; give it to clients you trust, or run it
 * where nothing private can be reached.
 */
import { Parser } from "npm:htmlparser2@^10.0.0";
import robotsParser from "npm:robots-parser@^3.0.1";
import {
  createClient,
  createServer,
  defineTool,
  TerminalError,
  type,
} from "../mod.ts";

/** Its types are for another module system than its code. */
const parseRobots = robotsParser as unknown as typeof robotsParser.default;

const AGENT = "countersign-link-checker";
const FETCH_MS = 10_000;
const LONGEST_PAGE = 2_000_000;
const CHECKED_AT_ONCE = 8;

/** What was found at a page: the outcome is an HTTP status, or why none came. */
interface Page {
  outcome: number | string;
  /** Absolute, without fragments, each once. */
  links: string[];
  /** Outcomes of links that are not crawled themselves. */
  checked: Record<string, number | string>;
}

const broken = type({
  url: "string",
  outcome: "number | string",
  on: "string[]",
});

/** Crawls a site and reports its broken links. */
export const check_links = defineTool({
  description:
    "Crawls a web site and reports its broken links, and where they stand",
  input: type({
    url: "string.url",
    pages: type("1 <= number.integer <= 1000").default(50),
    depth: type("0 <= number.integer <= 20").default(5),
  }),
  output: type({
    pages: "number.integer",
    links: "number.integer",
    skipped: "string[]",
    broken: broken.array(),
  }),
  job: true,
  async run({ url, pages: most, depth }, { step, sleep, progress, signal }) {
    const first = clean(url);
    const { origin } = new URL(first);
    const robots = parseRobots(
      `${origin}/robots.txt`,
      await step("robots.txt", () => robotsOf(origin, signal)),
    );
    const queue = [{ url: first, depth: 0 }];
    const queued = new Set([first]);
    const outcomes = new Map<string, number | string>();
    const standing = new Map<string, Set<string>>();
    const skipped: string[] = [];
    let pages = 0;

    for (const { url, depth: at } of queue) {
      if (robots.isDisallowed(url, AGENT)) {
        skipped.push(url);
        continue;
      }
      const crawls = (link: string) =>
        new URL(link).origin === origin && at < depth &&
        (queued.has(link) || queue.length < most);
      // The same pages come in the same order, so a number is name enough.
      const page = await step(
        `page ${++pages}`,
        () => read(url, (link) => outcomes.has(link) || crawls(link), signal),
      );
      if (pages === 1 && typeof page.outcome === "string") {
        throw new TerminalError(`Cannot fetch ${url}: ${page.outcome}`);
      }
      outcomes.set(url, page.outcome);
      for (const [link, outcome] of Object.entries(page.checked)) {
        outcomes.set(link, outcome);
      }
      for (const link of page.links) {
        standing.set(link, (standing.get(link) ?? new Set()).add(url));
        if (queued.has(link) || !crawls(link)) continue;
        queued.add(link);
        queue.push({ url: link, depth: at + 1 });
      }
      progress(
        pages / Math.max(pages, queue.length),
        `page ${pages} of ${queue.length} or more: ${url}`,
      );
      const delay = robots.getCrawlDelay(AGENT);
      if (delay && pages < queue.length) await sleep(delay * 1000);
    }
    return {
      pages,
      links: standing.size,
      skipped,
      broken: [...standing].flatMap(([url, on]) => {
        const outcome = outcomes.get(url) ?? 200;
        const ok = typeof outcome === "number" && outcome < 400;
        return ok ? [] : [{ url, outcome, on: [...on].sort() }];
      }),
    };
  },
});

/** Fetches a page, and checks those of its links that nobody else does. */
async function read(
  url: string,
  isKnown: (link: string) => boolean,
  signal: AbortSignal,
): Promise<Page> {
  const { outcome, html, base } = await get(url, signal);
  const links = html === undefined ? [] : linksOf(html, base);
  const unknown = links.filter((link) => !isKnown(link));
  const checked: Page["checked"] = {};
  const lane = async () => {
    for (let link = unknown.shift(); link; link = unknown.shift()) {
      checked[link] = await probe(link, signal);
    }
  };
  await Promise.all(Array.from({ length: CHECKED_AT_ONCE }, lane));
  return { outcome, links, checked };
}

async function get(url: string, signal: AbortSignal) {
  try {
    const response = await request(url, "GET", signal);
    const isHtml = /\bhtml\b/.test(response.headers.get("content-type") ?? "");
    if (!response.ok || !isHtml) {
      await response.body?.cancel();
      return { outcome: response.status, base: url };
    }
    const html = (await response.text()).slice(0, LONGEST_PAGE);
    return { outcome: response.status, html, base: response.url };
  } catch (error) {
    signal.throwIfAborted();
    return { outcome: (error as Error).message, base: url };
  }
}

/** A link's outcome; some servers know no HEAD. */
async function probe(url: string, signal: AbortSignal) {
  try {
    const head = await request(url, "HEAD", signal);
    if (head.status !== 405 && head.status !== 501) return head.status;
    const response = await request(url, "GET", signal);
    await response.body?.cancel();
    return response.status;
  } catch (error) {
    signal.throwIfAborted();
    return (error as Error).message;
  }
}

/** No robots.txt allows everything (RFC 9309 section 2.3.1.3). */
async function robotsOf(origin: string, signal: AbortSignal): Promise<string> {
  try {
    const response = await request(`${origin}/robots.txt`, "GET", signal);
    const text = await response.text();
    return response.ok ? text : "";
  } catch (error) {
    signal.throwIfAborted();
    const { message } = error as Error;
    throw new TerminalError(`Cannot reach ${origin}: ${message}`);
  }
}

async function request(url: string, method: string, signal: AbortSignal) {
  const timeout = new AbortController();
  const timer = setTimeout(
    () => timeout.abort(new Error(`No answer within ${FETCH_MS} ms`)),
    FETCH_MS,
  );
  try {
    return await fetch(url, {
      method,
      headers: { "user-agent": AGENT },
      signal: AbortSignal.any([signal, timeout.signal]),
    });
  } finally {
    clearTimeout(timer);
  }
}

function linksOf(html: string, base: string): string[] {
  const links = new Set<string>();
  const parser = new Parser({
    onopentag(name, { href, src }) {
      if (name === "base" && href) base = new URL(href, base).href;
      const target = { a: href, link: href, img: src, script: src }[name];
      const url = target && URL.parse(target, base);
      if (url && /^https?:$/.test(url.protocol)) links.add(clean(url.href));
    },
  });
  parser.end(html);
  return [...links];
}

function clean(url: string): string {
  const { href, hash } = new URL(url);
  return hash ? href.slice(0, -hash.length) : href;
}

if (import.meta.main) {
  const [url] = Deno.args;
  if (!url) throw new TypeError("Name the site: link_checker.ts https://…/");
  const tools = { check_links };
  const secret = crypto.randomUUID() + crypto.randomUUID();
  const { handle, stop } = createServer({
    serverId: "links",
    serverSecret: crypto.randomUUID() + crypto.randomUUID(),
    clients: { me: secret },
    kv: () => Deno.openKv(":memory:"),
    tools,
  });
  const client = createClient<typeof tools>({
    fetch: handle,
    clientId: "me",
    secret,
    serverId: "links",
  });
  const job = await client.start("check_links", { url });
  const report = await job.result({
    onProgress: ({ message }) => console.error(message),
  });
  console.log(JSON.stringify(report, null, 2));
  await stop();
}

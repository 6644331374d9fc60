/** What `serve` does, in every runtime that has `node:http`. */
import { connect, type Socket } from "node:net";
import process from "node:process";
import { serve, type ServeOptions, type Serving } from "../../src/node/mod.ts";
import {
  assert,
  assertEquals,
  assertRejects,
} from "../../src/testing/expect.ts";

type Case = () => Promise<void>;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function until(what: string, condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    if (tries > 500) throw new Error(`Never came: ${what}`);
    await pause(10);
  }
}

async function withServe(
  handle: ServeOptions["handle"],
  use: (url: string, serving: Serving) => Promise<void>,
  graceMs = 2000,
): Promise<void> {
  const options = { handle, port: 0, hostname: "127.0.0.1", graceMs };
  const serving = await serve(options);
  try {
    await use(`http://127.0.0.1:${serving.port}`, serving);
  } finally {
    await serving.stop();
  }
}

/** A connection that is written to by hand. */
function dial(url: string) {
  const socket: Socket = connect(Number(new URL(url).port), "127.0.0.1");
  const state = { text: "", closed: false };
  socket.on("data", (bytes) => state.text += bytes);
  socket.on("close", () => state.closed = true);
  socket.on("error", () => {});
  return { socket, state };
}

const ENDLESS = () =>
  new ReadableStream({
    async pull(controller) {
      await pause(5);
      controller.enqueue(new TextEncoder().encode("data: x\n\n"));
    },
  });

export const cases: Record<string, Case> = {
  async "a request arrives as it was sent, and so does the answer"() {
    await withServe(async (request) => {
      const headers = new Headers({
        "x-seen": request.headers.get("x-a") ?? "",
      });
      headers.append("set-cookie", "a=1");
      headers.append("set-cookie", "b=2");
      const { pathname, search } = new URL(request.url);
      const text = await request.text();
      const body = JSON.stringify([request.method, pathname, search, text]);
      return new Response(body, { status: 201, headers });
    }, async (url) => {
      const response = await fetch(`${url}/a//b?c=%20d`, {
        method: "PUT",
        headers: [["x-a", "1"], ["x-a", "2"]],
        body: "é".repeat(100_000),
      });
      assertEquals(response.status, 201);
      assertEquals(response.headers.get("x-seen"), "1, 2");
      assertEquals(response.headers.getSetCookie(), ["a=1", "b=2"]);
      const [method, path, query, text] = await response.json();
      assertEquals([method, path, query], ["PUT", "/a//b", "?c=%20d"]);
      assert(text === "é".repeat(100_000), "another body");
    });
  },

  async "a stream is delivered as it is written"() {
    let next: (() => void) | undefined;
    await withServe(
      () =>
        new Response(
          new ReadableStream({
            async start(controller) {
              const write = (text: string) =>
                controller.enqueue(new TextEncoder().encode(text));
              write("one");
              await new Promise<void>((resolve) => next = resolve);
              write("two");
              controller.close();
            },
          }),
        ),
      async (url) => {
        const response = await fetch(url);
        const reader = response.body?.pipeThrough(new TextDecoderStream())
          .getReader();
        assertEquals((await reader?.read())?.value, "one");
        next?.();
        assertEquals((await reader?.read())?.value, "two");
        assertEquals((await reader?.read())?.done, true);
      },
    );
  },

  async "headers go before the first byte of a stream"() {
    let end: (() => void) | undefined;
    await withServe(
      () =>
        new Response(
          new ReadableStream({ start: (it) => void (end = () => it.close()) }),
        ),
      async (url) => {
        const response = await fetch(url);
        assertEquals(response.status, 200);
        end?.();
        assertEquals(await response.text(), "");
      },
    );
  },

  async "a caller that leaves aborts the request and cancels the stream"() {
    let aborted = 0;
    let cancelled = 0;
    await withServe((request) => {
      request.signal.addEventListener("abort", () => aborted++);
      const { pathname } = new URL(request.url);
      if (pathname === "/waits") return new Promise(() => {});
      return new Response(
        new ReadableStream({
          start: (it) => it.enqueue(new TextEncoder().encode("one")),
          cancel: () => void cancelled++,
        }),
      );
    }, async (url) => {
      for (const path of ["/waits", "/streams"]) {
        const { socket, state } = dial(url);
        socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
        if (path === "/streams") {
          await until("the first chunk", () => state.text.includes("one"));
        } else await pause(50);
        socket.destroy();
      }
      await until("both were aborted", () => aborted === 2);
      await until("the stream was cancelled", () => cancelled === 1);
    });
  },

  async "a request that was answered is not aborted"() {
    let aborted = 0;
    await withServe((request) => {
      request.signal.addEventListener("abort", () => aborted++);
      return new Response("done");
    }, async (url) => {
      assertEquals(await (await fetch(url)).text(), "done");
      await pause(100);
      assertEquals(aborted, 0);
    });
  },

  async "a caller that reads slowly slows the writer down"() {
    let written = 0;
    await withServe(
      () =>
        new Response(
          new ReadableStream({
            pull(controller) {
              written++;
              controller.enqueue(new Uint8Array(65_536));
            },
          }),
        ),
      async (url) => {
        const { socket } = dial(url);
        socket.pause();
        socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let before = -1;
        await until("the writer to stop", () => {
          const stands = written === before && written > 0;
          before = written;
          return stands;
        });
        await pause(200);
        assert(written <= before + 1, `went on: ${before}, ${written}`);
        socket.destroy();
      },
    );
  },

  async "an answer before the body's end arrives, and ends the connection"() {
    await withServe(
      () => new Response("enough", { status: 413 }),
      async (url) => {
        const { socket, state } = dial(url);
        const head =
          "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n";
        socket.write(head + "x".repeat(100_000));
        await until("the answer", () => state.text.includes("enough"));
        assert(state.text.startsWith("HTTP/1.1 413"), state.text);
        assert(/connection: close/i.test(state.text), state.text);
        await until("the end", () => state.closed);
      },
    );
  },

  async "a body that is cancelled is answered all the same"() {
    await withServe(async (request) => {
      const reader = request.body?.getReader();
      await reader?.read();
      await reader?.cancel();
      return new Response("enough");
    }, async (url) => {
      const { socket, state } = dial(url);
      const head =
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n";
      socket.write(head + "x".repeat(100_000));
      await until("the answer", () => state.text.includes("enough"));
      socket.destroy();
    });
  },

  async "a connection is kept for the next request"() {
    await withServe(async (request) => {
      return new Response(`<${await request.text()}>`);
    }, async (url) => {
      const { socket, state } = dial(url);
      for (const body of ["first", "other"]) {
        socket.write(
          `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n${body}`,
        );
        await until(body, () => state.text.includes(`<${body}>`));
      }
      assertEquals(state.closed, false);
      socket.destroy();
    });
  },

  async "a Host that is none is refused, and harms nobody"() {
    const seen: string[] = [];
    await withServe((request) => {
      seen.push(request.url);
      return new Response("fine");
    }, async (url) => {
      for (
        const [target, host] of [
          ["/", "a b"],
          ["/", "a/b"],
          ["/", "user@a"],
          ["/", "[::1"],
          ["/", "a:99999"],
          ["/", ""],
          ["*", "a"],
          ["ftp://a/", "a"],
        ]
      ) {
        const { socket, state } = dial(url);
        socket.write(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
        await until(
          `an answer to ${target} at ${host}`,
          () => state.text.startsWith("HTTP/1.1 400"),
        );
        socket.destroy();
      }
      assertEquals(seen, []);
      assertEquals(await (await fetch(url)).text(), "fine");
    });
  },

  async "a target names a path of this host, or a whole URL"() {
    const seen: string[] = [];
    await withServe((request) => {
      seen.push(request.url);
      return new Response("fine");
    }, async (url) => {
      const { socket, state } = dial(url);
      for (const target of ["//other/path", "http://b.example/c"]) {
        socket.write(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
        await until("an answer", () => state.text.includes("fine"));
        state.text = "";
      }
      assertEquals(seen, ["http://a//other/path", "http://b.example/c"]);
      socket.destroy();
    });
  },

  async "HEAD, 204 and 304 have no body"() {
    await withServe(
      ({ method, url }) =>
        method === "HEAD"
          ? new Response("text", { headers: { "x-a": "1" } })
          : new Response(null, {
            status: Number(new URL(url).pathname.slice(1)),
          }),
      async (url) => {
        const head = await fetch(url, { method: "HEAD" });
        assertEquals([head.headers.get("x-a"), await head.text()], ["1", ""]);
        for (const status of [204, 304]) {
          const response = await fetch(`${url}/${status}`);
          assertEquals([response.status, await response.text()], [status, ""]);
        }
      },
    );
  },

  async "a handler that throws is a 500, a stream that breaks is cut short"() {
    const { error } = console;
    console.error = () => {};
    try {
      await withServe((request) => {
        if (request.url.endsWith("/throws")) throw new Error("Thrown");
        let count = 0;
        return new Response(
          new ReadableStream({
            pull(controller) {
              if (count++ > 0) throw new Error("Broken");
              controller.enqueue(new Uint8Array(10));
            },
          }),
        );
      }, async (url) => {
        assertEquals((await fetch(`${url}/throws`)).status, 500);
        const response = await fetch(`${url}/breaks`);
        await assertRejects(() => response.arrayBuffer());
      });
    } finally {
      console.error = error;
    }
  },

  async "stop lets what is under way end, and takes nothing more"() {
    let next: (() => void) | undefined;
    await withServe(async (request) => {
      if (request.url.endsWith("/now")) return new Response("now");
      await new Promise<void>((resolve) => next = resolve);
      return new Response("late");
    }, async (url, serving) => {
      const silent = dial(url); // it must not be waited for
      const idle = dial(url);
      idle.socket.write("GET /now HTTP/1.1\r\nHost: a\r\n\r\n");
      await until("an answer", () => idle.state.text.includes("now"));
      const under = dial(url);
      under.socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      await until("the request", () => next !== undefined);
      const began = performance.now();
      const stopped = serving.stop();
      assertEquals(serving.stop() === stopped, true);
      await until("the idle one's end", () => idle.state.closed);
      await assertRejects(() => fetch(url));
      next?.();
      await stopped;
      assert(performance.now() - began < 1500, "waited for the silent one");
      silent.socket.destroy();
      await until("the other's end", () => under.state.closed);
      assert(under.state.text.includes("late"), under.state.text);
      assert(/connection: close/i.test(under.state.text), under.state.text);
    });
  },

  async "stop cuts what does not end in time"() {
    await withServe(() => new Response(ENDLESS()), async (url, serving) => {
      const { socket, state } = dial(url);
      socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      await until("the stream", () => state.text.includes("data: x"));
      const began = performance.now();
      await serving.stop();
      assert(performance.now() - began >= 150, "cut at once");
      await until("the end", () => state.closed);
    }, 200);
  },

  async "a port that is taken is an error"() {
    await withServe(() => new Response(), async (url) => {
      const port = Number(new URL(url).port);
      const handle = () => new Response();
      await assertRejects(() => serve({ handle, port, hostname: "127.0.0.1" }));
    });
  },
};

/** Runs every case, and prints what passed and what failed. */
export async function run(): Promise<void> {
  const passed: string[] = [];
  const failed: Record<string, string> = {};
  for (const [name, test] of Object.entries(cases)) {
    const late = setTimeout(() => {
      console.log(JSON.stringify({ passed, failed, late: name }));
      process.exit(1);
    }, 15_000);
    await test().then(
      () => passed.push(name),
      (error) => failed[name] = String(error.stack),
    );
    clearTimeout(late);
  }
  console.log(JSON.stringify({ passed, failed }));
}

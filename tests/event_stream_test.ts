/** Event streams as they may be written and cut, and as they must not grow. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { SignatureError } from "@countersign/mcp/signatures";
import { splitEvents } from "../src/signatures/event_lines.ts";
import { signEvents, verifyEvents } from "../src/signatures/event_stream.ts";
import { importKey } from "../src/signing/hmac.ts";

const utf8 = new TextEncoder();
const key = await importKey(new Uint8Array(32));

/** The lines of each event of a text that comes in pieces of so many bytes. */
function eventsOf(text: string, bytes = Infinity): string[][] {
  const split = splitEvents(1000);
  const all = utf8.encode(text);
  const events: string[][] = [];
  for (let at = 0; at < all.length; at += bytes) {
    events.push(...split(all.subarray(at, at + bytes)));
  }
  return events;
}

const LINES = [
  ["event: message", 'data: {"a":"é😀"}', "mac: 1:AA=="],
  [": comment"],
  ["data: first", "data: second", "data"],
];

Deno.test("lines end with LF, CRLF or CR, alone or mixed, however they are cut", () => {
  for (const end of ["\n", "\r\n", "\r"]) {
    for (const between of ["", end, `${end}${end}`]) {
      const text = LINES.map((lines) =>
        [...lines, ""].map((line) => line + end).join("") + between
      ).join("");
      for (const bytes of [1, 2, 3, 7, Infinity]) {
        assertEquals(
          eventsOf(text, bytes),
          LINES,
          JSON.stringify([end, bytes]),
        );
      }
    }
  }
  const mixed = "data: 1\r\ndata: 2\rdata: 3\n\r\ndata: 4\n\rdata: 5\r\r\n\n";
  for (const bytes of [1, 2, 3, Infinity]) {
    assertEquals(eventsOf(mixed, bytes), [
      ["data: 1", "data: 2", "data: 3"],
      ["data: 4"],
      ["data: 5"],
    ]);
  }
});

Deno.test("an event is there with the first byte of its empty line's end", () => {
  const split = splitEvents(1000);
  assertEquals([...split(utf8.encode("data: 1\r\n\r"))], [["data: 1"]]);
  assertEquals([...split(utf8.encode("\ndata: 2\r\n"))], []);
  assertEquals([...split(utf8.encode("\n"))], [["data: 2"]]);
});

Deno.test("an event that breaks off is none", () => {
  assertEquals(eventsOf("data: 1\n\ndata: 2\n"), [["data: 1"]]);
});

/** What comes out of a signed stream that somebody rewrote on the way. */
async function through(
  text: string,
  rewrite: (text: string) => string,
): Promise<string> {
  const stream = (text: string) =>
    new Blob([text]).stream() as ReadableStream<Uint8Array<ArrayBuffer>>;
  const signed = await new Response(
    stream(text).pipeThrough(signEvents(key, "nonce")),
  ).text();
  return await new Response(
    stream(rewrite(signed)).pipeThrough(verifyEvents(key, "nonce", 1000)),
  ).text();
}

Deno.test("a signed stream that was rewritten with other line ends is the same", async () => {
  const text = "event: message\ndata: 1\ndata: 2\n\ndata: 3\n\n";
  const out = "event: message\ndata: 1\ndata: 2\n\nevent: message\ndata: 3\n\n";
  for (const end of ["\n", "\r\n", "\r"]) {
    assertEquals(await through(text, (s) => s.replaceAll("\n", end)), out);
    assertEquals(await through(text.replaceAll("\n", end), (s) => s), out);
  }
});

Deno.test("an event of other line ends that was tampered with is refused", async () => {
  const forgeries: ((text: string) => string)[] = [
    (text) => text.replace("data: 1", "data: 9"),
    (text) => text.replace("data: 1", "data: 1\ndata"),
    (text) => text.replace("data: 1", "data: 1\ndata:"),
    (text) => text.replace(/mac: .*\n/, ""),
  ];
  for (const forge of forgeries) {
    for (const end of ["\n", "\r\n", "\r"]) {
      await assertRejects(
        () =>
          through("data: 1\n\n", (text) => forge(text).replaceAll("\n", end)),
        SignatureError,
        "bad_signature",
      );
    }
  }
});

Deno.test("an event of many chunks takes time in proportion", () => {
  const split = splitEvents(Infinity);
  const piece = utf8.encode("x".repeat(512));
  const began = performance.now();
  for (let i = 0; i < 16_384; i++) assertEquals([...split(piece)], []);
  const [[line]] = split(utf8.encode("\n\n"));
  assertEquals(line.length, 512 * 16_384);
  // Looked at anew for each chunk, these 8 MiB are 64 GiB.
  assert(performance.now() - began < 5000);
});

Deno.test("an event that is too long ends the stream, whatever came before", async () => {
  let taken = 0;
  let cancelled = false;
  const endless = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      taken++;
      controller.enqueue(new Uint8Array(500).fill(0x78));
    },
    cancel() {
      cancelled = true;
    },
  });
  const events = endless.pipeThrough(verifyEvents(key, "nonce", 10_000));
  await assertRejects(
    () => new Response(events).text(),
    SignatureError,
    "too_large",
  );
  assert(cancelled && taken < 40, `${taken} chunks were taken`);
  // No event is too long here, though all of them together are.
  const many = ":\n\n".repeat(10_000);
  const stream = new Blob([many]).stream() as typeof endless;
  const out = stream.pipeThrough(verifyEvents(key, "nonce", 1000));
  assertEquals(await new Response(out).text(), many);
});

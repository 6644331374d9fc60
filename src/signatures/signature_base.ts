/**
 * What a signature covers, line by line:
 * {@link https://www.rfc-editor.org/rfc/rfc9421#section-2 | RFC 9421 section 2}.
 *
 * A component is written here as the RFC writes it, without the quotes:
 * `@method`, `content-digest`, `content-digest;req`. Of the parameters there is
 * `req` alone.
 *
 * @module
 */

/** What of a request can be covered; a `Request` will do. */
export interface RequestParts {
  /** The method, as it is sent. */
  readonly method: string;
  /** The absolute URL. */
  readonly url: string;
  /** The fields. */
  readonly headers: Headers;
}

/** What of a response can be covered; a `Response` will do. */
export interface ResponseParts {
  /** The status code. */
  readonly status: number;
  /** The fields. */
  readonly headers: Headers;
}

/** A request, or a response and the request that it answers. */
export interface Message {
  /** The request. */
  readonly request: RequestParts;
  /** The response, if that is what is signed. */
  readonly response?: ResponseParts;
}

/** Section 2.2; a URL's `host` is lower-case, without the default port. */
const OF_TARGET: Record<string, (url: URL) => string> = {
  "@target-uri": (url) => url.href,
  "@authority": (url) => url.host,
  "@scheme": (url) => url.protocol.slice(0, -1),
  "@path": (url) => url.pathname,
  "@query": (url) => url.search || "?",
};

/**
 * Writes the text that a signature covers, as bytes.
 *
 * @param input The covered components and the parameters, with the sender's own
 * characters: their order is part of what is signed (section 2.3).
 * @throws {TypeError} If a component repeats, or the message does not have it.
 */
export function signatureBase(
  message: Message,
  components: readonly string[],
  input: string,
): Uint8Array<ArrayBuffer> {
  const lines = components.map((component, i) => {
    const value = valueOf(message, component);
    // Section 2.5: absent, repeated and non-ASCII components are errors.
    if (
      value == null || /[^\t -~]/.test(value) ||
      components.indexOf(component) < i
    ) throw new TypeError(`Cannot cover "${component}"`);
    return `${identifier(component)}: ${value}`;
  });
  lines.push(`"@signature-params": ${input}`);
  return new TextEncoder().encode(lines.join("\n"));
}

/** Writes a component as it stands on the wire. */
export function identifier(component: string): string {
  return component.replace(/^[^;]*/, '"$&"');
}

function valueOf(
  { request, response }: Message,
  component: string,
): string | null | undefined {
  const [name, ofRequest] = component.split(";");
  // Section 2.4: `req` is for the request that a response answers.
  if (ofRequest && !response) return;
  const subject = ofRequest ? request : response ?? request;
  if (name[0] !== "@") return subject.headers.get(name);
  if ("status" in subject) {
    return name === "@status" ? `${subject.status}` : undefined;
  }
  if (name === "@method") return subject.method;
  return OF_TARGET[name]?.(new URL(subject.url));
}

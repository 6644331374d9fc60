/** Real HTTP, for one test. */

export interface Listening extends AsyncDisposable {
  /** Ends with a slash. */
  readonly url: string;
}

/** Serves on a free port of this machine. */
export function listen(
  handle: (request: Request) => Response | Promise<Response>,
): Listening {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    handle,
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}/`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** A port that nothing listens on just now. */
export function freePort(): number {
  using probe = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return probe.addr.port;
}

/** Whether something listens on a port. */
export function listensOn(port: number): Promise<boolean> {
  return Deno.connect({ hostname: "127.0.0.1", port }).then((connection) => {
    connection.close();
    return true;
  }, () => false);
}

/**
 * How a request is delivered.
 *
 * @module
 */

/** What delivers a request: the global `fetch`, a stand-in for it, or a server's `handle`. */
export type Fetch = (request: Request) => Response | Promise<Response>;

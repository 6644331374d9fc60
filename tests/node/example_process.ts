/** `examples/node_server.ts`, to be bundled; a bundle must export something. */
import "../../examples/node_server.ts";

export const started = true;

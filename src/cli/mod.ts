/**
 * The command line: a local proxy that signs for hosts that cannot.
 *
 * ```sh
 * COUNTERSIGN_SECRET=… deno run -A jsr:@countersign/mcp/cli proxy \
 *   --url https://example.com/mcp --server greeter --client client-001
 * ```
 *
 * For Deno. The secret comes from the environment, because other users of a
 * machine can read a command line.
 *
 * @module
 */

import { main } from "./main.ts";

export { main };

if (import.meta.main) {
  try {
    main(Deno.args, Deno.env.get("COUNTERSIGN_SECRET"));
  } catch (error) {
    console.error((error as Error).message);
    Deno.exit(2);
  }
}

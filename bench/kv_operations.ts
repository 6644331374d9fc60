/**
 * Prints what calls cost in KV operations: a figure that no machine changes,
 * and that users pay for. `tests/kv_operations_test.ts` holds it to that.
 */
import { costs } from "../tests/support/costs.ts";

using kv = await Deno.openKv(":memory:");
console.table(await costs(kv));

/** Prints the files that deno.json exports, for the tasks that are about all of them. */
import config from "../deno.json" with { type: "json" };

console.log(Object.values(config.exports).join(" "));

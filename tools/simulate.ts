import { simulateSeed } from "../tests/simulator/simulate.ts";
const [from, count] = Deno.args.map(Number);
const found = new Map<string, number[]>();
const reached = new Map<string, number>();
const t = performance.now();
let events = 0, lasted = 0;
for (let seed = from; seed < from + count; seed++) {
  const v = await simulateSeed(seed);
  events += v.events;
  lasted += v.lastedMs;
  for (const x of v.violations) {
    (found.get(x) ?? found.set(x, []).get(x)!).push(seed);
  }
  for (const x of v.reached) reached.set(x, (reached.get(x) ?? 0) + 1);
  if (count === 1) console.log(v.mix, v.trace.join("\n"), [...v.violations]);
}
const s = (performance.now() - t) / 1000;
console.log(
  s.toFixed(1),
  "s",
  (count / s).toFixed(0),
  "seeds/s",
  (events / count).toFixed(0),
  "events/seed",
);
for (const [x, seeds] of [...found].sort((a, b) => b[1].length - a[1].length)) {
  console.log(String(seeds.length).padStart(5), x, seeds.slice(0, 5).join(" "));
}
console.log(
  [...reached].sort((a, b) => b[1] - a[1]).map(([k, v]) => `${k} ${v}`).join(
    "; ",
  ),
);

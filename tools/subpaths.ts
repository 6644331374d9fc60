/**
 * Checks the sub-paths of deno.json, as part of `deno task check`: their files
 * are there, README.md or `docs/` tells of each, no documentation and no example
 * names another, and `offline/import_map.json` has the same.
 */
import { existsSync, globSync } from "node:fs";
import config from "../deno.json" with { type: "json" };
import offline from "../offline/import_map.json" with { type: "json" };

/** What tells users which sub-paths there are. */
const DOCUMENTS = ["README.md", "docs/*.md"];

/** What may name them besides; not the changelog, which may tell of those that are gone. */
const OTHERS = [
  "{ARCHITECTURE,CONTRIBUTING,PROTOCOL,SECURITY}.md",
  "mod.ts",
  "src/**/*.ts",
  "examples/**/*.ts",
];

/** The package, a version, a sub-path; or "`./client`", as prose has it. */
const SPECIFIER = `${config.name}(?:@[^/\\s"'\`]+)?(/[\\w/-]+)?`;
const NAMED = new RegExp(`${SPECIFIER}|\`\\.(/[\\w/-]+)\``, "g");

const root = new URL("../", import.meta.url);
const subpaths = new Map<string, string>(Object.entries(config.exports));
const problems = [
  ...checkFiles(),
  ...checkDocumented(),
  ...checkMentions(),
  ...checkImportMap(),
];
for (const problem of problems) console.error(problem);
console.log(`subpaths: ${subpaths.size}, ${problems.length} problems`);
Deno.exit(problems.length > 0 ? 1 : 0);

function checkFiles(): string[] {
  return [...subpaths].filter(([, file]) => !existsSync(new URL(file, root)))
    .map(([subpath, file]) =>
      `deno.json exports ${file} as ${subpath}, which is not there: ` +
      "correct the path"
    );
}

function checkDocumented(): string[] {
  const found = new Set(filesOf(DOCUMENTS).flatMap(mentionsIn));
  return [...subpaths.keys()].filter((subpath) => !found.has(subpath))
    .map((subpath) =>
      `deno.json exports ${subpath}, which nothing tells of: ` +
      `name it in ${DOCUMENTS.join(" or ")}`
    );
}

function checkMentions(): string[] {
  const files = new Set(filesOf([...DOCUMENTS, ...OTHERS]));
  return [...files].flatMap((file) =>
    [...new Set(mentionsIn(file))].filter((subpath) => !subpaths.has(subpath))
      .map((subpath) =>
        `${file} names ${specifierOf(subpath)}, which deno.json does not ` +
        "export: export it, or correct the name"
      )
  );
}

/** The stand-ins' map has this package by its own name, and the same npm packages. */
function checkImportMap(): string[] {
  const expected = new Map([
    ...[...subpaths].map(([subpath, file]) =>
      [specifierOf(subpath), `.${file}`] as const
    ),
    ...Object.entries(config.imports).filter(([, to]) => to.startsWith("npm:")),
  ]);
  const actual = new Map(
    Object.entries(offline.imports).filter(([name]) =>
      !name.startsWith("@std/")
    ),
  );
  return [...new Set([...expected.keys(), ...actual.keys()])]
    .filter((name) => expected.get(name) !== actual.get(name))
    .map((name) =>
      `offline/import_map.json has ${actual.get(name) ?? "nothing"} for ` +
      `${name}: deno.json asks for ${expected.get(name) ?? "nothing"}`
    );
}

function filesOf(patterns: readonly string[]): string[] {
  return patterns.flatMap((it) => globSync(it, { cwd: root.pathname }));
}

function mentionsIn(file: string): string[] {
  const text = Deno.readTextFileSync(new URL(file, root));
  return Array.from(
    text.matchAll(NAMED),
    ([, named, short]) => `.${named ?? short ?? ""}`,
  );
}

function specifierOf(subpath: string): string {
  return config.name + subpath.slice(1);
}

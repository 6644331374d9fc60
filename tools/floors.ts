/**
 * The floors of the house, and the check that imports only go down.
 *
 * A room is a folder of `src/`, or a file at its root. Types count as well: who
 * needs a type has to know the room that it comes from.
 *
 * @module
 */
import ts from "npm:typescript@6.0.3";
import config from "../deno.json" with { type: "json" };

/**
 * The rooms, from the ground up. A room may import from every floor below its
 * own; those on one floor do not know of each other.
 */
export const FLOORS: readonly (readonly string[])[] = [
  // What everybody may use, and what uses nothing.
  ["text.ts", "timing.ts"],
  [
    "base64.ts",
    "bytes.ts",
    "errors.ts",
    "id.ts",
    "once.ts",
    "waiting.ts",
  ],
  ["http", "json", "log.ts"],
  ["signing"],
  ["kv", "signatures"],
  ["kv_connect", "tool"],
  ["job", "node", "postgres"],
  // The middle: it does not know which protocol a call came by.
  ["call"],
  // The codecs around it, one a protocol.
  ["envelope", "mcp"],
  // What users hold in their hands.
  ["bearer.ts", "cli", "client", "server"],
  ["ready_made", "testing"],
  ["mod.ts"],
];

/** An import: from which file and line, of which file or package. */
interface Arrow {
  readonly file: string;
  readonly line: number;
  readonly to: string;
  readonly isPackage: boolean;
}

/** Says which rooms stand on no floor, which imports do not go down, and which go round. */
export function checkFloors(files: readonly ts.SourceFile[]): string[] {
  const arrows = files.flatMap(arrowsOf);
  const rooms = new Set(files.map(({ fileName }) => roomOf(fileName)));
  const listed = FLOORS.flat();
  return [
    ...[...rooms].filter((room) => !listed.includes(room)).map((room) =>
      `${room} stands on no floor: give it one in tools/floors.ts`
    ),
    ...listed.filter((room) => !rooms.has(room)).map((room) =>
      `${room} is not there: take it off its floor in tools/floors.ts`
    ),
    ...arrows.flatMap(checkArrow),
    ...findCycles(arrows),
  ];
}

/** What a file imports and exports again, types and `import()` included. */
function arrowsOf(file: ts.SourceFile): Arrow[] {
  const arrows: Arrow[] = [];
  const visit = (node: ts.Node) => {
    const specifier = specifierOf(node);
    if (specifier) {
      const { text } = specifier;
      const isPackage = !text.startsWith(".");
      arrows.push({
        file: file.fileName,
        line: file.getLineAndCharacterOfPosition(specifier.pos).line + 1,
        to: isPackage
          ? text
          : new URL(text, `file:///${file.fileName}`).pathname.slice(1),
        isPackage,
      });
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return arrows;
}

function specifierOf(node: ts.Node): ts.StringLiteralLike | undefined {
  let found: ts.Node | undefined;
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) {
    found = node.moduleSpecifier;
  } else if (ts.isImportTypeNode(node)) {
    found = ts.isLiteralTypeNode(node.argument)
      ? node.argument.literal
      : undefined;
  } else if (
    ts.isCallExpression(node) &&
    node.expression.kind === ts.SyntaxKind.ImportKeyword
  ) {
    found = node.arguments[0];
  }
  return found && ts.isStringLiteralLike(found) ? found : undefined;
}

/** `job` for `src/job/lease.ts`, `log.ts` for `src/log.ts`. */
function roomOf(file: string): string {
  return file.replace(/^src\/([^/]+).*$/, "$1");
}

function checkArrow({ file, line, to, isPackage }: Arrow): string[] {
  const at = `${file}:${line}`;
  if (isPackage && to.includes(config.name)) {
    return [`${at} imports ${to}: import the file, so that its room shows`];
  }
  if (isPackage) return [];
  const [from, target] = [roomOf(file), roomOf(to)];
  if (from === target || floorOf(target) < floorOf(from)) return [];
  return [
    `${at} imports ${to}, but ${target} is on no floor below ${from}: ` +
    "move what both need down, or hand it in",
  ];
}

function floorOf(room: string): number {
  const floor = FLOORS.findIndex((rooms) => rooms.includes(room));
  return floor === -1 ? FLOORS.length : floor;
}

/** Every file is walked once; a file met again on the way to itself closes a cycle. */
function findCycles(arrows: readonly Arrow[]): string[] {
  const cycles: string[] = [];
  const done = new Set<string>();
  const walk = (file: string, path: readonly string[]) => {
    const start = path.indexOf(file);
    if (start !== -1) {
      const cycle = [...path.slice(start), file].join(" imports ");
      cycles.push(`${cycle}: move what both need into a file of its own`);
    }
    if (start !== -1 || done.has(file)) return;
    for (const arrow of arrows) {
      if (arrow.file === file) walk(arrow.to, [...path, file]);
    }
    done.add(file);
  };
  for (const { file } of arrows) walk(file, []);
  return cycles;
}

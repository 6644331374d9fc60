/**
 * Checks how the code is built, as part of `deno task check`: how long files and
 * functions are, that a type's name is used once, that doors only open, and that
 * imports go down (see `tools/floors.ts`).
 */
import { globSync } from "node:fs";
import ts from "npm:typescript@6.0.3";
import { checkFloors } from "./floors.ts";

const FILE_LINES = 300;
const FUNCTION_LINES = 80;

/** The door that is a program, too: it may have a block that runs it. */
const PROGRAM = "src/cli/mod.ts";

const root = new URL("../", import.meta.url);
const paths = ["mod.ts", ...globSync("src/**/*.ts", { cwd: root.pathname })];
const files = paths.sort().map((path) =>
  ts.createSourceFile(
    path,
    Deno.readTextFileSync(new URL(path, root)),
    ts.ScriptTarget.Latest,
    true,
  )
);
const problems = [
  ...files.flatMap(checkFile),
  ...files.flatMap(checkFunctions),
  ...checkNames(files),
  ...files.flatMap(checkDoor),
  ...checkFloors(files),
];
for (const problem of problems) console.error(problem);
console.log(`structure: ${files.length} files, ${problems.length} problems`);
Deno.exit(problems.length > 0 ? 1 : 0);

function checkFile(file: ts.SourceFile): string[] {
  const lines = file.getLineStarts().length - 1;
  if (lines <= FILE_LINES) return [];
  return [
    `${file.fileName} has ${lines} lines, more than ${FILE_LINES}: ` +
    "split it by stage",
  ];
}

/** A function that holds others counts with what it holds. */
function checkFunctions(node: ts.Node): string[] {
  const found: string[] = [];
  const lines = lineOf(node, node.getEnd()) - lineOf(node) + 1;
  if (ts.isFunctionLike(node) && lines > FUNCTION_LINES) {
    const name = ts.getNameOfDeclaration(node)?.getText() ?? "a function";
    found.push(
      `${at(node)} ${name} has ${lines} lines, more than ` +
        `${FUNCTION_LINES}: split it by stage`,
    );
  }
  ts.forEachChild(node, (child) => void found.push(...checkFunctions(child)));
  return found;
}

/** Of exported types, interfaces and classes: one name would mean two things. */
function checkNames(files: readonly ts.SourceFile[]): string[] {
  const declared = files.flatMap(({ statements }) =>
    statements.filter((node) =>
      ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node) ||
      ts.isClassDeclaration(node)
    )
  );
  const exported = declared.filter(({ modifiers = [] }) =>
    modifiers.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)
  );
  return [...Map.groupBy(exported, ({ name }) => name?.text ?? "default")]
    .filter(([, twins]) => twins.length > 1)
    .map(([name, twins]) =>
      `${twins.map(at).join(" and ")} each export a ${name}: ` +
      "give each a name of its own"
    );
}

function checkDoor(file: ts.SourceFile): string[] {
  if (!/^(src\/[^/]+\/)?mod\.ts$/.test(file.fileName)) return [];
  return file.statements.flatMap((node) => {
    if (ts.isImportDeclaration(node)) return [];
    if (ts.isExportDeclaration(node) && node.exportClause) return [];
    if (file.fileName === PROGRAM && isMainBlock(node)) return [];
    return `${at(node)} a door only imports and exports, name by name: ` +
      "move the rest into the room";
  });
}

function isMainBlock(node: ts.Statement): boolean {
  return ts.isIfStatement(node) &&
    node.expression.getText() === "import.meta.main";
}

function at(node: ts.Node): string {
  return `${node.getSourceFile().fileName}:${lineOf(node)}`;
}

function lineOf(node: ts.Node, position = node.getStart()): number {
  const file = node.getSourceFile();
  return file.getLineAndCharacterOfPosition(position).line + 1;
}

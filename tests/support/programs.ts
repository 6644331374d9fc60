/** Programs that some tests need, and not every machine has. */

/** Whether a program can be run. */
export function isInstalled(command: string): boolean {
  try {
    return new Deno.Command(command, {
      args: ["--version"],
      stdout: "null",
      stderr: "null",
    }).outputSync().success;
  } catch {
    return false;
  }
}

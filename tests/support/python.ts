/** Whether there is a Python to run the examples and the vectors with. */
export function hasPython(): boolean {
  try {
    return new Deno.Command("python3", { args: ["--version"] })
      .outputSync().success;
  } catch {
    return false;
  }
}

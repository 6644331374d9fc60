/** What the tools of users do, one thing after another or side by side. */
import type { StepOptions } from "../../src/tool/context.ts";

/** What a step's body gives back. */
export type ValueKind = "small" | "large" | "huge" | "date" | "bigint";

/** One thing that a tool does; times are in milliseconds. */
export type Action =
  | {
    readonly do: "step";
    readonly name: string;
    readonly ms: number;
    readonly value: ValueKind;
    /** How often its body throws before it succeeds. */
    readonly failures: number;
    /** How often it hangs before that. */
    readonly hangs: number;
    readonly options: StepOptions | undefined;
  }
  /** A step that fails as often as it may, which the tool catches. */
  | { readonly do: "exhaust"; readonly name: string; readonly attempts: number }
  /** A step that fails for good, which the tool catches and makes up for. */
  | { readonly do: "saga"; readonly name: string; readonly ms: number }
  /** Work outside of any step. */
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "sleep"; readonly name: string; readonly ms: number }
  | {
    readonly do: "together";
    readonly branches: readonly (readonly Action[])[];
  }
  /** A step with a sleep as its time-out. */
  | {
    readonly do: "race";
    readonly step: Action;
    readonly sleep: Action;
  }
  | { readonly do: "ask"; readonly name: string; readonly withinMs: number }
  | { readonly do: "progress"; readonly fraction: number }
  /** Throws, the first so many times that it is reached. */
  | { readonly do: "throw"; readonly name: string; readonly times: number }
  /** Kills its process, the first so many times that it is reached. */
  | { readonly do: "kill"; readonly name: string; readonly times: number }
  /** Calls the context from within a step. */
  | {
    readonly do: "misuse";
    readonly name: string;
    readonly inner: "sleep" | "ask" | "step";
  }
  /** Awaits the first of two steps, which fails, after the second. */
  | {
    readonly do: "await late";
    readonly first: Action & { readonly do: "step" };
    readonly second: Action & { readonly do: "step" };
  }
  /** A branch that nobody awaits. */
  | { readonly do: "stray"; readonly name: string; readonly ms: number }
  /** Gives back what no schema takes. */
  | { readonly do: "return wrongly" };

/** One kind of thing that a tool does. */
export type ActionOf<Kind extends Action["do"]> = Extract<
  Action,
  { do: Kind }
>;

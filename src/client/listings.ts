/**
 * What a server tells of itself, of its tools, and of a client's jobs.
 *
 * @module
 */

import type { WireJobStatus } from "../job/wire_status.ts";
import { checkMembers } from "./response.ts";
import { callBuiltin, type Send } from "./send.ts";

/** Who a server is. */
export interface ServerIdentity {
  /** The server's id. */
  readonly serverId: string;
  /** 16 hexadecimal digits, the same as long as the server keeps its secret. */
  readonly fingerprint: string;
  /** What it can do; `async` says that it has jobs. */
  readonly capabilities: Readonly<Record<string, boolean>>;
}

/** A tool that this client may call. */
export interface ListedTool {
  /** Its name. */
  readonly name: string;
  /** What it does. */
  readonly description: string;
  /** Its arguments, in JSON Schema 2020-12. */
  readonly inputSchema: Readonly<Record<string, unknown>>;
  /** Its result, in JSON Schema 2020-12; absent where the server promises nothing of it. */
  readonly outputSchema?: Readonly<Record<string, unknown>>;
  /** Whether it is started as a job, rather than called. */
  readonly job: boolean;
  /** Whether a call may run twice without harm. */
  readonly replayable: boolean;
}

/** A job of this client. */
export interface ListedJob {
  /** The job's id. */
  readonly jobId: string;
  /** The id of the request that started it. */
  readonly requestId: string;
  /** The tool's name. */
  readonly tool: string;
  /** How it stands. */
  readonly status: WireJobStatus;
  /** When it was accepted, by the server's clock. */
  readonly createdAt: Date;
  /** When it last changed, by the server's clock. */
  readonly updatedAt: Date;
  /** 0 to 1; absent before it has told, and once it has ended. */
  readonly progress?: number;
  /** The same in words; of a job that failed, why. */
  readonly message?: string;
}

/** Asks a server who it is. */
export async function fetchIdentity(
  send: Send,
  signal: AbortSignal | undefined,
): Promise<ServerIdentity> {
  const { result } = await callBuiltin(send, "server_identity", {}, signal);
  const { server_id: serverId, ...rest } = checkMembers(result, {
    server_id: "string",
  }) as { server_id: string } & Omit<ServerIdentity, "serverId">;
  return { serverId, ...rest };
}

/** Lists the tools. */
export async function listTools(
  send: Send,
  signal: AbortSignal | undefined,
): Promise<ListedTool[]> {
  const { result } = await callBuiltin(send, "list_tools", {}, signal);
  const { tools } = checkMembers(result, { tools: "array" }) as {
    tools: (Omit<ListedTool, "inputSchema" | "outputSchema"> & {
      input_schema: ListedTool["inputSchema"];
      output_schema?: ListedTool["outputSchema"];
    })[];
  };
  return tools.map((entry) => {
    const { input_schema: inputSchema, output_schema: outputSchema, ...tool } =
      checkMembers(entry, { name: "string" }) as typeof entry;
    return { ...tool, inputSchema, ...outputSchema && { outputSchema } };
  });
}

/** Lists jobs, newest first; asks for a page when it is reached. */
export async function* listJobs(
  send: Send,
  status: WireJobStatus | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<ListedJob, void> {
  let cursor: string | undefined;
  do {
    const args = { status, cursor };
    const { result } = await callBuiltin(send, "list_jobs", args, signal);
    const page = checkMembers(result, { jobs: "array" }) as {
      jobs: JobJson[];
      cursor?: string;
    };
    yield* page.jobs.map(readJob);
    cursor = page.cursor;
  } while (cursor);
}

type JobJson =
  & Pick<ListedJob, "tool" | "status" | "progress" | "message">
  & {
    job_id: string;
    request_id: string;
    created_ms: number;
    updated_ms: number;
  };

function readJob(entry: JobJson): ListedJob {
  const { job_id, request_id, created_ms, updated_ms, ...job } = checkMembers(
    entry,
    { job_id: "string", request_id: "string" },
  ) as JobJson;
  return {
    ...job,
    jobId: job_id,
    requestId: request_id,
    createdAt: new Date(created_ms),
    updatedAt: new Date(updated_ms),
  };
}

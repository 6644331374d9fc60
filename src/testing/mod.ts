/**
 * Testing one's own tools, and one's own store.
 *
 * A server with a client and a clock, stores that count and that fail, and the
 * contracts that every store keeps here, as functions that throw: they depend
 * on no test framework, and run in every runtime.
 *
 * @module
 */

export {
  createTestServer,
  type LogLine,
  type TestServer,
  type TestServerOptions,
} from "./test_server.ts";
export { type Clock, runningClock, stoppedClock } from "./clock.ts";
export { type MemoryKv, memoryKv } from "./memory_kv.ts";
export { countingKv, type OperationCounts } from "./counting_kv.ts";
export { type Fault, type FaultPlan, faultyKv } from "./faulty_kv.ts";
export { type KvCheck, kvContract } from "./kv_contract.ts";
export { type JobCheck, jobContract } from "./job_contract.ts";
export { type FaultCheck, faultContract } from "./fault_contract.ts";

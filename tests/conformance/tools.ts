/** The tools that the conformance suite calls by name, which are content and asking. */
import {
  content,
  defineTool,
  type FormQuestion,
  type Schema,
  ToolError,
  type Tools,
  type,
  withParamHeaders,
} from "../../mod.ts";

const nothing = type({});
const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=";

const image = { type: "image", data: PNG, mimeType: "image/png" } as const;
const resource = {
  type: "resource",
  resource: {
    uri: "test://embedded-resource",
    mimeType: "text/plain",
    text: "This is an embedded resource content.",
  },
} as const;

const says = (text: string) =>
  defineTool({
    description: `Says: ${text}`,
    input: nothing,
    output: content,
    run: () => content([{ type: "text", text }]),
  });

const name: FormQuestion<Schema> = {
  message: "What is your name?",
  form: type({ name: "string" }),
};
const confirm: FormQuestion<Schema> = {
  message: "Please confirm",
  form: type({ ok: "boolean" }),
};
const capital = {
  sampling: {
    messages: [{
      role: "user",
      content: { type: "text", text: "What is the capital of France?" },
    }],
    maxTokens: 100,
  },
};

/** A schema whose keywords must reach clients as they are. */
const verbatim = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  $defs: {
    address: {
      $anchor: "addressDef",
      type: "object",
      properties: { street: { type: "string" }, city: { type: "string" } },
    },
  },
  properties: {
    name: { type: "string" },
    address: { $ref: "#/$defs/address" },
    contactMethod: { type: "string", enum: ["phone", "email"] },
    phone: { type: "string" },
    email: { type: "string" },
  },
  allOf: [{ anyOf: [{ required: ["phone"] }, { required: ["email"] }] }],
  if: {
    properties: { contactMethod: { const: "phone" } },
    required: ["contactMethod"],
  },
  then: { required: ["phone"] },
  else: { required: ["email"] },
  additionalProperties: false,
};

const contact: Schema = {
  "~standard": {
    version: 1,
    vendor: "conformance",
    validate: (value) => ({ value }),
    jsonSchema: { input: () => verbatim, output: () => verbatim },
  },
};

/** Tools that answer at once. */
export const immediate: Tools = {
  test_simple_text: says("This is a simple text response for testing."),
  test_image_content: defineTool({
    description: "Returns an image",
    input: nothing,
    output: content,
    run: () => content([image]),
  }),
  test_audio_content: defineTool({
    description: "Returns a sound",
    input: nothing,
    output: content,
    run: () => content([{ type: "audio", data: WAV, mimeType: "audio/wav" }]),
  }),
  test_embedded_resource: defineTool({
    description: "Returns a resource",
    input: nothing,
    output: content,
    run: () => content([resource]),
  }),
  test_multiple_content_types: defineTool({
    description: "Returns a text, an image and a resource",
    input: nothing,
    output: content,
    run: () =>
      content([{ type: "text", text: "Several kinds:" }, image, resource]),
  }),
  test_error_handling: defineTool({
    description: "Fails",
    input: nothing,
    run: (): string => {
      throw new ToolError("This tool intentionally returns an error");
    },
  }),
  test_tool_with_progress: defineTool({
    description: "Reports progress three times",
    input: nothing,
    run: async (_args, { progress }) => {
      for (const fraction of [0, 0.5, 1]) {
        progress(fraction, `${fraction * 100} of 100`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      return "done";
    },
  }),
  json_schema_2020_12_tool: defineTool({
    description: "Has a schema of many keywords",
    input: contact,
    open: true,
    run: () => "ok",
  }),
  test_x_mcp_header: defineTool({
    description: "Takes an argument that a header repeats",
    input: withParamHeaders(type({ region: "string" }), { region: "Region" }),
    run: ({ region }) => `region: ${region}`,
  }),
  test_streaming_elicitation: says("Nothing to ask"),
  test_logging_tool: says("Nothing is logged to clients"),
  test_missing_capability: defineTool({
    description: "Needs the caller's model",
    input: nothing,
    run: async (_args, { ask }) => {
      await ask("capital_question", capital);
      return "ok";
    },
  }),
  greet: defineTool({
    description: "Greets",
    input: type({ name: "string" }),
    run: ({ name }) => `Hello, ${name}!`,
  }),
};

/** Tools that ask their caller before they answer. */
export const asking: Tools = {
  test_input_required_result_elicitation: defineTool({
    description: "Asks for a name",
    input: nothing,
    run: async (_args, { ask }) => {
      const reply = await ask("user_name", name);
      return `Hello, ${
        reply.action === "accept" ? reply.content.name : "you"
      }!`;
    },
  }),
  test_input_required_result_sampling: defineTool({
    description: "Asks the caller's model",
    input: nothing,
    run: async (_args, { ask }) =>
      JSON.stringify(await ask("capital_question", capital)),
  }),
  test_input_required_result_list_roots: defineTool({
    description: "Asks for the caller's folders",
    input: nothing,
    run: async (_args, { ask }) =>
      JSON.stringify(await ask("client_roots", { roots: true })),
  }),
  test_input_required_result_request_state: defineTool({
    description: "Asks to confirm",
    input: nothing,
    run: async (_args, { ask }) => {
      await ask("confirm", confirm);
      return "state-ok";
    },
  }),
  test_input_required_result_multiple_inputs: defineTool({
    description: "Asks three things at once",
    input: nothing,
    run: async (_args, { ask }) => {
      const answers = await Promise.all([
        ask("user_name", name),
        ask("greeting", capital),
        ask("client_roots", { roots: true }),
      ]);
      return JSON.stringify(answers);
    },
  }),
  test_input_required_result_multi_round: defineTool({
    description: "Asks one thing after another",
    input: nothing,
    run: async (_args, { ask }) => {
      const first = await ask("step1", name);
      const second = await ask("step2", {
        message: "Step 2: What is your favorite color?",
        form: type({ color: "string" }),
      });
      return JSON.stringify([first, second]);
    },
  }),
  test_input_required_result_tampered_state: defineTool({
    description: "Asks to confirm, and trusts only its own state",
    input: nothing,
    run: async (_args, { ask }) => {
      await ask("confirm", confirm);
      return "ok";
    },
  }),
  test_input_required_result_capabilities: defineTool({
    description: "Asks only what the caller takes",
    input: nothing,
    run: async (_args, { ask, canAsk }) => {
      const answers = await Promise.all([
        canAsk("form") ? ask("user_name", name) : null,
        canAsk("sampling") ? ask("capital_question", capital) : null,
      ]);
      return JSON.stringify(answers);
    },
  }),
};

/** Jobs. */
export const jobs: Tools = {
  slow_compute: defineTool({
    description: "Takes its time",
    input: type({ seconds: "number >= 0", "label?": "string" }),
    job: { pollAfterMs: 100 },
    run: async ({ seconds, label }, { sleep }) => {
      await sleep(seconds * 1000);
      return `Computed ${label ?? "nothing"} in ${seconds} s`;
    },
  }),
  confirm_delete: defineTool({
    description: "Asks before it deletes",
    input: type({ filename: "string" }),
    job: { pollAfterMs: 100 },
    run: async ({ filename }, { ask }) => {
      const reply = await ask("confirm", {
        message: `Delete ${filename}?`,
        form: type({ confirm: "boolean" }),
      });
      const yes = reply.action === "accept" && reply.content.confirm;
      return yes ? `Deleted ${filename}` : `Kept ${filename}`;
    },
  }),
  multi_input: defineTool({
    description: "Asks two things at once",
    input: nothing,
    job: { pollAfterMs: 100 },
    run: async (_args, { ask }) => {
      const answers = await Promise.all([
        ask("user_name", name),
        ask("confirm", {
          message: "Go on?",
          form: type({ confirm: "boolean" }),
        }),
      ]);
      return JSON.stringify(answers);
    },
  }),
  failing_job: defineTool({
    description: "Fails as a job only",
    input: nothing,
    job: { attempts: 1, inline: false, pollAfterMs: 100 },
    run: async (_args, { sleep }): Promise<string> => {
      await sleep(300);
      throw new ToolError("The job failed, as it always does");
    },
  }),
  protocol_error_job: defineTool({
    description: "Breaks",
    input: nothing,
    job: { attempts: 1, pollAfterMs: 100 },
    run: (): string => {
      throw new Error("Broken");
    },
  }),
  test_tool_with_task: defineTool({
    description: "Asks first, then works",
    input: type({ "name?": "string" }),
    job: { inline: false, pollAfterMs: 100 },
    prepare: async (_args, { ask }) => {
      const reply = await ask("user_name", name);
      return { name: reply.action === "accept" ? reply.content.name : "you" };
    },
    run: ({ name }) => `Hello, ${name}!`,
  }),
};

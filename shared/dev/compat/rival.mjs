// What somebody would put in Aurora's place: @openai/agents behind Node's own HTTP server, streaming the same turn as
// OpenAI does. `make bench` measures it. RIVAL_MODEL_URL is the model's address above /chat/completions.
import { createServer } from "node:http";
import { Agent, OpenAIProvider, Runner, setTracingDisabled } from "@openai/agents";
import OpenAI from "openai";

setTracingDisabled(true);
const runner = new Runner({
  modelProvider: new OpenAIProvider({
    openAIClient: new OpenAI({ baseURL: process.env.RIVAL_MODEL_URL, apiKey: "bench", maxRetries: 0 }), useResponses: false,
  }),
});
const agent = new Agent({ name: "Aurora", instructions: process.env.RIVAL_PROMPT, model: "gpt-4o" });

const server = createServer(async (request, response) => {
  try {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    const { messages } = JSON.parse(Buffer.concat(pieces).toString());
    const run = await runner.run(agent, messages.map(({ role, content }) => ({ role, content })), { stream: true });
    response.writeHead(200, { "content-type": "text/event-stream" });
    const created = Math.floor(Date.now() / 1000);
    const send = (delta, finish) => response.write(`data: ${JSON.stringify({
      id: "chatcmpl-rival", object: "chat.completion.chunk", created, model: "gpt-4o", choices: [{ index: 0, delta, finish_reason: finish }],
    })}\n\n`);
    for await (const event of run) {
      if (event.type === "raw_model_stream_event" && event.data.type === "output_text_delta") send({ content: event.data.delta }, null);
    }
    await run.completed;
    send({}, "stop");
    response.end("data: [DONE]\n\n");
  } catch (error) {
    if (!response.headersSent) response.writeHead(500);
    response.end(String(error));
  }
});
server.listen(0, "127.0.0.1", () => process.stdout.write(`http://127.0.0.1:${server.address().port}\n`));

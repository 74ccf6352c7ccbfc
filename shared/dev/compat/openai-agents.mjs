// OpenAI's Agents SDK with a tool of its own: the model asks for it, the call is handed back, the SDK runs it and sends
// the answer. Once streamed and once whole.
import { Agent, OpenAIProvider, Runner, setTracingDisabled, tool } from "@openai/agents";
import OpenAI from "openai";
import { z } from "zod";
import { baseURL, call, key, model, tell } from "./turn.mjs";

setTracingDisabled(true);
const orders = [];
const lookUp = tool({
  name: "look_up_order",
  description: "Says where an order is.",
  parameters: z.object({ order: z.string() }),
  execute: async ({ order }) => {
    orders.push(order);
    return `${order} is on its way`;
  },
});
const agent = new Agent({
  name: "Clerk", instructions: "Answer in one sentence.", model, tools: [lookUp],
  modelSettings: { providerData: { call } },
});
const runner = new Runner({
  modelProvider: new OpenAIProvider({
    openAIClient: new OpenAI({ baseURL, apiKey: key, maxRetries: 0 }), useResponses: false,
  }),
});
const question = 'use look_up_order {"order":"HD-1042"}';

let text = "", chunks = 0, fullSession = null, finishReason = null;
const streamed = await runner.run(agent, question, { stream: true });
for await (const event of streamed) {
  if (event.type !== "raw_model_stream_event") continue;
  if (event.data.type === "output_text_delta") {
    chunks++;
    text += event.data.delta;
  }
  if (event.data.type === "model") {
    fullSession = event.data.event.full_session ?? fullSession;
    finishReason = event.data.event.choices?.[0]?.finish_reason ?? finishReason;
  }
}
await streamed.completed;
const whole = await runner.run(agent, question);
for (const said of [streamed.finalOutput, whole.finalOutput]) {
  if (!said.endsWith("The tool answered: HD-1042 is on its way")) throw new Error(`the tool's answer is lost: ${said}`);
}
if (text !== streamed.finalOutput) throw new Error(`streamed ${text}\nwhole ${streamed.finalOutput}`);
if (orders.join() !== "HD-1042,HD-1042") throw new Error(`the tool ran for ${orders}`);
const { inputTokens, outputTokens, totalTokens } = streamed.state.usage;
tell({
  text, finishReason, fullSession, chunks,
  usage: { prompt_tokens: inputTokens, completion_tokens: outputTokens, total_tokens: totalTokens },
});

// OpenAI's client, the .stream() helper, which puts the chunks together itself and throws on what is not a chunk.
import OpenAI from "openai";
import { baseURL, call, key, messages, model, tell } from "./turn.mjs";

const client = new OpenAI({ baseURL, apiKey: key, maxRetries: 0 });
const runner = client.chat.completions.stream({
  model, messages, call, stream_options: { include_usage: true },
});
let fullSession = null, chunks = 0, heard = "";
runner.on("chunk", (chunk) => {
  chunks++;
  fullSession = chunk.full_session ?? fullSession;
});
runner.on("content", (delta) => (heard += delta));
const completion = await runner.finalChatCompletion();
const models = [];
for await (const { id, object } of client.models.list()) models.push(`${object} ${id}`);
if (models.length === 0 || models.some((m) => !m.startsWith("model "))) throw new Error(`models: ${models}`);
const first = models[0].slice("model ".length);
if ((await client.models.retrieve(first)).id !== first) throw new Error(`the model ${first} is not found by its id`);
const choice = completion.choices[0];
if (heard !== choice.message.content) throw new Error("the events and the whole differ");
tell({ text: choice.message.content, finishReason: choice.finish_reason, usage: completion.usage, fullSession, chunks });

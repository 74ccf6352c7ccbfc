// OpenAI's client, stream: true, read by iteration.
import OpenAI from "openai";
import { baseURL, call, key, messages, model, tell } from "./turn.mjs";

const client = new OpenAI({ baseURL, apiKey: key, maxRetries: 0 });
const stream = await client.chat.completions.create({
  model, messages, call, stream: true, stream_options: { include_usage: true },
});
let text = "", finishReason = null, usage = null, fullSession = null, chunks = 0;
for await (const chunk of stream) {
  chunks++;
  text += chunk.choices[0]?.delta?.content ?? "";
  finishReason = chunk.choices[0]?.finish_reason ?? finishReason;
  usage = chunk.usage ?? usage;
  fullSession = chunk.full_session ?? fullSession;
}
tell({ text, finishReason, usage, fullSession, chunks });

// OpenAI's client for a chat on the web: with the alias as its base URL, and at the document's own address. Whole, though
// a stream was asked for, and without a session.
import OpenAI from "openai";
import { assistant, base, call, key, messages, model, tell } from "./turn.mjs";

const body = { model, messages, call, target_assistant_id: assistant, stream: false };
const atAlias = await new OpenAI({ baseURL: `${base}/api/v1/openai/chat`, apiKey: key, maxRetries: 0 }).chat.completions.create(body);
const atAddress = await new OpenAI({ baseURL: `${base}/api/v1/openai`, apiKey: key, maxRetries: 0 })
  .post("/chat/completions/chat", { body: { ...body, stream: true } });
for (const { choices: [{ message }] } of [atAlias, atAddress]) {
  if (message.tools_calls !== null) throw new Error(`tools_calls: ${message.tools_calls}`);
  if (message.content !== atAlias.choices[0].message.content) throw new Error("one address answers otherwise than the other");
}
const choice = atAlias.choices[0];
tell({ text: choice.message.content, finishReason: choice.finish_reason, usage: atAlias.usage, fullSession: atAlias.full_session ?? null, chunks: 0 });

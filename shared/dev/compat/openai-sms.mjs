// OpenAI's client for a text message: with the alias as its base URL, and at the document's own address. Whole, though a
// stream was asked for.
import OpenAI from "openai";
import { base, call, key, messages, model, tell } from "./turn.mjs";

const body = { model, messages, call, stream: false };
const atAlias = await new OpenAI({ baseURL: `${base}/api/v1/openai/sms`, apiKey: key, maxRetries: 0 }).chat.completions.create(body);
const atAddress = await new OpenAI({ baseURL: `${base}/api/v1/openai`, apiKey: key, maxRetries: 0 })
  .post("/chat/completions/sms", { body: { ...body, stream: true } });
for (const { choices: [{ message }] } of [atAlias, atAddress]) {
  if (Object.keys(message).sort().join() !== "content,refusal,role") throw new Error(`keys of the message: ${Object.keys(message)}`);
  if (message.content !== atAlias.choices[0].message.content) throw new Error("one address answers otherwise than the other");
}
const choice = atAlias.choices[0];
tell({ text: choice.message.content, finishReason: choice.finish_reason, usage: atAlias.usage, fullSession: atAlias.full_session ?? null, chunks: 0 });

// OpenAI's client for a phone call's turn, streamed: with the alias as its base URL, as Vapi's custom model takes it, and
// at the document's own address.
import OpenAI from "openai";
import { base, call, key, messages, model, tell } from "./turn.mjs";

const body = {
  model, messages: [...messages, { role: "user", content: "**Saturday** :-) or _Sunday_?" }], call,
  stream: true, stream_options: { include_usage: true },
};

async function hear(stream) {
  let text = "", finishReason = null, usage = null, fullSession = null, chunks = 0;
  for await (const chunk of stream) {
    chunks++;
    text += chunk.choices[0]?.delta?.content ?? "";
    finishReason = chunk.choices[0]?.finish_reason ?? finishReason;
    usage = chunk.usage ?? usage;
    fullSession = chunk.full_session ?? fullSession;
  }
  // The stand-in says again what it heard, marks and all.
  if (/[*_]/.test(text)) throw new Error(`marks reached the speaker: ${text}`);
  return { text, finishReason, usage, fullSession, chunks };
}

const atAlias = await hear(
  await new OpenAI({ baseURL: `${base}/api/v1/openai/voice`, apiKey: key, maxRetries: 0 }).chat.completions.create(body));
const atAddress = await hear(
  await new OpenAI({ baseURL: `${base}/api/v1/openai`, apiKey: key, maxRetries: 0 }).post("/chat/completions/voice", { body, stream: true }));
if (atAddress.text !== atAlias.text) throw new Error("one address answers otherwise than the other");
tell(atAlias);

// OpenAI's client without a stream.
import OpenAI from "openai";
import { baseURL, call, key, messages, model, tell } from "./turn.mjs";

const client = new OpenAI({ baseURL, apiKey: key, maxRetries: 0 });
const completion = await client.chat.completions.create({ model, messages, call });
const choice = completion.choices[0];
tell({
  text: choice.message.content, finishReason: choice.finish_reason, usage: completion.usage,
  fullSession: completion.full_session ?? null, chunks: 0,
});

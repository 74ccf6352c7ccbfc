// The AI SDK through its openai-compatible provider.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { streamText } from "ai";
import { baseURL, call, key, messages, model, tell } from "./turn.mjs";

const aurora = createOpenAICompatible({ name: "aurora", baseURL, apiKey: key, includeUsage: true });
let failure = null, chunks = 0, heard = "", fullSession = null;
const result = streamText({
  model: aurora(model), messages, maxRetries: 0, includeRawChunks: true,
  providerOptions: { aurora: { call } },
  onError: ({ error }) => (failure = error),
});
for await (const part of result.fullStream) {
  if (part.type === "text-delta") heard += part.text;
  if (part.type === "raw") {
    chunks++;
    fullSession = part.rawValue?.full_session ?? fullSession;
  }
}
if (failure) throw failure;
const usage = await result.usage;
tell({
  text: heard, finishReason: await result.finishReason, fullSession, chunks,
  usage: { prompt_tokens: usage.inputTokens, completion_tokens: usage.outputTokens, total_tokens: usage.totalTokens },
});

// LangChain's ChatOpenAI: streamed, then whole. What its chunks leave out of the answer it keeps in the raw response.
import { ChatOpenAI } from "@langchain/openai";
import { baseURL, call, key, messages, model, tell } from "./turn.mjs";

const chat = new ChatOpenAI({
  model, apiKey: key, maxRetries: 0, streamUsage: true, __includeRawResponse: true,
  configuration: { baseURL }, modelKwargs: { call },
});
const question = messages.map(({ role, content }) => [role, content]);

let all = null, chunks = 0, fullSession = null;
for await (const chunk of await chat.stream(question)) {
  chunks++;
  fullSession = chunk.additional_kwargs.__raw_response?.full_session ?? fullSession;
  all = all === null ? chunk : all.concat(chunk);
}
const whole = await chat.invoke(question);
if (whole.content !== all.content) throw new Error(`whole ${whole.content}\nstreamed ${all.content}`);
if (whole.additional_kwargs.__raw_response.full_session?.id !== call.id) throw new Error("no session in the whole answer");
const { input_tokens, output_tokens, total_tokens } = all.usage_metadata;
tell({
  text: all.content, finishReason: all.response_metadata.finish_reason, fullSession, chunks,
  usage: { prompt_tokens: input_tokens, completion_tokens: output_tokens, total_tokens },
});

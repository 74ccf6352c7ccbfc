// A caller that reads the API document's stream to the letter and takes nothing else: chunks with content, one with
// finish_reason "stop", the bare full_session line, [DONE], the end.
import { baseURL, key, messages, model, tell } from "./turn.mjs";

const call = {
  id: "clients-document",
  caller_phone_number: "+14155550100",
  assistant_config: process.env.AURORA_ASSISTANT ? { assistantId: process.env.AURORA_ASSISTANT } : {},
};
const answer = await fetch(`${baseURL}/chat/completions`, {
  method: "POST",
  headers: { "Content-Type": "application/json", Authorization: `Bearer ${key}` },
  body: JSON.stringify({ model, messages, temperature: 0.4, stream: true, call }),
});
if (answer.status !== 200) throw new Error(`status ${answer.status}: ${await answer.text()}`);
const kind = answer.headers.get("content-type") ?? "";
if (!/^text\/event-stream(;|$)/.test(kind)) throw new Error(`content type ${kind}`);

let text = "", finishReason = null, fullSession = null, done = false, chunks = 0;

function read(line) {
  if (line === "") return;
  if (done) throw new Error(`after [DONE]: ${line}`);
  if (!line.startsWith("data: ")) throw new Error(`not a data line: ${line}`);
  const data = line.slice("data: ".length);
  if (data === "[DONE]") {
    if (fullSession === null) throw new Error("[DONE] before full_session");
    done = true;
    return;
  }
  const event = JSON.parse(data);
  if (finishReason === null) {
    const { delta, finish_reason, index } = event.choices[0];
    if (typeof event.model !== "string" || index !== 0) throw new Error(`not a chunk: ${data}`);
    chunks++;
    if (finish_reason === null) {
      if (typeof delta.content === "string") text += delta.content;
    } else if (finish_reason === "stop" && Object.keys(delta).length === 0) {
      finishReason = finish_reason;
    } else {
      throw new Error(`not the document's last chunk: ${data}`);
    }
  } else {
    if (fullSession !== null || Object.keys(event).join() !== "full_session") throw new Error(`not the full_session line: ${data}`);
    fullSession = event.full_session;
  }
}

let rest = "";
const decoder = new TextDecoder("utf-8", { fatal: true });
for await (const bytes of answer.body) {
  rest += decoder.decode(bytes, { stream: true });
  const lines = rest.split("\n");
  rest = lines.pop();
  lines.forEach(read);
}
if (rest !== "") throw new Error(`the stream breaks off in a line: ${rest}`);
if (!done) throw new Error("the stream ended without [DONE]");
tell({ text, finishReason, usage: fullSession.usage ?? null, fullSession, chunks });

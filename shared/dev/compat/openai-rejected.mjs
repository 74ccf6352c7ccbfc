// What OpenAI's client makes of a refusal: its own error classes, by status and body.
import OpenAI from "openai";
import { baseURL, key, messages, model, tell } from "./turn.mjs";

async function refused(apiKey, body) {
  try {
    await new OpenAI({ baseURL, apiKey, maxRetries: 0 }).chat.completions.create(body);
  } catch (error) {
    return { name: error.constructor.name, status: error.status, code: error.code, type: error.type, param: error.param };
  }
  throw new Error("was answered");
}

tell({
  wrongKey: await refused(key.slice(0, -1) + "~", { model, messages }),
  badInput: await refused(key, { model, messages, temperature: 3 }),
});

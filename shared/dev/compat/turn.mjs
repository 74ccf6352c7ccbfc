// What the scripts share: where the API is, what is asked of it, and how the finding is told.

export const key = process.env.AURORA_KEY;
export const base = process.env.AURORA_URL;
export const baseURL = `${base}/api/v1/openai`;
export const assistant = process.env.AURORA_ASSISTANT;
export const model = "gpt-4o";
export const messages = [{ role: "user", content: "Are you open on Saturday?" }];

// A caller that names its call and nothing else of the document: it gets full_session as a chunk.
export const call = { id: "clients-test" };

export function tell(finding) {
  process.stdout.write(JSON.stringify(finding) + "\n");
}

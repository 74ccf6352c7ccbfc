// What the scripts share: where the API is, what is asked of it, and how the finding is told.

export const key = process.env.AURORA_KEY;
export const baseURL = `${process.env.AURORA_URL}/api/v1/openai`;
export const model = "gpt-4o";
export const messages = [{ role: "user", content: "Are you open on Saturday?" }];

// A caller that names its call and nothing else of the document: it gets full_session as a chunk.
export const call = { id: "clients-test" };

export function tell(finding) {
  process.stdout.write(JSON.stringify(finding) + "\n");
}

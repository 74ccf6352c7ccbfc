// Package clients runs other people's clients against the local stack: OpenAI's for Node and its Agents SDK, the AI SDK,
// LangChain, and one that reads the API document's stream to the letter.
//
// The clients are npm packages, pinned by the lock file here and installed by `npm ci --ignore-scripts` (make clients);
// dynalite, the stack's DynamoDB, comes the same way. Each script does one turn and prints what its client understood as
// one line of JSON; the tests beside this file compare.
//
// # Decisions
//
// The Agents SDK asks for a later openai than the one that runs on Node 20; the override in package.json gives it ours.
//
// The stack is started as an operator starts it, as a process, and stopped by SIGTERM: what is tested is what is run.
package clients

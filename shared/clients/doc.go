// Package clients runs other people's clients against the local stack: OpenAI's for Node, the AI SDK, and one that reads
// the API document's stream to the letter.
//
// The clients are npm packages, pinned by the lock file here and installed by `npm ci --ignore-scripts` (make clients);
// dynalite, the stack's DynamoDB, comes the same way. Each script does one turn and prints what its client understood as
// one line of JSON; the tests beside this file compare.
//
// # Decisions
//
// The stack is started as an operator starts it, as a process, and stopped by SIGTERM: what is tested is what is run.
package clients

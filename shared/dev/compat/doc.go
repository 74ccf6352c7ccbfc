// Package compat runs other people's clients against the local stack: OpenAI's for Node and its Agents SDK, the AI SDK,
// LangChain, and one that reads the API document's stream to the letter. Reports are looked at in Chromium. Where there is Node
// 22, the conformance suite of the Model Context Protocol runs against the client of package tools.
//
// The clients are npm packages, pinned by the lock file here and installed by `npm ci --ignore-scripts` (make clients);
// dynalite, the stack's DynamoDB, comes the same way. Each script does one turn and prints what its client understood as
// one line of JSON; the tests beside this file compare.
//
// # Decisions
//
// The Agents SDK asks for a later openai than the one that runs on Node 20; the override in package.json gives it ours.
//
// Reports are opened as files, by playwright-core with the machine's own Chromium: on a phone and on a desk, in light and
// dark, on paper, and once without their Content-Security-Policy. Every rule of axe-core applies but those of level AAA.
// Nothing of a page may stick out, be cut off, be asked for or run. CHROMIUM names another browser, REPORT_SCREENSHOTS a
// folder for what was seen. playwright-core brings no browser of its own; nothing is downloaded.
//
// The stack is started as an operator starts it, as a process, and stopped by SIGTERM: what is tested is what is run.
package compat

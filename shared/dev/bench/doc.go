// Package bench measures how fast, how small and how dear the bundle is, beside what people would use instead.
//
// # Decisions
//
// Everything runs on one machine in one run, and ratios are what is compared: machines differ and are noisy. What is
// measured beside something else (our function and the bare one, the direct way and ours) is measured in turn, round by
// round, so that a noisy minute falls on both, and medians are told.
//
// The functions are the binaries that `make run` built and runs, with their environment, behind the same local runner;
// its own part in a turn's time is in our figures, not taken out. For cold starts and for the processor time of a piece of
// work the runtime API is one of this package's own, which notes when it is asked, and before the stores stand meters that
// count what is asked of them, in the units that AWS sells: so the bill is reckoned from what was seen, not from what
// somebody remembers of the code.
//
// The fake model speaks as fast as hosted models do, 500 tokens a second, and no faster: sixteen at once are then sixteen
// conversations under way, and not a contest for the processor. Its first token comes at once, so that the time to the
// first word is all ours. Sixteen begin in the same moment, which is harder than sixteen callers are.
//
// The rival is @openai/agents behind Node's own HTTP server, with the same prompt, model server and question, and as many
// turns to get warm.
//
// Processor times are the scheduler's own, of each thread, to the nanosecond. Where the system does not tell them they are 0.
//
// Micro-benchmarks stay where their code is and are run by the go tool: one truth for `go test -bench` and for here.
//
// Prices are AWS's published ones, in a table with their date. A function's time at a memory size is its measured
// processor time, stretched where the size brings less than one processor, and the time it waits, which is assumed (waits)
// for each thing that was counted. Cold starts are not in the bill: they are too few.
//
// It touches nobody's account: of the environment only what Go and Node need reaches the stack. A run is whole or fails;
// only the rival may be missing, and then the tables say so. There is no short run in the tests: each part needs the whole
// stack, which tests of their own start, and what is reckoned from the figures is tested without one.
package bench

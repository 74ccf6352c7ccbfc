// Package bench measures the latency, size and cost of the bundle, beside what people would use instead.
//
// # Decisions
//
// Everything runs on one machine in one run, and ratios are compared, because machines differ and are noisy. Two things
// that are compared (a function and a bare one, a direct request and one through the bundle) are measured in alternating
// rounds, so that noise affects both. The tables show medians.
//
// The functions are the binaries that `make run` built and runs, with their environment, behind the same emulator; the
// emulator's own time is included. For cold starts and CPU time this package has its own runtime API, which records when
// it is called. Meters in front of the stores count requests in the units that AWS bills, so the cost is computed from
// what was measured.
//
// Cold starts are measured twice: with plain connections, which compare the programs, and with TLS to every store, the model and the
// telephone provider, as in AWS. The certificates are made in the run, with RSA keys and an intermediate one; the processes
// trust the system's certificates and these (SSL_CERT_FILE). Processor time is divided where the process asks for its first
// event, because Lambda gives it a whole processor until then. The difference between a start and a bare one leaves out the time in
// which connections are opened: it compares what is linked and set up.
//
// The fake model sends 500 tokens a second, as fast hosted models do: with sixteen concurrent turns the processor is then
// not the limit. Its first token comes at once, so that the time to the first word is the bundle's own. All sixteen start
// at the same moment, which is harder than sixteen real callers.
//
// The rival is @openai/agents behind Node's own HTTP server, with the same prompt, model server and question, and as many
// turns to get warm.
//
// Processor times are the scheduler's own, of each thread, to the nanosecond. They are 0 on systems that do not report them.
//
// Micro-benchmarks stay beside their code and are run with `go test -bench`.
//
// Prices are AWS's published ones, in a table with their date. A function's time at a memory size is its measured
// processor time, stretched where the size brings less than one processor, and the time it waits, which is assumed (waits)
// for each thing that was counted. Cold starts are not in the bill: they are too few.
//
// No real account is used: only the environment variables that Go and Node need reach the stack. A run is complete or
// fails; only the rival may be missing, and then the tables say so. The tests have no short run, since every part needs the
// whole stack; they test the computations.
package bench

// Package endofcall ends phone calls that Twilio's ConversationRelay carries: it writes the end-of-call report of each.
//
// # Decisions
//
// The report has the shape that voice servers send. It is stored as theirs are, so that the row, the analysis, the
// reports and the storage settings need nothing new.
//
// Three signals say that a call is over: Twilio's request for what follows the session, its status callback, and the end of the
// WebSocket. Each may be missing, late or repeated, and each sends a task to finish the call. Finish decides from the stored
// state whether the call is over and quiet; until then it sends the task again with a delay. So the order of the signals and their
// number do not matter.
//
// A call for which no signal comes is finished by a task that is sent when the call's state is stored, with the longest delay
// that SQS has, and again until the call is over. That needs no index by time, no scan of the ledger and no schedule, and a
// message that fails is delivered again and ends in the dead-letter queue, which has an alarm.
//
// What the report is made from is stored before the report, together with a newer generation, after which no turn that still
// runs is stored. So a run after a crash writes the same object, which the bucket takes as the one that it has. A fact that
// comes later, such as the address of the recording, is added to the call's row, and there is no second report. `make reindex`
// builds rows from reports, and loses such facts.
//
// An outbound call that never connected gets no report: its row comes from its record, as that of every call that was not
// answered.
//
// The words of the assistant are those that were heard. What it was about to say when the caller interrupted it stands in
// planned. How much was heard of words during which the call ended is not known; they are in the report as they were sent.
//
// The cost is an estimate from the prices of the settings: Twilio tells the price of a call only later, and not that of
// ConversationRelay. The model's tokens are not part of it.
package endofcall

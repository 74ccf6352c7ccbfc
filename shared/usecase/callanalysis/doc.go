// Package callanalysis finds out what came of a call: a summary, an outcome, how the other side felt, topics, what is left to
// do, and the data that an assistant's own schema asks for.
//
// # Decisions
//
// The provider's own analysis wins, and what is plain without judgement (a voicemail, a transfer, nobody there) is not
// asked about. So a model is asked for what is missing alone, once for all of it, and never about a call in which nobody
// but the assistant spoke.
//
// An assistant that has models of its own is analysed by them: its owner chose where its callers' words go.
//
// What was said is given to the model as JSON, one turn a line, so that nothing in it can look like the end of it; the
// model has no tools; what it answers is bounded, cleaned and checked, and everybody who shows it escapes it.
//
// The answer's form is asked for by response_format, and by words where a server does not take that. An answer that does
// not fit is asked for once more, with what was wrong. After that the call keeps what did fit and a note: asking again
// would cost the same and bring the same. A server that fails is another matter; that is an error, for SQS to try again.
//
// A long conversation is cut by whole turns: the beginning says what the call was about, and the end, of which more is
// kept, what came of it.
//
// Tokens are estimated, a quarter of a token for a Latin character and one for any other: a tokenizer is some megabytes
// of tables for one vendor's models. What would change our mind: calls so long that the estimate's slack matters.
package callanalysis

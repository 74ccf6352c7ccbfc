// Package callanalysis has a model analyse finished calls: summary, outcome, sentiment, topics, action items, and the data
// that an assistant's own schema asks for.
//
// # Decisions
//
// The provider's own analysis is used if there is one, and what is clear without judgement (a voicemail, a transfer, no
// answer) is not asked for. So a model is asked only for what is missing, in one request, and never about a call in which
// only the assistant spoke.
//
// An assistant that has its own models is analysed by them: its owner decided which servers see its callers' words.
//
// The transcript is given to the model as JSON, one utterance on each line, so that nothing in it can look like its end.
// The model has no tools. Its answer is bounded, cleaned and checked, and every page that shows it escapes it.
//
// The form of the answer is requested by response_format, or in words if a server does not accept that. If an answer does
// not fit, the model is asked once more and gets the reason. After that the call gets what fitted, and a note: another try
// would cost the same and give the same. A server that fails is an error instead, so that SQS tries again later.
//
// A long transcript is shortened by whole utterances. The beginning says what the call was about; the end says what came of
// it, and more of it is used.
//
// Tokens are estimated: a quarter of a token for an ASCII character and one for any other. A tokenizer would be some
// megabytes of tables for the models of one vendor. What would change our mind: calls so long that the error of the
// estimate matters.
package callanalysis

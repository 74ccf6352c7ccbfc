// Package speech turns a model's Markdown into words that a voice can speak, while the model is still writing.
//
// # Decisions
//
// What is spoken depends on the text only and never on how the model's server cut it into pieces. A test cuts sample
// texts at every byte, and a fuzzer cuts any text at any place.
//
// Markdown parsers such as github.com/yuin/goldmark read whole documents. Waiting for a whole document, or for a whole
// line, would delay the first word on the phone. A test compares what counts as emphasis with goldmark.
//
// Emphasis is what CommonMark (https://spec.commonmark.org/0.31.2/#emphasis-and-strong-emphasis) calls so: marks that nothing
// closes stay. There are three exceptions. A star between letters or digits stays, because a*b*c is a product. A longer run
// at the very beginning is dropped at once, so that the first word need not wait for the run that closes it. And a run that
// nothing closes within 120 bytes counts as emphasis, unless it is a star before a digit.
package speech

// Package speech turns a model's Markdown into words that a voice can speak, while the model is still writing.
//
// # Decisions
//
// What is spoken depends on the text only and never on how the model's server cut it into pieces. A test cuts sample
// texts at every byte, and a fuzzer cuts any text at any place.
//
// Markdown parsers such as github.com/yuin/goldmark read whole documents. Waiting for a whole document, or for a whole
// line, would delay the first word on the phone.
package speech

// Package text cuts and cleans texts that come from outside: from models, tools, callers and voice providers.
//
// Each cleaner serves one purpose; a text that has been cleaned is not changed by the same cleaner again.
//
//	              white space      removed                                          longer than allowed
//	Line          single spaces    control and formatting characters, not UTF-8     cut
//	Lines         line breaks stay control characters, direction overrides          not cut
//	Name          at the ends      control and formatting characters, not UTF-8     not cut
//	Printable     stays            ASCII control characters, not UTF-8              not cut
//	DisplayLine   single spaces    what is never shown, too many combining marks    cut, with an ellipsis
//	DisplayLines  line breaks stay what is never shown, too many combining marks    cut, with an ellipsis
//
// # Decisions
//
// The cleaners differ because their texts do. Line writes facts that are stored and compared, so it normalizes. Printable
// writes what is sent to a person, so it changes as little as possible. DisplayLine writes foreign text on a page, so it
// also stops text that would reorder or cover its neighbours.
//
// golang.org/x/text/unicode/norm: composed characters (NFC), so that equal texts have equal bytes.
package text

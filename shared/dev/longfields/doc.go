// Package longfields tests that the work over each field of an untrusted body grows with its length, and not with the square of
// its length: a sender may fill one field with megabytes, and a report must be stored before the function's time ends.
//
// # Decisions
//
// The tests compare allocated bytes, which are the same on every machine, for a text and one that is eight times as long. Work
// that allocates nothing is measured by BenchmarkLongFields: its MB/s must be about the same for both lengths.
package longfields

// Package olddata tests that today's code reads the items, objects, queue messages and links that earlier versions stored.
//
// testdata/README.md says how they were made.
package olddata

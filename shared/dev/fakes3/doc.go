// Package fakes3 is the stand-in for S3: gofakes3 (github.com/johannesboyne/gofakes3) on bbolt.
//
// # Decisions
//
// gofakes3's bolt backend is wrapped, since its reads outlive their transaction; Store says what that did. The local
// stack and the tests open the same store, so that none of them meets it again. The notifications that gofakes3 lacks
// are the local stack's.
package fakes3

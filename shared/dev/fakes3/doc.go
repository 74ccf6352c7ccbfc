// Package fakes3 is a fake of S3: gofakes3 (github.com/johannesboyne/gofakes3) on bbolt.
//
// # Decisions
//
// gofakes3's bolt backend is wrapped, because its reads outlive their transaction; see Store. The emulator and the tests use
// the same wrapper. The emulator adds the notifications that gofakes3 does not have.
//
// s3bolt has no versions. Store adds them (versions.go), for a bucket whose versioning a client has turned on.
package fakes3

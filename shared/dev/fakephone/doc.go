// Package fakephone is an in-memory store of phone calls, for tests.
package fakephone

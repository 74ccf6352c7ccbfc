package main

import (
	"testing"

	"example.com/aurora/shared/dev/eventtest"
)

// Faults 132 to 138 are cases, most with their numbers in the names.
func TestCases(t *testing.T) { eventtest.RunVoice(t, "voice-after", true, serve) }

package main

import (
	"testing"

	"example.com/aurora/shared/dev/eventtest"
)

// Faults 130 to 135 are cases, with their numbers in the names.
func TestCases(t *testing.T) { eventtest.RunVoice(t, "voice-incoming", false, serve) }

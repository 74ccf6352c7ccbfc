package main

import (
	"os"
	"testing"

	"example.com/aurora/shared/dev/golden"
)

// TestMain also looks for golden files that no test uses.
func TestMain(m *testing.M) { os.Exit(golden.Main(m).Run()) }

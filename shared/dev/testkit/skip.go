package testkit

import (
	"fmt"
	"os"
	"testing"
)

// SkipCheck skips a test that needs something this machine does not have. reason names what is missing and what was not
// checked. `make test` sets SKIPPED_CHECKS to a file, collects the reasons there, and prints them at its end.
func SkipCheck(t testing.TB, reason string) {
	t.Helper()
	if path := os.Getenv("SKIPPED_CHECKS"); path != "" {
		file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		_, err = fmt.Fprintf(file, "%s: %s\n", t.Name(), reason)
		if closeErr := file.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Skip(reason)
}

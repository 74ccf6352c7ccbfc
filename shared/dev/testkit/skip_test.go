package testkit_test

import (
	"os"
	"path/filepath"
	"testing"

	"example.com/aurora/shared/dev/testkit"
)

func TestSkipCheckRecordsReason(t *testing.T) {
	path := filepath.Join(t.TempDir(), "skipped")
	t.Setenv("SKIPPED_CHECKS", path)
	for range 2 {
		t.Run("skips", func(t *testing.T) {
			testkit.SkipCheck(t, "npm is not installed: nothing was checked")
			t.Error("the test went on")
		})
	}
	want := "TestSkipCheckRecordsReason/skips: npm is not installed: nothing was checked\n" +
		"TestSkipCheckRecordsReason/skips#01: npm is not installed: nothing was checked\n"
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("the file holds %q (%v), want %q", got, err, want)
	}
}

package golden

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestUnusedFilesAreThoseThatNoTestCompared(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.MkdirAll(filepath.Join("testdata", "deeper"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"used.golden", "unused.golden", "deeper/unused.golden", "cases.yaml"} {
		if err := os.WriteFile(filepath.Join("testdata", filepath.FromSlash(name)), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	Equal(t, "used", []byte("x"))
	got, err := unusedFiles("testdata")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{filepath.Join("testdata", "deeper", "unused.golden"), filepath.Join("testdata", "unused.golden")}
	if !slices.Equal(got, want) {
		t.Errorf("unused golden files are %v, want %v", got, want)
	}
}

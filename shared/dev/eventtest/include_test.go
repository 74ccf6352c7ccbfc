package eventtest

import (
	"os"
	"path/filepath"
	"testing"

	"example.com/aurora/shared/dev/eventcase"
)

// A file of shared cases that no function includes is tested by nobody.
func TestEverySharedFileOfCasesIsIncluded(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	functions, err := os.ReadDir(filepath.Join(root, "functions"))
	if err != nil {
		t.Fatal(err)
	}
	included := map[string]bool{}
	for _, f := range functions {
		files, err := eventcase.Included(root, f.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			included[file] = true
		}
	}
	shared, err := filepath.Glob(filepath.Join("testdata", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range shared {
		if !included[filepath.Join(root, "shared", "dev", "eventtest", path)] {
			t.Errorf("no function includes %s", path)
		}
	}
}

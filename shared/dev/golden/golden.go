// Package golden compares what a test produced with what a person once looked at: testdata/<name>.golden.
//
// GOLDEN=update rewrites the files and removes those that no test uses; the diff is then the review.
package golden

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// used holds the paths of the golden files that a test has compared.
var used sync.Map

func updating() bool { return os.Getenv("GOLDEN") == "update" }

// Equal compares got with testdata/<name>.golden of the package under test.
func Equal(t testing.TB, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	used.Store(path, true)
	if updating() {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (GOLDEN=update go test writes it; then look at it)", err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs:\n--- got\n%s\n--- want\n%s", path, got, want)
	}
}

// JSON compares v, indented, with testdata/<name>.golden.
func JSON(t testing.TB, name string, v any) {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	Equal(t, name, b.Bytes())
}

// Runner is what TestMain runs: a testing.M.
type Runner interface{ Run() int }

// Main returns a runner that runs m and then fails where a golden file was used by no test. A package with golden files
// calls it in TestMain:
//
//	func TestMain(m *testing.M) { os.Exit(golden.Main(m).Run()) }
//
// Nothing is said after a run of some tests only, or one that failed.
func Main(m Runner) Runner { return runner{m} }

type runner struct{ tests Runner }

func (r runner) Run() int {
	code := r.tests.Run()
	if code != 0 || !everyTestRan() {
		return code
	}
	unused, err := unusedFiles("testdata")
	if err != nil {
		fmt.Fprintln(os.Stderr, "golden:", err)
		return 1
	}
	for _, path := range unused {
		if updating() {
			if err := os.Remove(path); err != nil {
				fmt.Fprintln(os.Stderr, "golden:", err)
				return 1
			}
			fmt.Fprintln(os.Stderr, "golden: removed", path)
			continue
		}
		fmt.Fprintf(os.Stderr, "golden: no test uses %s (GOLDEN=update go test removes it)\n", path)
		code = 1
	}
	return code
}

// everyTestRan reports whether the flags of this run left no test out.
func everyTestRan() bool {
	for name, all := range map[string]string{"test.run": "", "test.skip": "", "test.list": "", "test.fuzz": "", "test.short": "false"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != all {
			return false
		}
	}
	count := flag.Lookup("test.count")
	return count == nil || count.Value.String() != "0"
}

// unusedFiles returns the golden files below a folder that no test has compared: none if there is no such folder.
func unusedFiles(folder string) ([]string, error) {
	var unused []string
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".golden") {
			return err
		}
		if _, ok := used.Load(path); !ok {
			unused = append(unused, path)
		}
		return nil
	})
	return unused, err
}

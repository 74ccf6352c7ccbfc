package compat

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// runnable matches the shell blocks of a document that must work as they stand: ```sh run.
var runnable = regexp.MustCompile("(?ms)^```sh run\n(.*?)^```$")

// runDocuments runs every runnable block of the README and of shared/docs against the stack, each page in one shell. Of
// a block only the two things are replaced that the stack of a test has elsewhere: the address and the folder with run.json.
func runDocuments(t *testing.T, s stack) {
	root := filepath.Join("..", "..", "..")
	pages, err := filepath.Glob(filepath.Join(root, "shared", "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, file := range append([]string{filepath.Join(root, "README.md")}, pages...) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var script strings.Builder
		for _, block := range runnable.FindAllStringSubmatch(string(text), -1) {
			script.WriteString(block[1])
			ran++
		}
		if script.Len() == 0 {
			continue
		}
		t.Run(filepath.Base(file), func(t *testing.T) { runCommands(t, s, root, script.String()) })
	}
	if ran < 10 {
		t.Errorf("only %d runnable blocks were found", ran)
	}
}

// runCommands runs a page's commands. A command that fails ends it, and so does an answer of 400 or more.
func runCommands(t *testing.T, s stack, root, script string) {
	t.Helper()
	if slices.Contains([]string{s.API, s.data}, "") {
		t.Fatalf("the stack has no address or no folder: %+v", s)
	}
	script = strings.NewReplacer("http://127.0.0.1:3000", s.API, "./.aurora/", s.data+"/").Replace(script)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	const strict = "set -eu\ncurl() { command curl --fail-with-body --silent --show-error \"$@\"; echo; }\n"
	command := exec.CommandContext(ctx, "sh", "-c", strict+script)
	command.Dir = root
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// A stream that breaks off has the status 200 as well.
	if strings.Contains(script, `"stream":true`) && !strings.Contains(string(out), "data: [DONE]") {
		t.Errorf("the stream did not end in [DONE]:\n%s", out)
	}
}

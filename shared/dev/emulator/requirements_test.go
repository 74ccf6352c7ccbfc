package emulator

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A start that cannot succeed fails with an error that says what to do.
func TestStartSaysWhatToDo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		want   string
		path   string // a folder of programs that come before the real ones
		change func(*Options)
	}{
		"no such port":                {"PORT must be a number from 0 to 65532, not 99999", "", func(o *Options) { o.Port = 99_999 }},
		"no room for function URLs":   {"PORT must be a number from 0 to 65532, not 65535", "", func(o *Options) { o.Port = 65_535 }},
		"folder that is not writable": {"choose another with AURORA_DATA", "", func(o *Options) { o.Data = filepath.Join(file, "data") }},
		"old node":                    {"node v18.20.4 ", program(t, "node", "echo v18.20.4"), nil},
		"old node, what to do":        {"needs Node 20 or later (https://nodejs.org/)", program(t, "node", "echo v18.20.4"), nil},
		"node that fails":             {"for its version: exit status 1", program(t, "node", "exit 1"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			o := Options{Root: "testdata", Data: t.TempDir(), Bin: builtPrograms, clientsFolder: filepath.Join("..", "compat")}
			if c.change != nil {
				c.change(&o)
			}
			if c.path != "" {
				t.Setenv("PATH", c.path+string(filepath.ListSeparator)+os.Getenv("PATH"))
			}
			s, err := Start(t.Context(), o)
			if err == nil {
				stopStack(t, s)
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %v, want one with %q", err, c.want)
			}
		})
	}
}

// If another user owns the checkout, git fails, and go cannot stamp its programs with the version.
func TestBuildWhereGitFails(t *testing.T) {
	parsed, err := readTemplate("testdata/template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPlan(parsed)
	if err != nil {
		t.Fatal(err)
	}
	git := program(t, "git", "echo 'fatal: detected dubious ownership in repository' >&2; exit 128")
	environment := append(os.Environ(), "GOFLAGS=-buildvcs=true", "PATH="+git+string(filepath.ListSeparator)+os.Getenv("PATH"))
	if err := build(t.Context(), "testdata", t.TempDir(), environment, p.functions[:1]); err != nil {
		t.Error(err)
	}
}

// program returns a folder with one shell script.
func program(t *testing.T, name, script string) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return folder
}

package compat

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/usecase/report"
)

type pageFinding struct{ File, View, What string }

// inspectPages opens files in the browser and returns what is wrong with them.
func inspectPages(t *testing.T, files ...string) []pageFinding {
	t.Helper()
	browser := os.Getenv("CHROMIUM")
	if browser == "" {
		browser = "/usr/bin/chromium"
	}
	if _, err := os.Stat(browser); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("CI has no browser to look at reports: %v", err)
		}
		testkit.SkipCheck(t, fmt.Sprintf("Chromium is not installed (CHROMIUM names another browser): the pages of reports were not checked: %v", err))
	}
	for _, name := range []string{"report.mjs", "package-lock.json"} {
		if _, err := os.Stat(name); err != nil { // go test then knows that a result depends on it
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, "node", append([]string{"report.mjs"}, files...)...)
	command.Env = append(os.Environ(), "CHROMIUM="+browser)
	var out, problem bytes.Buffer
	command.Stdout, command.Stderr = &out, &problem
	if err := command.Run(); err != nil {
		t.Fatalf("report.mjs: %v\n%s", err, &problem)
	}
	var found []pageFinding
	if err := json.Unmarshal(out.Bytes(), &found); err != nil {
		t.Fatalf("%v in %q", err, &out)
	}
	return found
}

// What owners get, as they will see it: every page, mail and transcript of package report's fixtures.
func TestReportsInTheBrowser(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	var files []string
	keep := func(name string, html []byte, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		file := filepath.Join(folder, name+".html")
		if err := os.WriteFile(file, html, 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	for _, name := range []string{"full", "empty", "first", "month", "hostile"} {
		var p report.Page
		fixture(t, name, &p)
		html, err := p.HTML()
		keep(name, html, err)
		_, _, mail, err := p.Mail()
		keep(name+"-mail", []byte(mail), err)
	}
	for _, name := range []string{"transcript", "transcript-hostile"} {
		var transcript report.Transcript
		fixture(t, name, &transcript)
		html, err := transcript.HTML()
		keep(name, html, err)
	}
	for _, f := range inspectPages(t, files...) {
		t.Errorf("%s, %s: %s", f.File, f.View, f.What)
	}
}

func fixture(t *testing.T, name string, v any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "usecase", "report", "testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// The browser's look can fail: each fault below is found, in every view where it shows.
func TestBrowserIsStrict(t *testing.T) {
	t.Parallel()
	const page = `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>A report</title></head><body><main><h1>A report</h1>%s</main></body></html>`
	folder := t.TempDir()
	var files []string
	faults := map[string]string{
		"good":      `<p>Nothing is wrong.</p>`,
		"wide":      `<div style="width:2000px">wide</div>`,
		"cut":       `<div style="width:20px;overflow:hidden;white-space:nowrap">what does not fit</div>`,
		"request":   `<img alt="a dot" src="http://127.0.0.1:9/dot.png">`,
		"script":    `<script>window.__hacked = 1</script>`,
		"handler":   `<svg aria-hidden="true" onload="window.__hacked = 1"></svg>`,
		"dialog":    `<script>alert("hello")</script>`,
		"console":   `<script>console.warn("careful")</script>`,
		"error":     `<script>throw new Error("no")</script>`,
		"pale":      `<p style="color:#ccc;background-color:#fff">pale</p>`,
		"headings":  `<h4>too deep</h4>`,
		"frame":     `<iframe title="another page" srcdoc="hello"></iframe>`,
		"forgotten": `<img src="data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7">`,
	}
	for name, body := range faults {
		file := filepath.Join(folder, name+".html")
		if err := os.WriteFile(file, fmt.Appendf(nil, page, body), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	found := map[string]int{}
	for _, f := range inspectPages(t, files...) {
		found[f.File]++
		if f.File == "good.html" {
			t.Errorf("%+v", f)
		}
	}
	for name := range faults {
		if name != "good" && found[name+".html"] == 0 {
			t.Errorf("%s was not found", name)
		}
	}
}

package report

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/aurora/shared/dev/golden"
)

// pages are the fixtures testdata/<name>.json. The golden files show them, and the browser test in shared/dev/compat opens them.
var pages = []string{"full", "empty", "first", "month", "hostile"}

func fixture[T any](t testing.TB, name string) T {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var v T
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

func pageOf(t testing.TB, name string) Page { return fixture[Page](t, name) }

func htmlOf(t testing.TB, p Page) string {
	t.Helper()
	html, err := p.HTML()
	if err != nil {
		t.Fatal(err)
	}
	return string(html)
}

func TestPages(t *testing.T) {
	t.Parallel()
	for _, name := range pages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := pageOf(t, name)
			golden.Equal(t, name+".html", []byte(htmlOf(t, p)))
			subject, text, html, err := p.Mail()
			if err != nil {
				t.Fatal(err)
			}
			golden.Equal(t, name+".mail.html", []byte(html))
			golden.Equal(t, name+".mail.txt", []byte("Subject: "+subject+"\n\n"+text))
		})
	}
}

func TestTranscripts(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"transcript", "transcript-hostile"} {
		html, err := fixture[Transcript](t, name).HTML()
		if err != nil {
			t.Fatal(err)
		}
		golden.Equal(t, name+".html", html)
		if !strings.Contains(string(html), "What was said") {
			t.Errorf("%s has no transcript", name)
		}
	}
}

package emulator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestPendingNotificationIsSentByNextRun stores an object whose notification cannot be sent, as if the process had died in
// between. The next run must send it, once.
func TestPendingNotificationIsSentByNextRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s3.db")
	var sent []string
	away := true
	open := func() *objectStore {
		o, err := openObjectStore(path, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		o.notifications = []notification{{bucket: "things", event: "s3:ObjectCreated:*", queue: "arn", prefix: "in/", suffix: ".json"}}
		o.printf = t.Logf
		o.publish = func(_ context.Context, _ string, body []byte) error {
			if away {
				return errors.New("the queue is unavailable")
			}
			sent = append(sent, string(body))
			return nil
		}
		return o
	}
	put := func(o *objectStore, path, body string, header ...string) int {
		r := httptest.NewRequest(http.MethodPut, path, strings.NewReader(body))
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		o.ServeHTTP(w, r)
		return w.Code
	}
	o := open()
	for _, path := range []string{"/things", "/things/in/a.json", "/things/in/b.txt", "/things/out/c.json"} {
		if code := put(o, path, "{}", "Content-Length", "2"); code != 200 {
			t.Fatalf("PUT %s: status %d, want 200", path, code)
		}
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	away = false
	for range 2 {
		o = open()
		if err := o.sendPending(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := o.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(sent) != 1 || !strings.Contains(sent[0], `"key":"in/a.json"`) {
		t.Errorf("sent %v, want one notification", sent)
	}
	o = open()
	defer func() { _ = o.Close() }()
	if code := put(o, "/things/in/a.json", "other", "Content-Length", "5", "If-None-Match", "*"); code != 412 || len(sent) != 1 {
		t.Errorf("an object that was not stored: status %d, %d notifications; want none", code, len(sent))
	}
	if code := put(o, "/things/in/d.json", "", "X-Amz-Copy-Source", "/things/in/a.json", "Content-Length", "0"); code != 200 || len(sent) != 2 || !strings.Contains(sent[1], "ObjectCreated:Copy") {
		t.Errorf("a copy: status %d, sent %v; want ObjectCreated:Copy", code, sent)
	}
}

// TestConcurrentReadsAndWrites reads while the file grows and its pages are reused. Without fakes3.Store the process dies
// here, or a reader gets another object's bytes.
func TestConcurrentReadsAndWrites(t *testing.T) {
	o, err := openObjectStore(filepath.Join(t.TempDir(), "s3.db"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(o)
	transport := &http.Transport{MaxIdleConnsPerHost: 16}
	defer func() {
		transport.CloseIdleConnections()
		server.Close()
		_ = o.Close()
	}()
	do := func(method, key, body string) string {
		r, err := http.NewRequest(method, server.URL+"/things"+key, strings.NewReader(body))
		if err != nil {
			t.Error(err)
			return ""
		}
		response, err := transport.RoundTrip(r)
		if err != nil {
			t.Error(err)
			return ""
		}
		defer func() { _ = response.Body.Close() }()
		b, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != 200 {
			t.Errorf("%s %s: %s %v", method, key, response.Status, err)
		}
		return string(b)
	}
	do(http.MethodPut, "", "")
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			key, body := fmt.Sprintf("/%d", worker), strings.Repeat(string(rune('a'+worker)), 100_000)
			for range 40 {
				do(http.MethodPut, key, body)
				if got := do(http.MethodGet, key, ""); got != body {
					t.Errorf("%s: read %d bytes of another object: %.20q", key, len(got), got)
				}
			}
		})
	}
	wg.Wait()
}

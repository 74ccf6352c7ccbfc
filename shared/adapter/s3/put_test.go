package s3_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"example.com/aurora/shared/adapter/s3"
	"example.com/aurora/shared/core/fault"
)

func TestPut(t *testing.T) {
	s, config := startS3(t)
	b := s3.New(config, "reports")
	s.setRule(func(_ *http.Request, n int) (http.HandlerFunc, bool) {
		return map[bool]http.HandlerFunc{true: respondError(503, "SlowDown")}[n <= 2], false
	})
	for _, body := range []string{"one", "two"} {
		if err := b.Put(t.Context(), "reports/a/weekly/x/report.html", "text/html; charset=utf-8", []byte(body)); err != nil {
			t.Fatal(err)
		}
		if got, _, err := b.Read(t.Context(), "reports/a/weekly/x/report.html"); string(got) != body || err != nil {
			t.Errorf("%q %v", got, err)
		}
	}
	if got := strings.Join(s.methods()[:3], " "); got != "PUT PUT PUT" {
		t.Errorf("S3 saw %s", got)
	}
}

// rowReader is n bytes of rows that differ, made as they are read.
type rowReader struct{ left, at int }

func (l *rowReader) Read(p []byte) (int, error) {
	if l.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), l.left, 1000) // as a csv.Writer in a pipe
	for i := range p[:n] {
		p[i] = byte('a' + (l.at+i)%23)
	}
	l.at, l.left = l.at+n, l.left-n
	return n, nil
}

func TestUpload(t *testing.T) {
	for name, c := range map[string]struct {
		size  int
		multi bool
	}{"empty": {0, false}, "a line": {100, false}, "less than a part": {5<<20 - 1, false}, "a part and a byte": {5<<20 + 1, true}, "many parts": {23 << 20, true}} {
		t.Run(name, func(t *testing.T) {
			s, config := startS3(t)
			b := s3.New(config, "reports")
			s.setRule(func(_ *http.Request, n int) (http.HandlerFunc, bool) { // one of the parts is tried again
				return map[bool]http.HandlerFunc{true: respondError(503, "SlowDown")}[n == 2], false
			})
			if err := b.Upload(t.Context(), "reports/x.csv", "text/csv", &rowReader{left: c.size}); err != nil {
				t.Fatal(err)
			}
			s.setRule(nil)
			got, _, err := b.Read(t.Context(), "reports/x.csv")
			want, _ := io.ReadAll(&rowReader{left: c.size})
			if err != nil || sha256.Sum256(got) != sha256.Sum256(want) {
				t.Errorf("%d bytes came back of %d, %v", len(got), c.size, err)
			}
			if multi := slices.Contains(s.methods(), "POST"); multi != c.multi {
				t.Errorf("S3 saw %v", s.methods())
			}
		})
	}
}

// The reply to the end of an upload is lost, and the end is tried again: S3 does not know the upload any more.
func TestUploadCompletionReplyLost(t *testing.T) {
	s, config := startS3(t)
	var lost atomic.Bool
	s.setRule(func(r *http.Request, _ int) (http.HandlerFunc, bool) {
		if r.Method == http.MethodPost && r.URL.Query().Has("uploadId") && lost.CompareAndSwap(false, true) {
			return dropConnection, true
		}
		return nil, false
	})
	b := s3.New(config, "reports")
	if err := b.Upload(t.Context(), "reports/x.csv", "text/csv", &rowReader{left: 6 << 20}); err != nil || !lost.Load() {
		t.Fatalf("%v, lost %v", err, lost.Load())
	}
	if got, _, err := b.Read(t.Context(), "reports/x.csv"); err != nil || len(got) != 6<<20 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// acceptAndDiscard is an S3 that keeps nothing, so that the memory that is measured is the upload's own.
func acceptAndDiscard(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("ETag", `"e"`)
	switch {
	case r.Method == http.MethodPost && r.URL.Query().Has("uploads"):
		_, _ = io.WriteString(w, `<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>`)
	case r.Method == http.MethodPost:
		_, _ = io.WriteString(w, `<CompleteMultipartUploadResult><ETag>"e"</ETag></CompleteMultipartUploadResult>`)
	}
}

func TestUploadUsesBoundedMemory(t *testing.T) {
	s, config := startS3(t)
	s.setRule(func(*http.Request, int) (http.HandlerFunc, bool) { return acceptAndDiscard, false })
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := s3.New(config, "reports").Upload(t.Context(), "k", "text/csv", &rowReader{left: 200 << 20}); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 64<<20 { // all that was ever taken, given back or not
		t.Errorf("200 MB took %d MB of memory", used>>20)
	}
}

func TestFailedUploadLeavesOldObject(t *testing.T) {
	s, config := startS3(t)
	b := s3.New(config, "reports")
	if err := b.Put(t.Context(), "k", "text/csv", []byte("before")); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("the table is away")
	for _, size := range []int{100, 12 << 20} {
		if err := b.Upload(t.Context(), "k", "text/csv", io.MultiReader(&rowReader{left: size}, failingReader{broken})); !errors.Is(err, broken) {
			t.Errorf("%d: %v", size, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	s.setRule(func(r *http.Request, _ int) (http.HandlerFunc, bool) {
		return map[bool]http.HandlerFunc{true: respondError(503, "SlowDown")}[r.URL.Query().Get("partNumber") == "2"], false
	})
	if err := b.Upload(ctx, "k", "text/csv", &rowReader{left: 12 << 20}); err == nil {
		t.Error("uploaded")
	}
	s.setRule(nil)
	if got, _, err := b.Read(t.Context(), "k"); string(got) != "before" || err != nil {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if !slices.Contains(s.methods(), "DELETE") {
		t.Errorf("the parts of an upload that failed were left: %v", s.methods())
	}
}

type failingReader struct{ err error }

func (f failingReader) Read([]byte) (int, error) { return 0, f.err }

func TestPresign(t *testing.T) {
	s, config := startS3(t)
	b := s3.New(config, "reports")
	if err := b.Put(t.Context(), "reports/a b/report.html", "text/html; charset=utf-8", []byte("<p>")); err != nil {
		t.Fatal(err)
	}
	address, err := b.Presign(t.Context(), "reports/a b/report.html", 5*time.Minute)
	if err != nil || !strings.Contains(address, "X-Amz-Expires=300") {
		t.Fatalf("%s %v", address, err)
	}
	response, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if body, err := io.ReadAll(response.Body); !bytes.Equal(body, []byte("<p>")) || err != nil || response.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("%q as %s, %v", body, response.Header.Get("Content-Type"), err)
	}
	if _, err := b.Presign(t.Context(), "reports/nothing", time.Minute); !fault.Is(err, fault.NotFound) {
		t.Errorf("%v", err)
	}
	s.setRule(func(*http.Request, int) (http.HandlerFunc, bool) { return respondError(403, "AccessDenied"), false })
	if _, err := b.Presign(t.Context(), "reports/a b/report.html", time.Minute); err == nil || fault.Is(err, fault.NotFound) {
		t.Errorf("%v", err)
	}
}

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
	s.setRule(onRequests(1, 2, respondError(503, "SlowDown")))
	for _, body := range []string{"one", "two"} {
		if err := b.Put(t.Context(), "reports/a/weekly/x/report.html", "text/html; charset=utf-8", []byte(body)); err != nil {
			t.Fatal(err)
		}
		if got, _, err := b.Read(t.Context(), "reports/a/weekly/x/report.html"); string(got) != body || err != nil {
			t.Errorf("the object holds %q, %v; want %q", got, err, body)
		}
	}
	if got := strings.Join(s.methods()[:3], " "); got != "PUT PUT PUT" {
		t.Errorf("S3 saw %s, want two retries", got)
	}
}

// rowReader returns left bytes of rows that differ, in small pieces.
type rowReader struct{ left, at int }

func (r *rowReader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), r.left, 1000) // as from a csv.Writer in a pipe
	for i := range p[:n] {
		p[i] = byte('a' + (r.at+i)%23)
	}
	r.at, r.left = r.at+n, r.left-n
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
			s.setRule(onRequests(2, 2, respondError(503, "SlowDown")))
			if err := b.Upload(t.Context(), "reports/x.csv", "text/csv", &rowReader{left: c.size}); err != nil {
				t.Fatal(err)
			}
			s.setRule(nil)
			got, _, err := b.Read(t.Context(), "reports/x.csv")
			want, _ := io.ReadAll(&rowReader{left: c.size})
			if err != nil || sha256.Sum256(got) != sha256.Sum256(want) {
				t.Errorf("the object has %d bytes, %v; want the %d that were written", len(got), err, c.size)
			}
			if multi := slices.Contains(s.methods(), "POST"); multi != c.multi {
				t.Errorf("S3 saw %v, want a multipart upload: %v", s.methods(), c.multi)
			}
		})
	}
}

// The reply to the completion of an upload is lost. When the SDK completes it again, S3 no longer knows the upload.
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
		t.Fatalf("upload: %v; the reply was lost: %v, want success in spite of it", err, lost.Load())
	}
	if got, _, err := b.Read(t.Context(), "reports/x.csv"); err != nil || len(got) != 6<<20 {
		t.Errorf("the object has %d bytes, %v", len(got), err)
	}
}

// acceptAndDiscard is an S3 that stores nothing, so that only the memory of the upload is measured.
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
	s.setRule(onEveryRequest(acceptAndDiscard))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := s3.New(config, "reports").Upload(t.Context(), "k", "text/csv", &rowReader{left: 200 << 20}); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 64<<20 { // all allocations, also those that were freed
		t.Errorf("uploading 200 MB allocated %d MB, want at most 64", used>>20)
	}
}

func TestFailedUploadLeavesOldObject(t *testing.T) {
	s, config := startS3(t)
	b := s3.New(config, "reports")
	if err := b.Put(t.Context(), "k", "text/csv", []byte("before")); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("the table cannot be read")
	for _, size := range []int{100, 12 << 20} {
		if err := b.Upload(t.Context(), "k", "text/csv", io.MultiReader(&rowReader{left: size}, failingReader{broken})); !errors.Is(err, broken) {
			t.Errorf("upload of %d bytes: %v, want the reader's error", size, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	s.setRule(func(r *http.Request, _ int) (http.HandlerFunc, bool) {
		return map[bool]http.HandlerFunc{true: respondError(503, "SlowDown")}[r.URL.Query().Get("partNumber") == "2"], false
	})
	if err := b.Upload(ctx, "k", "text/csv", &rowReader{left: 12 << 20}); err == nil {
		t.Error("Upload reports success although S3 never accepted a part")
	}
	s.setRule(nil)
	if got, _, err := b.Read(t.Context(), "k"); string(got) != "before" || err != nil {
		t.Errorf("the object has %d bytes, %v", len(got), err)
	}
	if !slices.Contains(s.methods(), "DELETE") {
		t.Errorf("S3 saw %v, want a DELETE of the failed upload's parts", s.methods())
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
		t.Fatalf("Presign returned %s, %v; want a URL for 300 s", address, err)
	}
	response, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if body, err := io.ReadAll(response.Body); !bytes.Equal(body, []byte("<p>")) || err != nil || response.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("the URL returns %q as %s, %v; want the object", body, response.Header.Get("Content-Type"), err)
	}
	if _, err := b.Presign(t.Context(), "reports/nothing", time.Minute); !fault.Is(err, fault.NotFound) {
		t.Errorf("the error for a missing object is %v, want NotFound", err)
	}
	s.setRule(onEveryRequest(respondError(403, "AccessDenied")))
	if _, err := b.Presign(t.Context(), "reports/a b/report.html", time.Minute); err == nil || fault.Is(err, fault.NotFound) {
		t.Errorf("the error is %v, want one other than NotFound", err)
	}
}

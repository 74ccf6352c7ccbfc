package s3_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"example.com/aurora/shared/adapter/s3"
)

func listKeys(t *testing.T, b *s3.Bucket, prefix, startAfter string) []string {
	t.Helper()
	var all []string
	for key, err := range b.List(t.Context(), prefix, startAfter) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, key)
	}
	return all
}

func TestList(t *testing.T) {
	s, config := startS3(t)
	b := s3.New(config, "reports")
	var want []string
	for i := range 1203 { // S3 gives 1,000 at a time
		want = append(want, fmt.Sprintf("eoc/riley/2026/11/18/c %d.json", i))
	}
	for _, key := range append([]string{"analysis/riley/2026/11/18/x.json", "eod"}, want...) {
		if _, err := b.Create(t.Context(), key, []byte("{}"), "h"); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(want)
	if got := listKeys(t, b, "eoc/", ""); !slices.Equal(got, want) {
		t.Errorf("%d keys, want %d", len(got), len(want))
	}
	if got := listKeys(t, b, "eoc/", want[700]); !slices.Equal(got, want[701:]) {
		t.Errorf("%d keys after the 700th, want %d", len(got), len(want)-701)
	}
	if got := listKeys(t, b, "nothing/", ""); len(got) != 0 {
		t.Errorf("%v", got)
	}
	n := len(s.methods())
	for range b.List(t.Context(), "eoc/", "") {
		break
	}
	if asked := len(s.methods()) - n; asked != 1 {
		t.Errorf("asked %d times for one key", asked)
	}
	pages := 0
	s.setRule(func(r *http.Request, _ int) (http.HandlerFunc, bool) { // slow down, before each page
		if pages++; pages%2 == 1 {
			return respondError(503, "SlowDown"), false
		}
		return nil, false
	})
	if got := listKeys(t, b, "eoc/", ""); !slices.Equal(got, want) || pages != 4 {
		t.Errorf("%d keys in %d tries", len(got), pages)
	}
}

// A list that fails half way says so: what came before is not all there is.
func TestListFails(t *testing.T) {
	s, config := startS3(t)
	b := s3.New(config, "reports")
	if _, err := b.Create(t.Context(), "eoc/a", []byte("{}"), "h"); err != nil {
		t.Fatal(err)
	}
	s.setRule(func(*http.Request, int) (http.HandlerFunc, bool) { return respondError(403, "AccessDenied"), false })
	seen := 0
	for key, err := range b.List(t.Context(), "eoc/", "") {
		if seen++; err == nil || key != "" {
			t.Errorf("%q, %v", key, err)
		}
	}
	if seen != 1 {
		t.Errorf("%d events", seen)
	}
	s.setRule(func(*http.Request, int) (http.HandlerFunc, bool) { return neverAnswer, false })
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	for _, err := range b.List(ctx, "eoc/", "") {
		if err == nil {
			t.Error("a list without an answer")
		}
	}
	broken := s3.New(func() (aws.Config, error) { return aws.Config{}, errors.New("no region") }, "reports")
	for _, err := range broken.List(t.Context(), "", "") {
		if err == nil || !strings.Contains(err.Error(), "no region") {
			t.Errorf("%v", err)
		}
	}
}

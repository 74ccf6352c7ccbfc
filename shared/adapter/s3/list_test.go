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
	for i := range 1203 { // S3 returns 1,000 on each page
		want = append(want, fmt.Sprintf("eoc/riley/2026/11/18/c %d.json", i))
	}
	for _, key := range append([]string{"analysis/riley/2026/11/18/x.json", "eod"}, want...) {
		if _, err := b.Create(t.Context(), key, []byte("{}"), "h"); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(want)
	if got := listKeys(t, b, "eoc/", ""); !slices.Equal(got, want) {
		t.Errorf("List returned %d keys, want %d", len(got), len(want))
	}
	if got := listKeys(t, b, "eoc/", want[700]); !slices.Equal(got, want[701:]) {
		t.Errorf("List returned %d keys after the 700th, want %d", len(got), len(want)-701)
	}
	if got := listKeys(t, b, "nothing/", ""); len(got) != 0 {
		t.Errorf("an unused prefix has the keys %v, want none", got)
	}
	n := len(s.methods())
	for range b.List(t.Context(), "eoc/", "") {
		break
	}
	if requests := len(s.methods()) - n; requests != 1 {
		t.Errorf("reading one key took %d requests, want 1", requests)
	}
	requests := 0
	s.setRule(func(r *http.Request, _ int) (http.HandlerFunc, bool) { // the first try of each page gets SlowDown
		if requests++; requests%2 == 1 {
			return respondError(503, "SlowDown"), false
		}
		return nil, false
	})
	if got := listKeys(t, b, "eoc/", ""); !slices.Equal(got, want) || requests != 4 {
		t.Errorf("%d keys in %d requests, want %d in 4", len(got), requests, len(want))
	}
}

// A list that fails yields the error, so that a caller does not take what came before for everything.
func TestListFails(t *testing.T) {
	s, config := startS3(t)
	b := s3.New(config, "reports")
	if _, err := b.Create(t.Context(), "eoc/a", []byte("{}"), "h"); err != nil {
		t.Fatal(err)
	}
	s.setRule(onEveryRequest(respondError(403, "AccessDenied")))
	seen := 0
	for key, err := range b.List(t.Context(), "eoc/", "") {
		if seen++; err == nil || key != "" {
			t.Errorf("List yielded %q, %v; want only an error", key, err)
		}
	}
	if seen != 1 {
		t.Errorf("List yielded %d times, want once", seen)
	}
	s.setRule(onEveryRequest(neverAnswer))
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	for _, err := range b.List(ctx, "eoc/", "") {
		if err == nil {
			t.Error("List yielded a key although S3 does not answer")
		}
	}
	broken := s3.New(func() (aws.Config, error) { return aws.Config{}, errors.New("no region") }, "reports")
	for _, err := range broken.List(t.Context(), "", "") {
		if err == nil || !strings.Contains(err.Error(), "no region") {
			t.Errorf("the error is %v, want the configuration's", err)
		}
	}
}

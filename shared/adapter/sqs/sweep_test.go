package sqs_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"testing"
	"time"

	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"example.com/aurora/shared/adapter/sqs"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/dev/fakesqs"
	"example.com/aurora/shared/dev/testkit"
)

// sweep returns the bodies that a sweep shows, in order, and does with each what verdicts says.
func sweep(t *testing.T, q *sqs.Queue, verdicts map[string]aurora.MessageVerdict, failAt string) (shown []string, err error) {
	t.Helper()
	_, err = q.Sweep(t.Context(), func(_ context.Context, m aurora.QueuedMessage) (aurora.MessageVerdict, error) {
		shown = append(shown, m.Body+" "+m.Attributes["key"])
		if m.Body == failAt {
			return aurora.MessageVerdict{}, errors.New("not readable")
		}
		return verdicts[m.Body], nil
	})
	slices.Sort(shown)
	return slices.Compact(shown), err
}

func TestSweep(t *testing.T) {
	server, err := fakesqs.Open(fakesqs.Options{Path: filepath.Join(t.TempDir(), "sqs"), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(server)
	t.Cleanup(func() {
		_ = server.Close()
		web.Close()
	})
	config := testkit.AWSConfig(web.URL, nil)
	cfg, err := config()
	if err != nil {
		t.Fatal(err)
	}
	name := "raw"
	made, err := awssqs.NewFromConfig(cfg).CreateQueue(t.Context(), &awssqs.CreateQueueInput{QueueName: &name})
	if err != nil {
		t.Fatal(err)
	}
	q := sqs.New(config, *made.QueueUrl)
	for _, body := range []string{"a", "b", "c"} {
		if err := q.Send(t.Context(), body, map[string]string{"key": "k"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := sweep(t, q, nil, "b"); err == nil {
		t.Error("a message that cannot be read does not end the sweep")
	}
	shown, err := sweep(t, q, map[string]aurora.MessageVerdict{"a": {Remove: true}, "b": {Remove: true, Replace: "B"}}, "")
	if want := []string{"B k", "a k", "b k", "c k"}; err != nil || !slices.Equal(shown, want) {
		t.Errorf("the sweep showed %q, %v; want %q: all messages are visible after one that was interrupted", shown, err, want)
	}
	if shown, err = sweep(t, q, nil, ""); err != nil || !slices.Equal(shown, []string{"B k", "c k"}) {
		t.Errorf("left are %q, %v; want one message replaced, one removed and one as it was", shown, err)
	}
}

package main

import (
	"encoding/json"
	"fmt"
	"testing"

	"example.com/aurora/shared/dev/eventtest"
	"example.com/aurora/shared/usecase/webhook"
)

// A voice-request is answered with raw audio: a tenth of a second at the sample rate that it asks for, if that is one.
func TestVoiceRequestIsAnsweredWithSilence(t *testing.T) {
	for rate, want := range map[string]int{`24000`: 4800, `"8000"`: 1600, `44100`: 8820, `1e9`: 4800, `null`: 4800, `-1`: 4800} {
		bucket := fakeBucket{}
		f := newFunction(&webhook.Receiver{Assistants: assistants, Archive: webhook.Archive{Objects: bucket}, Queue: unusedQueue{}}, nil)
		body := fmt.Sprintf(`{"message":{"type":"voice-request","text":"Hello","sampleRate":%s,"call":{"id":"c1"}}}`, rate)
		event, err := json.Marshal(map[string]any{"httpMethod": "POST", "path": "/api/webhook", "body": body,
			"requestContext": map[string]any{"requestId": "req-1", "authorizer": map[string]any{"keyId": "k-1", "keyName": "voice provider", "keyKind": "api"}}})
		if err != nil {
			t.Fatal(err)
		}
		o := eventtest.Invoke(t, f, event)
		if o.Status != 200 || len(o.Body) != want || o.Header.Get("Content-Type") != "application/octet-stream" || len(bucket) != 0 {
			t.Errorf("%s: status %d, %d bytes of %s, %d objects; want %d bytes of audio and none", rate, o.Status, len(o.Body), o.Header.Get("Content-Type"), len(bucket), want)
		}
	}
}

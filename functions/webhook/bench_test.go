package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"example.com/aurora/shared/adapter/s3"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/usecase/webhook"
)

// BenchmarkInvoke measures an end-of-call report in a warm process: from the bytes of the event, as the Lambda runtime
// delivers them, to the PUT. cpu-ms/op is the processor time of the process on all cores. A small part of it is the fake of
// S3, which discards the objects.
func BenchmarkInvoke(b *testing.B) {
	for _, size := range []int{10 << 10, 1 << 20, 4 << 20} {
		b.Run(fmt.Sprintf("%dKB", size>>10), func(b *testing.B) {
			testkit.DiscardLog(b)
			server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
			b.Cleanup(server.Close)
			f := newFunction(&webhook.Receiver{Archive: webhook.Archive{Objects: s3.New(testkit.AWSConfig(server.URL, nil), "reports"), Now: time.Now,
				Count: func(context.Context, string) {}}}, nil)
			event, err := json.Marshal(map[string]any{"resource": "/api/webhook", "path": "/api/webhook", "httpMethod": "POST", "body": longReport(size),
				"headers":        map[string]string{"Content-Type": "application/json"},
				"requestContext": map[string]any{"authorizer": map[string]any{"keyId": "k-1"}}})
			if err != nil {
				b.Fatal(err)
			}
			handler := lambda.NewHandler(f.Buffered())
			b.ReportAllocs()
			before := cpuTime(b)
			for b.Loop() {
				if response, err := handler.Invoke(b.Context(), event); err != nil || !strings.Contains(string(response), `"statusCode":200`) {
					b.Fatalf("answered %s, %v", response, err)
				}
			}
			b.ReportMetric(float64((cpuTime(b)-before).Microseconds())/1000/float64(b.N), "cpu-ms/op")
		})
	}
}

// cpuTime returns the processor time that this process has taken so far.
func cpuTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// longReport returns an end-of-call report of about size bytes: a long conversation, as messages and as a transcript.
func longReport(size int) string {
	const question, answer = "When are you open this week, and may I bring my dog?", "From nine to five, and of course you may. Is there anything else?"
	var transcript strings.Builder
	var messages []map[string]any
	for turn := 0; 2*transcript.Len()+len(messages)*38 < size-600; turn++ {
		said := fmt.Sprintf("%s (%d)", question, turn)
		fmt.Fprintf(&transcript, "AI: %s\nUser: %s\n", answer, said)
		messages = append(messages, map[string]any{"role": "assistant", "content": answer}, map[string]any{"role": "user", "content": said})
	}
	body, _ := json.Marshal(map[string]any{"message": map[string]any{ // plain values always encode
		"type": "end-of-call-report", "endedReason": "customer-ended-call", "transcript": transcript.String(), "messages": messages,
		"timestamp": "2026-11-18T15:04:42Z", "startedAt": "2026-11-18T15:03:42Z", "endedAt": "2026-11-18T15:04:42Z",
		"call": map[string]any{"id": "bench", "assistantId": "a6ff7fee-d3c3-4f1e-a24a-a11c5d750ec4", "type": "inboundPhoneCall", "cost": "0.0385", "duration": "60",
			"customer": map[string]any{"number": "+14155550100"}},
	}})
	return string(body)
}

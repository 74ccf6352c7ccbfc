package webhook_test

import (
	"testing"

	"example.com/aurora/shared/usecase/webhook"
)

// BenchmarkReport measures what the webhook does with a report before the PUT. BenchmarkInvoke in functions/webhook
// measures a long report from the event to the PUT.
func BenchmarkReport(b *testing.B) {
	body := []byte(webhookBodies(b)["report of Vapi"])
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		report, err := webhook.Scrub(body)
		if err != nil {
			b.Fatal(err)
		}
		_ = report.Key()
	}
}

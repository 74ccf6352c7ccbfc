package eventtest

import (
	"context"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/usecase/report"
)

// ReportTime is the time at which the cases of the report functions happen: Wednesday, 18 November 2026, 15:20 UTC.
func ReportTime() time.Time { return time.Date(2026, 11, 18, 15, 20, 0, 0, time.UTC) }

// Reports is a report maker with its stores and services in memory: three assistants, seven calls each, a bucket, and a
// mail service that refuses refused@example.com. It has no model.
type Reports struct {
	*report.Maker
	mu      sync.Mutex
	objects map[string][]byte
	mailed  map[string]bool
	// Effects are the mails that were sent and the metrics that were counted, in order.
	Effects []string
	// CallsUnavailable makes the calls table unreachable.
	CallsUnavailable bool
}

// NewReports returns a report maker that has made no report yet.
func NewReports() *Reports {
	r := &Reports{objects: map[string][]byte{}, mailed: map[string]bool{}}
	r.Maker = &report.Maker{Assistants: reportAssistants(), Calls: reportCalls{r}, Bucket: r, Mail: r, SentLog: r, Links: r,
		PublicURL: "https://aurora.example.com", Now: ReportTime, Count: func(_ context.Context, metric string) { r.note("counted " + metric) }}
	return r
}

func (r *Reports) note(effect string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Effects = append(r.Effects, effect)
}

// reportAssistants are an assistant with two addresses, one without any, and one whose second address is refused.
func reportAssistants() *testkit.Assistants {
	return testkit.NewAssistants(
		aurora.Assistant{Configuration: aurora.Configuration{AssistantID: "riley", AssistantName: "Riley", TimeZone: "America/New_York",
			Emails: aurora.List{"desk@example.com", "office@example.com"}}},
		aurora.Assistant{Configuration: aurora.Configuration{AssistantID: "mailless", TimeZone: "Europe/Bucharest"}},
		aurora.Assistant{Configuration: aurora.Configuration{AssistantID: "refused", Emails: aurora.List{"desk@example.com", "refused@example.com"}}},
	)
}

type reportCalls struct{ *Reports }

// Day returns one call a day from the 12th to the 18th of November, at noon UTC.
func (c reportCalls) Day(_ context.Context, assistantID, day string) iter.Seq2[[]aurora.Call, error] {
	return func(yield func([]aurora.Call, error) bool) {
		at, err := time.Parse(time.DateOnly, day)
		if c.CallsUnavailable {
			err = fault.New(fault.Unavailable, "The calls cannot be read now.").WithCode("store_unavailable").WithRetryAfter(time.Second)
		}
		if err != nil {
			yield(nil, err)
			return
		}
		if assistantID != "mailless" && at.Year() == 2026 && at.Month() == time.November && at.Day() >= 12 && at.Day() <= 18 {
			seconds, cost := float64(60+at.Day()), 0.25
			yield([]aurora.Call{{CallKey: aurora.CallKey{AssistantID: assistantID, Day: day, CallID: "call-" + day}, Version: "1", EndedAt: at.Add(12 * time.Hour),
				Seconds: &seconds, Cost: &cost, EndedReason: "customer-ended-call", Disposition: "answered", Direction: aurora.DirectionInbound, Customer: "+14155550100"}}, nil)
		}
	}
}

// Row finds no call: none of these calls needs a second look.
func (c reportCalls) Row(context.Context, aurora.CallKey) (aurora.Call, bool, error) {
	return aurora.Call{}, false, nil
}

// Put stores an object.
func (r *Reports) Put(_ context.Context, key, _ string, body []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.objects[key] = slices.Clone(body)
	return nil
}

// Upload stores an object.
func (r *Reports) Upload(ctx context.Context, key, contentType string, body io.Reader) error {
	b, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	return r.Put(ctx, key, contentType, b)
}

// Read returns an object.
func (r *Reports) Read(_ context.Context, key string) ([]byte, time.Time, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if b, ok := r.objects[key]; ok {
		return b, ReportTime(), nil
	}
	return nil, time.Time{}, fault.New(fault.NotFound, "There is no such object.")
}

// Objects returns the keys in the bucket, in order.
func (r *Reports) Objects() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	keys := make([]string, 0, len(r.objects))
	for key := range r.objects {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// Ready reports that mail is set up.
func (r *Reports) Ready() bool { return true }

// SendMail notes a mail. It fails for an address that starts with refused@.
func (r *Reports) SendMail(_ context.Context, m aurora.Mail) error {
	if strings.HasPrefix(m.To[0], "refused@") {
		return fault.New(fault.RateLimited, "The mail service is busy.").WithCode("mail_busy")
	}
	r.note("mailed " + m.To[0] + ": " + m.Subject)
	return nil
}

// Send sends a mail once per key, as dynamo.Ledger does. force sends it again.
func (r *Reports) Send(ctx context.Context, key string, force bool, send func(context.Context) error) (bool, error) {
	r.mu.Lock()
	sent := r.mailed[key]
	r.mu.Unlock()
	if sent && !force {
		return false, nil
	}
	if err := send(ctx); err != nil {
		return false, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mailed[key] = true
	return true, nil
}

// URL returns a link without a signature.
func (r *Reports) URL(_ context.Context, key string) (string, error) {
	return "https://aurora.example.com/api/reports/view#unsigned-" + strings.NewReplacer("/", "-", ".", "-").Replace(key), nil
}

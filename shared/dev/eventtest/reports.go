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
	"example.com/aurora/shared/usecase/report"
)

// Wednesday is when the events of reports happen: 18 November 2026, 15:20 UTC.
var Wednesday = time.Date(2026, 11, 18, 15, 20, 0, 0, time.UTC)

// Office is where reports are made: two assistants, seven calls, a bucket, and mail that refuses refused@example.com. It
// has no model.
type Office struct {
	*report.Maker
	mu      sync.Mutex
	objects map[string][]byte
	mailed  map[string]bool
	// Did is what left the house, in order.
	Did []string
	// Away makes the calls table unreachable.
	Away bool
}

// NewOffice is an office in which nothing has happened yet. now is Wednesday but in tests of time.
func NewOffice(now func() time.Time) *Office {
	o := &Office{objects: map[string][]byte{}, mailed: map[string]bool{}}
	o.Maker = &report.Maker{Assistants: officeAssistants{}, Calls: officeCalls{o}, Bucket: o, Mail: o, SentLog: o, Links: o,
		PublicURL: "https://aurora.example.com", Now: now, Count: func(_ context.Context, metric string) { o.note("counted " + metric) }}
	return o
}

func (o *Office) note(what string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.Did = append(o.Did, what)
}

type officeAssistants struct{}

func (officeAssistants) ByID(_ context.Context, id string) (aurora.Assistant, error) {
	switch id {
	case "riley":
		return aurora.Assistant{Configuration: aurora.Configuration{AssistantID: "riley", AssistantName: "Riley", TimeZone: "America/New_York",
			Emails: aurora.List{"desk@example.com", "office@example.com"}}}, nil
	case "mailless":
		return aurora.Assistant{Configuration: aurora.Configuration{AssistantID: "mailless", TimeZone: "Europe/Bucharest"}}, nil
	case "refused":
		return aurora.Assistant{Configuration: aurora.Configuration{AssistantID: "refused", Emails: aurora.List{"desk@example.com", "refused@example.com"}}}, nil
	}
	return aurora.Assistant{}, fault.New(fault.NotFound, "There is no such assistant.").WithCode("assistant_not_found")
}

type officeCalls struct{ *Office }

// Day is one call a day from the 12th to the 18th of November, at noon UTC.
func (c officeCalls) Day(_ context.Context, assistantID, day string) iter.Seq2[[]aurora.Call, error] {
	return func(yield func([]aurora.Call, error) bool) {
		at, err := time.Parse(time.DateOnly, day)
		if c.Away {
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

// Row is nobody's: the calls are not so pressing that somebody reads them.
func (c officeCalls) Row(context.Context, aurora.CallKey) (aurora.Call, bool, error) {
	return aurora.Call{}, false, nil
}

// Put keeps an object.
func (o *Office) Put(_ context.Context, key, _ string, body []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.objects[key] = slices.Clone(body)
	return nil
}

// Upload keeps an object.
func (o *Office) Upload(ctx context.Context, key, contentType string, body io.Reader) error {
	b, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	return o.Put(ctx, key, contentType, b)
}

// Read gives an object.
func (o *Office) Read(_ context.Context, key string) ([]byte, time.Time, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if b, ok := o.objects[key]; ok {
		return b, Wednesday, nil
	}
	return nil, time.Time{}, fault.New(fault.NotFound, "There is no such object.")
}

// Objects are the keys in the bucket, in order.
func (o *Office) Objects() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	keys := make([]string, 0, len(o.objects))
	for key := range o.objects {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// Ready says that mail is set up.
func (o *Office) Ready() bool { return true }

// SendMail notes a mail, or refuses it.
func (o *Office) SendMail(_ context.Context, m aurora.Mail) error {
	if strings.HasPrefix(m.To[0], "refused@") {
		return fault.New(fault.RateLimited, "The mail service is busy.").WithCode("mail_busy")
	}
	o.note("mailed " + m.To[0] + ": " + m.Subject)
	return nil
}

// Send remembers mails, as dynamo.Ledger does.
func (o *Office) Send(ctx context.Context, key string, again bool, send func(context.Context) error) (bool, error) {
	o.mu.Lock()
	before := o.mailed[key]
	o.mu.Unlock()
	if before && !again {
		return false, nil
	}
	if err := send(ctx); err != nil {
		return false, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.mailed[key] = true
	return true, nil
}

// URL is an address that nobody signed.
func (o *Office) URL(_ context.Context, key string) (string, error) {
	return "https://aurora.example.com/api/reports/view/unsigned-" + strings.NewReplacer("/", "-", ".", "-").Replace(key), nil
}

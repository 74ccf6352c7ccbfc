package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// Load is the result of a request that is repeated against the stack.
type Load struct {
	What      string  `json:"what"`
	Bytes     int     `json:"bytes"`  // of the body
	AtOnce    int     `json:"atOnce"` // concurrent requests
	PerSecond float64 `json:"perSecond"`
	P50       float64 `json:"p50Ms"`
	P99       float64 `json:"p99Ms"` // nearest rank: the slowest of fewer than a hundred requests
	CPU       float64 `json:"cpuMs"` // processor time of the function for a request
	// ResidentKB is the memory of the largest of the function's processes afterwards.
	ResidentKB int64 `json:"residentKB"`
	// OutsideMs is the part of P50 in external services, or 0.
	OutsideMs float64 `json:"outsideMs,omitempty"`
}

// loadPlan is a request that is sent so many times.
type loadPlan struct {
	what, url string
	headers   map[string]string
	body      func(n int) string
	wanted    int // the status
	requests  int
	atOnce    int
	pids      func() []int
}

// runLoad sends the requests after a warm-up.
func runLoad(ctx context.Context, s loadPlan) (Load, error) {
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: s.atOnce}}
	defer client.CloseIdleConnections()
	bodies := make([]string, s.requests+2*s.atOnce)
	for i := range bodies {
		bodies[i] = s.body(i)
	}
	warm := bodies[:2*s.atOnce]
	if _, err := sendAll(ctx, client, s, warm); err != nil {
		return Load{}, fmt.Errorf("%s: %w", s.what, err)
	}
	before, began := cpuOf(s.pids()), time.Now()
	times, err := sendAll(ctx, client, s, bodies[len(warm):])
	took := time.Since(began)
	if err != nil {
		return Load{}, fmt.Errorf("%s: %w", s.what, err)
	}
	pids := s.pids()
	return Load{What: s.what, Bytes: len(bodies[0]), AtOnce: s.atOnce, PerSecond: float64(len(times)) / took.Seconds(), P50: median(times), P99: percentile(times, 99),
		CPU: milliseconds(cpuOf(pids)-before) / float64(len(times)), ResidentKB: largest(pids, residentKB)}, nil
}

// sendAll sends each body once, with limited concurrency.
func sendAll(ctx context.Context, client *http.Client, s loadPlan, bodies []string) ([]float64, error) {
	next := make(chan string)
	var mu sync.Mutex
	var times []float64
	var failed []error
	var wg sync.WaitGroup
	for range s.atOnce {
		wg.Go(func() {
			for body := range next {
				took, err := post(ctx, client, s, body)
				mu.Lock()
				if err != nil {
					failed = append(failed, err)
				} else {
					times = append(times, milliseconds(took))
				}
				mu.Unlock()
			}
		})
	}
	for _, body := range bodies {
		next <- body
	}
	close(next)
	wg.Wait()
	return times, errors.Join(failed...)
}

func post(ctx context.Context, client *http.Client, s loadPlan, body string) (time.Duration, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader([]byte(body)))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	for name, value := range s.headers {
		r.Header.Set(name, value)
	}
	began := time.Now()
	resp, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	answer, err := io.ReadAll(resp.Body)
	took := time.Since(began)
	err = errors.Join(err, resp.Body.Close())
	if err == nil && resp.StatusCode != s.wanted {
		err = fmt.Errorf("%s, not %d: %.300s", resp.Status, s.wanted, answer)
	}
	return took, err
}

// measureWebhook sends the messages of a voice provider.
func (b *bench) measureWebhook(ctx context.Context) error {
	info := b.stack.Info()
	program, _, _ := b.stack.Program("webhook")
	request := fmt.Sprintf(`{"message":{"type":"assistant-request","session":%q}}`, seededAssistant)
	base := loadPlan{url: info.API + "/api/webhook", headers: map[string]string{"FLASK-API-KEY": info.Keys["BINARYTINT_API_KEY"]}, wanted: http.StatusOK,
		pids: func() []int { return processesOf(program) }}
	for _, size := range []struct{ bytes, alone, together int }{{0, 200, 400}, {10 << 10, 100, 200}, {1 << 20, 12, 24}, {4 << 20, 6, 8}} {
		for _, atOnce := range []int{1, 8} {
			s := base
			s.atOnce, s.requests = atOnce, size.alone
			if atOnce > 1 {
				s.requests = size.together
			}
			s.requests = b.size.scaled(s.requests)
			s.what, s.body = "end-of-call-report", func(n int) string { return b.endOfCallReport(1000*atOnce+n, size.bytes) }
			if size.bytes == 0 {
				s.what, s.wanted, s.body = "assistant-request", http.StatusCreated, func(int) string { return request }
			}
			l, err := runLoad(ctx, s)
			if err != nil {
				return err
			}
			b.results.Webhook = append(b.results.Webhook, l)
		}
	}
	return nil
}

// measureOutbound requests distinct calls from a telephone provider that accepts them at once.
func (b *bench) measureOutbound(ctx context.Context) error {
	info := b.stack.Info()
	program, _, _ := b.stack.Program("outbound-call-uat")
	s := loadPlan{what: "outbound call", url: info.FunctionURLs["OutboundCallUatFunction"] + "/api/outbound-call-uat", wanted: http.StatusOK, atOnce: 1, requests: b.size.scaled(60),
		headers: map[string]string{"BINARYTINT-EXTERNAL-API-KEY": info.Keys["BINARYTINT_EXTERNAL_API_KEY"], "Idempotency-Key": "none"},
		pids:    func() []int { return processesOf(program) },
		body: func(n int) string {
			return fmt.Sprintf(`{"client":{"phoneNumber":%q,"name":"John Doe"},"assistantId":%q}`, exampleNumber(n), seededAssistant)
		}}
	asked, spent := b.external.asked.telephone.Load(), b.external.telephoneTime.Load()
	l, err := runLoad(ctx, s)
	if err != nil {
		return err
	}
	if n := b.external.asked.telephone.Load() - asked; n > 0 {
		l.OutsideMs = milliseconds(time.Duration((b.external.telephoneTime.Load() - spent) / n))
	}
	b.results.Outbound = l
	return nil
}

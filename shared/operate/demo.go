package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"aurora/shared/aurora"
	"aurora/shared/dynamo"
)

const (
	demoAssistant = "a6ff7fee-d3c3-4f1e-a24a-a11c5d750ec4"
	demoCaller    = "+14155550123"
	indexTime     = 30 * time.Second // for a report to become a row; it takes a second or two
)

// demo walks one story against the running stack and shows each answer: a call comes in, the assistant answers as it
// thinks, the call ends and is a row in the table.
func (p *program) demo(ctx context.Context) error {
	s, err := p.stack(ctx, "")
	if err != nil {
		return err
	}
	call := fmt.Sprintf("demo-%d", time.Now().UnixMilli())
	d := demonstration{program: p, stack: s, call: call, key: s.local.Keys["BINARYTINT_API_KEY"]}
	for _, step := range []func(context.Context) error{d.inbound, d.turn, d.end, d.row} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

type demonstration struct {
	*program
	stack     *stack
	call, key string
	began     time.Time
}

func (d *demonstration) inbound(ctx context.Context) error {
	d.say("1. A call comes in; the voice server asks which assistant answers +15551230100.\n")
	b, err := d.post(ctx, "/api/webhook", "FLASK-API-KEY", d.key, http.StatusCreated, map[string]any{"message": map[string]any{
		"type":    "assistant-request",
		"session": map[string]string{"streamSid": d.call, "callerPhoneNumber": demoCaller, "twilioNumber": "+15551230100"},
	}})
	if err != nil {
		return err
	}
	d.say("%s\n", pretty(b))
	return nil
}

// turn streams one answer and shows each line when it came.
func (d *demonstration) turn(ctx context.Context) error {
	d.say("2. The caller speaks; the answer streams, and its lines arrive as the model sends them.\n")
	d.began = time.Now()
	resp, err := d.send(ctx, "/api/v1/openai/chat/completions", "Authorization", "Bearer "+d.key, map[string]any{
		"model": "gpt-4o", "stream": true,
		"messages": []map[string]string{{"role": "user", "content": "Hello, when are you open?"}},
		"call":     map[string]any{"id": d.call, "caller_phone_number": demoCaller, "assistant_config": map[string]string{"assistantId": demoAssistant}},
	})
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		b, _ := io.ReadAll(resp.Body)
		return fmt.Errorf("the turn was answered %s: %s", resp.Status, b)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	last := ""
	for lines.Scan() {
		if last = lines.Text(); last != "" {
			d.say("%6d ms  %s", time.Since(d.began).Milliseconds(), shorten(essence(last), 120))
		}
		if last == "data: [DONE]" {
			d.say("")
			return nil
		}
	}
	return errors.Join(errors.New("the stream ended without [DONE]"), lines.Err())
}

func (d *demonstration) end(ctx context.Context) error {
	d.say("3. The call ends; its report is kept before it is answered.\n")
	now := time.Now().UTC()
	b, err := d.post(ctx, "/api/webhook", "FLASK-API-KEY", d.key, http.StatusOK, map[string]any{"message": map[string]any{
		"type": "end-of-call-report", "endedReason": "customer-ended-call", "timestamp": now.UnixMilli(),
		"startedAt": now.Add(-21 * time.Second).Format(time.RFC3339), "endedAt": now.Format(time.RFC3339), "cost": 0.0385,
		"call": map[string]any{"id": d.call, "assistantId": demoAssistant, "type": "inboundPhoneCall", "customer": map[string]string{"number": demoCaller}},
		"messages": []map[string]string{{"role": "user", "content": "Hello, when are you open?"},
			{"role": "assistant", "content": "Nine to five, Monday to Friday."}},
		"summary": "The caller asked for the opening hours.",
	}})
	if err != nil {
		return err
	}
	d.say("200 %s\n", b)
	return nil
}

// row waits until the worker has made a row of the report.
func (d *demonstration) row(ctx context.Context) error {
	d.say("4. S3 tells the worker, and the call is a row in the table.\n")
	ctx, cancel := context.WithTimeout(ctx, indexTime)
	defer cancel()
	at := d.stack.at("dynamodb")
	ledger := dynamo.NewLedger(at, d.stack.table("ledger"), time.Now)
	calls := dynamo.NewCalls(at, d.stack.table("calls"), time.Hour)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		if alias, ok, err := ledger.Alias(ctx, d.call); err == nil && ok && len(alias.Places) > 0 {
			if row, ok, err := calls.Row(ctx, alias.Places[len(alias.Places)-1]); err == nil && ok {
				return d.show(row)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the call was no row after %v; look into the logs under %s/logs", indexTime, d.dataFolder())
		}
	}
}

func (d *demonstration) show(row aurora.Call) error {
	b, err := json.MarshalIndent(row, "", "  ")
	d.say("%s", b)
	return err
}

// post sends JSON to the local API and returns the answer, which must have the status.
func (d *demonstration) post(ctx context.Context, path, header, key string, want int, body any) ([]byte, error) {
	resp, err := d.send(ctx, path, header, key, body)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != want {
		err = fmt.Errorf("%s was answered %s: %s", path, resp.Status, b)
	}
	return b, err
}

func (d *demonstration) send(ctx context.Context, path, header, key string, body any) (*http.Response, error) {
	b, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, d.stack.local.API+path, bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(header, key)
	return http.DefaultClient.Do(r)
}

// essence leaves out of a chunk what all of them have in common.
func essence(line string) string {
	if _, rest, ok := strings.Cut(line, `"choices":`); ok {
		return `data: {… "choices":` + rest
	}
	return line
}

// shorten cuts a line for the screen.
func shorten(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return strings.TrimSpace(string(r[:n])) + " …"
	}
	return s
}

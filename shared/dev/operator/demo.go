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
	"net/url"
	"strings"
	"time"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/text"
)

const (
	demoAssistant = "a6ff7fee-d3c3-4f1e-a24a-a11c5d750ec4"
	demoCaller    = "+14155550123"
	rowTimeout    = 30 * time.Second // for an end-of-call report to become a row; it takes a second or two
)

// demo plays one story against the running stack and shows each answer: a call comes in, the assistant streams its answer,
// uses a tool and hands over to another assistant, the call ends and becomes a row in the table, and the week's report
// includes it.
func (p *program) demo(ctx context.Context) error {
	s, err := p.stack(ctx, "")
	if err != nil {
		return err
	}
	call := fmt.Sprintf("demo-%d", time.Now().UnixMilli())
	d := demoRun{program: p, stack: s, call: call, key: s.local.Keys["BINARYTINT_API_KEY"],
		session: map[string]any{"id": call, "caller_phone_number": demoCaller, "assistant_config": map[string]string{"assistantId": demoAssistant}}}
	for _, step := range []func(context.Context) error{d.inbound, d.turn, d.tool, d.handoff, d.end, d.row, d.report} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

type demoRun struct {
	*program
	stack     *stack
	call, key string
	session   map[string]any // full_session of the last answer; sent as call of the next turn
}

func (d *demoRun) inbound(ctx context.Context) error {
	d.printLine("1. A call comes in. The voice server asks which assistant answers +15551230100.\n")
	b, err := d.post(ctx, "/api/webhook", "FLASK-API-KEY", d.key, http.StatusCreated, map[string]any{"message": map[string]any{
		"type":    "assistant-request",
		"session": map[string]string{"streamSid": d.call, "callerPhoneNumber": demoCaller, "twilioNumber": "+15551230100"},
	}})
	if err != nil {
		return err
	}
	d.printLine("%s\n", pretty(b))
	return nil
}

// turn streams one answer and shows when each line came.
func (d *demoRun) turn(ctx context.Context) error {
	d.printLine("2. The caller speaks. The answer is streamed: its lines arrive as the model sends them.\n")
	return d.speak(ctx, "Hello, when are you open?", 120)
}

// tool plays a turn in which the assistant calls a tool. A real model may decide not to.
func (d *demoRun) tool(ctx context.Context) error {
	d.printLine("3. The caller asks something that the model cannot know. The model calls a tool, then answers.\n")
	if err := d.speak(ctx, "What time is it?", 0); err != nil {
		return err
	}
	return d.showSession(2)
}

// handoff plays a handoff to another assistant and a turn with that one, which full_session names.
func (d *demoRun) handoff(ctx context.Context) error {
	d.printLine("4. The caller asks for another assistant. The assistant hands the conversation over.\n")
	if err := d.speak(ctx, "Transfer me to Avery, please.", 0); err != nil {
		return err
	}
	if err := d.showSession(2); err != nil {
		return err
	}
	d.printLine("   The next turn sends full_session back as call, and the assistant that it names answers.\n")
	return d.speak(ctx, "Hello, who am I talking to?", 0)
}

// speak plays one turn of the phone call. It shows each line of the stream without the parts that all lines share, cut to
// width; with a width of 0 it shows only what was said.
func (d *demoRun) speak(ctx context.Context, words string, width int) error {
	began := time.Now()
	resp, err := d.send(ctx, "/api/v1/openai/chat/completions/voice", "Authorization", "Bearer "+d.key, map[string]any{
		"model": "gpt-4o", "stream": true, "messages": []map[string]string{{"role": "user", "content": words}}, "call": d.session,
	})
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		b, _ := io.ReadAll(resp.Body)
		return fmt.Errorf("the turn failed with %s: %s", resp.Status, b)
	}
	answer := ""
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		answer += d.readLine(line)
		if width > 0 && line != "" {
			d.printLine("%6d ms  %s", time.Since(began).Milliseconds(), truncate(trimChunk(line), width))
		}
		if line == "data: [DONE]" {
			if width == 0 {
				d.printLine("   caller:     %s\n   assistant:  %s", words, answer)
			}
			d.printLine("")
			return nil
		}
	}
	return errors.Join(errors.New("the stream ended without [DONE]"), lines.Err())
}

// readLine returns the words in a line of the stream, and stores the session if the line has one.
func (d *demoRun) readLine(line string) string {
	var event struct {
		Choices     []struct{ Delta struct{ Content string } }
		FullSession map[string]any `json:"full_session"`
	}
	data, found := strings.CutPrefix(line, "data: ")
	if !found || json.Unmarshal([]byte(data), &event) != nil { // [DONE]
		return ""
	}
	if event.FullSession != nil {
		d.session = event.FullSession
	}
	words := ""
	for _, c := range event.Choices {
		words += c.Delta.Content
	}
	return words
}

// showSession shows count messages of the session before its last one, and the active agent.
func (d *demoRun) showSession(count int) error {
	messages, _ := d.session["messages"].([]any)
	shown := messages[max(0, len(messages)-1-count):max(0, len(messages)-1)]
	for _, m := range shown {
		b, err := json.Marshal(m)
		if err != nil {
			return err
		}
		d.printLine("   in full_session:  %s", truncate(string(b), 300))
	}
	d.printLine("   active_agent:     %v\n", d.session["active_agent"])
	return nil
}

func (d *demoRun) end(ctx context.Context) error {
	d.printLine("5. The call ends. Its end-of-call report is stored before the webhook answers.\n")
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
	d.printLine("200 %s\n", b)
	return nil
}

// row waits until the worker has indexed the end-of-call report, and shows the row.
func (d *demoRun) row(ctx context.Context) error {
	d.printLine("6. S3 notifies the worker, and the call becomes a row in the table.\n")
	ctx, cancel := context.WithTimeout(ctx, rowTimeout)
	defer cancel()
	at := d.stack.awsConfig("dynamodb")
	ledger := dynamo.NewLedger(at, d.stack.tableName("ledger"), time.Now)
	calls := dynamo.NewCalls(at, d.stack.tableName("calls"), time.Hour)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		if alias, ok, err := ledger.Alias(ctx, d.call); err == nil && ok && len(alias.RowKeys) > 0 {
			if row, ok, err := calls.Row(ctx, alias.RowKeys[len(alias.RowKeys)-1]); err == nil && ok {
				return d.show(row)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the call is not a row after %v; look into the logs in %s/logs", rowTimeout, d.dataFolder())
		}
	}
}

func (d *demoRun) show(row aurora.Call) error {
	b, err := json.MarshalIndent(row, "", "  ")
	d.printLine("%s", b)
	return err
}

// report makes the week's report, which includes the call, and opens its link.
func (d *demoRun) report(ctx context.Context) error {
	d.printLine("\n7. A report for this week is requested. It includes the call.\n")
	b, err := d.post(ctx, "/api/reports/aurora-report/weekly", "BINARYTINT-INTERNAL-API-KEY", d.stack.local.Keys["BINARYTINT_INTERNAL_API_KEY"],
		http.StatusOK, map[string]string{"ASSISTANT_ID": demoAssistant})
	if err != nil {
		return err
	}
	d.printLine("%s\n", pretty(b))
	var made struct{ Report struct{ Link string } }
	if err := json.Unmarshal(b, &made); err != nil || made.Report.Link == "" {
		return errors.Join(errors.New("the report has no link"), err)
	}
	resp, err := openLink(ctx, made.Report.Link)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	page, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the link failed with %s (%w)", resp.Status, err)
	}
	d.printLine("The link in the mail opens a page of %d bytes, %s. The mails are at %s.", len(page), resp.Header.Get("Content-Type"), d.stack.local.Mail)
	return nil
}

// openLink opens the link of a report as the page behind the link does: it posts the token that follows the number sign.
func openLink(ctx context.Context, link string) (*http.Response, error) {
	address, token, _ := strings.Cut(link, "#")
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(url.Values{"token": {token}}.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return http.DefaultClient.Do(r)
}

// post sends JSON to the local API and returns the answer. A status other than want is an error.
func (d *demoRun) post(ctx context.Context, path, header, key string, want int, body any) ([]byte, error) {
	resp, err := d.send(ctx, path, header, key, body)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != want {
		err = fmt.Errorf("%s failed with %s: %s", path, resp.Status, b)
	}
	return b, err
}

func (d *demoRun) send(ctx context.Context, path, header, key string, body any) (*http.Response, error) {
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

// trimChunk removes the beginning of a chunk, which is the same in all of them.
func trimChunk(line string) string {
	if _, rest, ok := strings.Cut(line, `"choices":`); ok {
		return `data: {… "choices":` + rest
	}
	return line
}

// truncate cuts a line to n characters.
func truncate(s string, n int) string {
	if cut := text.ClipRunes(s, n); cut != s {
		return strings.TrimSpace(cut) + " …"
	}
	return s
}

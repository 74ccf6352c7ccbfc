package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestBasePath calls every route over a custom domain with a base path of two segments, and over the API's own address.
func TestBasePath(t *testing.T) {
	const base = "/voice/v2"
	b := &testStack{data: t.TempDir(), basePath: base}
	b.start(t, "DEFAULT_REGION=US", "HYPERSCALE_ASSISTANT_ID="+documentAssistant)
	if !strings.HasSuffix(b.info.API, base) {
		t.Fatalf("the API's address is %s, want one with the base path", b.info.API)
	}
	own := strings.TrimSuffix(b.info.API, base)
	for name, address := range map[string]string{"custom domain": b.info.API, "own address": own} {
		t.Run(name, func(t *testing.T) { b.everyRoute(t, address) })
	}
	for _, path := range []string{"/voice/api/webhook", "/v2/api/webhook", base + base + "/api/webhook", base} {
		if resp, body := b.post(t, own+path, `{}`, "FLASK-API-KEY", b.info.Keys["BINARYTINT_API_KEY"]); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s %s, want 404", path, resp.Status, body)
		}
	}
}

// everyRoute calls every route of the API at an address.
func (b *testStack) everyRoute(t *testing.T, api string) {
	key, internal := b.info.Keys["BINARYTINT_API_KEY"], b.info.Keys["BINARYTINT_INTERNAL_API_KEY"]
	bearer, in := []string{"Authorization", "Bearer " + key}, []string{"BINARYTINT-INTERNAL-API-KEY", internal, "Idempotency-Key", "none"}
	turn := `{"model":"gpt-4o","target_assistant_id":"` + riley + `","call":{"id":"base-path"},"messages":[{"role":"user","content":"Hi"}]}`
	for path, c := range map[string]struct {
		body   string
		header []string
	}{
		"/api/webhook":                                {`{"message":{"type":"status-update","status":"ringing"}}`, []string{"FLASK-API-KEY", key}},
		"/api/v1/openai/chat/completions":             {turn, bearer},
		"/api/v1/openai/chat/completions/voice":       {turn, bearer},
		"/api/v1/openai/voice/chat/completions":       {turn, bearer},
		"/api/v1/openai/chat/completions/sms":         {turn, bearer},
		"/api/v1/openai/sms/chat/completions":         {turn, bearer},
		"/api/v1/openai/chat/completions/chat":        {turn, bearer},
		"/api/v1/openai/chat/chat/completions":        {turn, bearer},
		"/api/hyperscale/outbound-call":               {`{"phoneNumber":"+14155550143","name":"John Doe","info":"i"}`, in},
		"/api/reports/aurora-internal-report/monthly": {"", in},
	} {
		if resp, body := b.post(t, api+path, c.body, c.header...); resp.StatusCode/100 != 2 {
			t.Errorf("%s: %s %s", path, resp.Status, body)
		}
	}
	for _, path := range []string{"/api/v1/openai/models", "/api/v1/openai/models/gpt-4o", "/api/v1/openai/models/gpt%2D4o"} {
		if resp, body := b.get(t, api+path, bearer...); resp.StatusCode != http.StatusOK || !strings.Contains(body, `"gpt-4o"`) {
			t.Errorf("%s: %s %s", path, resp.Status, body)
		}
	}
	b.reportPages(t, api)
	b.callWithCallbacks(t, api)
}

// reportPages makes a report, and opens it by its links and by the form of the page behind them.
func (b *testStack) reportPages(t *testing.T, api string) {
	link := b.newReportLink(t, riley, "2026-11-16")
	if want := b.info.API + "/api/reports/view#"; !strings.HasPrefix(link, want) {
		t.Errorf("the link is %s, want %s…", link, want)
	}
	if o := openReport(t, link); !o.isReport() {
		t.Errorf("the link does not open: %d %.300s", o.status, o.page)
	}
	if resp, page := b.get(t, strings.Replace(link, "#", "/", 1)); resp.StatusCode != http.StatusOK || !strings.Contains(page, "<main") {
		t.Errorf("the link of the earlier form does not open: %s %.300s", resp.Status, page)
	}
	for _, page := range []string{"/api/reports/view", "/api/reports/view/"} { // the form posts to the page's own address
		resp, text := b.get(t, api+page)
		if resp.StatusCode != http.StatusOK || !strings.Contains(text, `<form method="post">`) {
			t.Errorf("%s: %s %.300s", page, resp.Status, text)
			continue
		}
		resp, text = b.post(t, api+page, url.Values{"token": {link}}.Encode(), "Content-Type", "application/x-www-form-urlencoded")
		if resp.StatusCode != http.StatusOK || !strings.Contains(text, "<main") {
			t.Errorf("the form of %s: %s %.300s", page, resp.Status, text)
		}
	}
}

// callWithCallbacks places a call over an address. Its callbacks are signed for one address, and make its row.
func (b *testStack) callWithCallbacks(t *testing.T, api string) {
	body := `{"client":{"phoneNumber":"+14155550142","name":"John Doe"},"assistantId":"` + documentAssistant + `"}`
	resp, answer := b.post(t, api+"/api/outbound-call-uat", body, "BINARYTINT-INTERNAL-API-KEY", b.info.Keys["BINARYTINT_INTERNAL_API_KEY"], "Idempotency-Key", "none")
	placed := initiated.FindStringSubmatch(answer)
	if placed == nil {
		t.Fatalf("%s %s", resp.Status, answer)
	}
	for deadline := time.Now().Add(stepTimeout); b.rows(t, placed[3]) != 1; <-time.After(200 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no callback of the call was accepted")
		}
	}
}

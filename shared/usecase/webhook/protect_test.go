package webhook_test

import (
	"errors"
	"strings"
	"testing"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/usecase/webhook"
)

// newStorageReceiver returns a receiver with three assistants, each of which stores another part of its calls.
func newStorageReceiver() (*webhook.Receiver, *memory, *testkit.Assistants) {
	r, m := newReceiver()
	assistant := func(id, number string, storage aurora.Storage) aurora.Assistant {
		return aurora.Assistant{Configuration: aurora.Configuration{AssistantID: aurora.Text(id), AssistantPhoneNumber: aurora.Text(number)}, Storage: storage}
	}
	all := testkit.NewAssistants(assistant("open", "+15551230101", ""), assistant("careful", "+15551230102", aurora.StoreWithoutPersonalData),
		assistant("figures", "+15551230103", aurora.StoreFigures))
	r.Assistants, r.Archive.Assistants = all, all
	return r, m, all
}

const personalFields = `"endedAt":"2026-11-18T15:04:42Z","customer":{"number":"+14155550100"},"messages":[{"role":"user","message":"It is 4111 1111"},{"role":"bot","message":"Go on, please."},{"role":"user","message":"1111 1111, dana at example dot com"}],"cost":0.5`

// objectsText returns everything that is stored and queued.
func (m *memory) objectsText() string {
	var b strings.Builder
	for key, o := range m.objects {
		b.WriteString(key + " " + o.body + "\n")
	}
	return b.String()
}

func TestStorage(t *testing.T) {
	unreadable := func(fields string) string { return string(endOfCallBody(fields))[:len(endOfCallBody(fields))-8] }
	unknownType := func(fields string) string {
		return strings.Replace(string(endOfCallBody(fields)), "end-of-call-report", "brand-new-type", 1)
	}
	report := func(fields string) string { return string(endOfCallBody(fields)) }
	const digits, words = "4111 1111", "Go on, please."
	for name, c := range map[string]struct {
		body            string
		personal, texts bool // are left
	}{
		"everything":                      {report(`"call":{"id":"c1","assistantId":"open"},` + personalFields), true, true},
		"without personal data":           {report(`"call":{"id":"c1","assistantId":"careful"},` + personalFields), false, true},
		"nothing but figures":             {report(`"call":{"id":"c1","assistantId":"figures"},` + personalFields), false, false},
		"found by number":                 {report(`"call":{"id":"c1"},"phoneNumber":{"number":"+1 (555) 123-0102"},` + personalFields), false, true},
		"an unknown id, found by number":  {report(`"call":{"id":"c1","assistantId":"vapis-own"},"phoneNumber":{"number":"+15551230103"},` + personalFields), false, false},
		"an assistant that is not stored": {report(`"call":{"id":"c1","assistantId":"other"},` + personalFields), true, true},
		"no assistant":                    {report(`"call":{"id":"c1"},` + personalFields), true, true},
		"the strictest of a squad": {report(`"call":{"id":"c1","assistantId":"open"},"artifact":{"assistantActivations":[{"assistantId":"open"},{"assistantId":"figures"}]},` +
			personalFields), false, false},
		"an unknown type, everything":             {unknownType(`"call":{"id":"c1","assistantId":"open"},` + personalFields), true, true},
		"an unknown type, without personal data":  {unknownType(`"call":{"id":"c1","assistantId":"careful"},` + personalFields), false, true},
		"an unknown type, figures":                {unknownType(`"call":{"id":"c1","assistantId":"figures"},` + personalFields), false, false},
		"unreadable, everything":                  {unreadable(`"call":{"id":"c1","assistantId":"open"},` + personalFields), true, true},
		"unreadable, without personal data":       {unreadable(`"call":{"id":"c1","assistantId":"careful"},` + personalFields), false, true},
		"unreadable, figures":                     {unreadable(`"call":{"id":"c1","assistantId":"figures"},` + personalFields), false, false},
		"unreadable, with no assistant":           {unreadable(`"call":{"id":"c1"},` + personalFields), false, true},
		"unreadable, with an assistant in a text": {unreadable(`"session":"{\"assistantId\":\"figures\"}",` + personalFields), false, false},
	} {
		r, m, _ := newStorageReceiver()
		_, err := r.Receive(t.Context(), auth.Principal{}, []byte(c.body))
		if err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
		stored := m.objectsText()
		if len(m.objects) != 1 {
			t.Errorf("%s: %d objects are stored, want one", name, len(m.objects))
		}
		for _, text := range []string{"5550100", digits, "dana at"} {
			if strings.Contains(stored, text) != c.personal {
				t.Errorf("%s: %q is stored: %t, want %t, in %s", name, text, !c.personal, c.personal, stored)
			}
		}
		if strings.Contains(stored, words) != c.texts {
			t.Errorf("%s: texts are stored: %t, want %t, in %s", name, !c.texts, c.texts, stored)
		}
	}
}

// A report of which the assistant cannot be read waits in the raw queue, and is protected by the worker.
func TestReportWaitsForItsAssistant(t *testing.T) {
	r, m, all := newStorageReceiver()
	all.Err = fault.New(fault.Unavailable, "The assistants cannot be read now.")
	body := endOfCallBody(`"call":{"id":"c1","assistantId":"careful"},` + personalFields)
	if _, err := r.Receive(t.Context(), auth.Principal{}, body); err != nil {
		t.Fatal(err)
	}
	if len(m.objects) != 0 || len(m.queue) != 1 {
		t.Fatalf("%d objects are stored and %d queued, want one queued", len(m.objects), len(m.queue))
	}
	if err := r.Archive.StoreQueued(t.Context(), m.queue[0].body); err == nil {
		t.Error("a report was stored while its assistant could not be read")
	}
	all.Err = nil
	if err := r.Archive.StoreQueued(t.Context(), m.queue[0].body); err != nil {
		t.Fatal(err)
	}
	if stored := m.objectsText(); strings.Contains(stored, "4111") || !strings.HasPrefix(stored, "eoc/careful/2026/11/18/c1.json ") {
		t.Errorf("stored %s", stored)
	}
}

// What the raw queue holds because the bucket fails is protected, and a repeated delivery is the same report.
func TestQueuedReportIsProtected(t *testing.T) {
	r, m, _ := newStorageReceiver()
	m.bucketErr = errors.New("SlowDown")
	body := endOfCallBody(`"call":{"id":"c1","assistantId":"careful"},` + personalFields)
	if _, err := r.Receive(t.Context(), auth.Principal{}, body); err != nil {
		t.Fatal(err)
	}
	m.bucketErr = nil
	for range 2 {
		if err := r.Archive.StoreQueued(t.Context(), m.queue[0].body); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Receive(t.Context(), auth.Principal{}, body); err != nil {
			t.Fatal(err)
		}
	}
	if len(m.objects) != 1 || strings.Contains(m.objectsText(), "4111") {
		t.Errorf("stored %s, want one report without the card number", m.objectsText())
	}
}

// An unknown message whose assistant cannot be read is sent again.
func TestUnknownMessageNeedsItsAssistant(t *testing.T) {
	r, m, all := newStorageReceiver()
	all.Err = fault.New(fault.Unavailable, "The assistants cannot be read now.")
	for _, body := range []string{`{"message":{"type":"brand-new-type","assistantId":"careful"}}`, `{"message":{"type":"end-of-call-report","assistantId":"careful"`} {
		_, err := r.Receive(t.Context(), auth.Principal{}, []byte(body))
		if !fault.Is(err, fault.Unavailable) || len(m.objects) != 0 {
			t.Errorf("%s: %v, and %d objects are stored; want Unavailable and none", body, err, len(m.objects))
		}
	}
}

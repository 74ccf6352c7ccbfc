package erasure

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/trace"
)

const (
	person aurora.Phone = "+14155550100"
	friend aurora.Phone = "+14155550101"
)

func reportBody(assistantID string, number aurora.Phone, said string, ids ...string) string {
	return fmt.Sprintf(`{"message":{"type":"end-of-call-report","endedReason":"customer-ended-call","endedAt":"2026-11-18T10:00:00Z","customer":{"number":%q},
		"artifact":{"messages":[{"role":"bot","message":"Hello"},{"role":"user","message":%q}]},"call":{"id":%q,"assistantId":%q}}}`, number, said, ids[0], assistantID)
}

// phoneItems returns the state of a phone call, its words and its connection, in which the caller said something.
func phoneItems(t *testing.T, sid string, number aurora.Phone, said string) []aurora.StoredItem {
	t.Helper()
	state, err := json.Marshal(aurora.PhoneCall{SID: sid, AssistantID: "riley", Customer: number, From: string(number), Waiting: []aurora.CallerWords{{Text: said}}})
	if err != nil {
		t.Fatal(err)
	}
	return []aurora.StoredItem{{"key": "phone#" + sid, "state": string(state)}, {"key": "phoneturns#" + sid, "t1": `{"Said":[{"Text":"` + said + `"}]}`},
		{"key": "phoneturns#" + sid + "#1", "t2": "{}"}, {"key": "phoneconn#of-" + sid, "callSid": sid}, {"key": "relaytoken#1-" + sid, "callSid": sid},
		{"key": "relaytoken#2-" + sid, "usedBy": sid}}
}

// fill stores two calls of the person and one of a friend, with all that belongs to them, and returns what must be left.
func fill(t *testing.T, m *memory) (left string) {
	t.Helper()
	calls, ledger := memoryTable{m, "calls"}, memoryTable{m, "ledger"}
	row := func(id string, number aurora.Phone, summary string) aurora.StoredItem {
		return aurora.StoredItem{"assistantDay": "riley#2026-11-18", "callId": id, "customer": string(number), "summary": summary, "key": ""}
	}
	memoryTable{m, "assistants"}.add(aurora.StoredItem{"assistantId": "riley", "numberE164": "+15551230100"})
	m.put("eoc/riley/2026/11/18/friend.json", reportBody("riley", friend, "Her number is [erased].", "friend"))
	calls.add(row("friend", friend, "Call [erased] back."))
	ledger.add(aurora.StoredItem{"key": "call#friend", "places": []any{"riley#2026-11-18"}})
	ledger.add(aurora.StoredItem{"key": "call#both", "places": []any{"avery#2026-11-18"}}) // both assistants have a call with this id
	ledger.add(aurora.StoredItem{"key": "call#CA2", "parent": "both"})
	calls.add(aurora.StoredItem{"assistantDay": "avery#2026-11-18", "callId": "both", "customer": string(friend)})
	ledger.add(aurora.StoredItem{"key": "session#riley#friend#" + aurora.SafeKey(string(friend)) + "#p"})
	ledger.add(aurora.StoredItem{"key": "dnc#" + string(person)})
	ledger.add(aurora.StoredItem{"key": "placed#oc_2", "to": string(friend), "info": "sister of [erased]"})
	for _, item := range phoneItems(t, "CAf", friend, "Her number is [erased].") {
		ledger.add(item)
	}
	m.put("eoc/avery/2026/11/18/one.json", reportBody("avery", friend, "Another owner's call with the same id.", "one"))
	m.messages["raw"] = []aurora.QueuedMessage{{Body: reportBody("riley", friend, "Call [erased].", "queued-2")}, textOf(friend, "Hi")}
	job := aurora.ReportJob{AssistantID: "riley", Period: aurora.Weekly, Until: time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC), Quiet: true}
	m.putReport(job)
	left = m.dump(t)

	m.put("eoc/riley/2026/11/18/one.json", reportBody("riley", person, "Hi", "one"))
	m.put("eoc/riley/2026/11/18/one.json", reportBody("riley", person, "Hi again", "one"))
	m.put("eoc/riley/2026/11/18/one~12345678.json", reportBody("riley", "", "Without a number", "one"))
	m.put("eoc/_/2026/11/18/two.json", reportBody("", "001 (415) 555-0100", "Hi", "two"))
	m.put("analysis/riley/2026/11/18/one.json", `{"summary":"Greets."}`)
	m.put("unrecognised/new-kind/2026/11/18/a.json", `{"message":{"type":"new-kind","from":14155550100}}`)
	m.put("unrecognised/new-kind/2026/11/18/b.json", `{"message":{"type":"new-kind","call":{"id":"one","assistantId":"riley"}}}`)
	m.traces[trace.NewKey("one")], m.traces[trace.NewKey("CA9")], m.traces[trace.NewKey("friend")] = 5, 2, 7
	calls.add(row("one", person, "Greets."))
	calls.add(row("CA1", "", "Known by its sid."))
	calls.add(aurora.StoredItem{"assistantDay": "riley#2026-11-18", "callId": aurora.OwnAlias("both", "riley"), "id": "both", "customer": string(person)})
	calls.add(row("friend", friend, "Call 415-555-0100 back."))
	m.put("eoc/riley/2026/11/18/friend.json", reportBody("riley", friend, "Her number is 4155550100.", "friend"))
	for _, item := range []aurora.StoredItem{{"key": "call#one", "places": []any{"_#2026-11-18", "riley#2026-11-18"}}, {"key": "call#CA1", "parent": "one"},
		{"key": "call#" + aurora.OwnAlias("both", "riley"), "places": []any{"riley#2026-11-18"}}, {"key": "placed#oc_1", "to": string(person), "assistantId": "riley", "sid": "CA9"}, {"key": "placed#CA9", "record": "oc_1"},
		{"key": "idem#n-a#uat#1", "record": "oc_1"}, {"key": "open#" + string(person)}, {"key": "consent#" + string(person)}, {"key": "count#to#" + string(person) + "#2026-11-25"},
		{"key": "session#riley#one"}, {"key": "session#riley#sms#" + aurora.SafeKey(string(person)) + "#p"}, {"key": "once#riley#one#" + aurora.SafeKey("") + "#d", "result": "Booked."},
		{"key": "placed#oc_2", "to": string(friend), "info": "sister of +14155550100"}} {
		ledger.add(item)
	}
	items := append(phoneItems(t, "CAp", person, "Hi"), phoneItems(t, "CAf", friend, "Her number is +1 415 555 0100.")...)
	items = append(items, aurora.StoredItem{"key": "relaytoken#3", "record": "oc_1"}, aurora.StoredItem{"key": "textpair#x", "customer": string(person)})
	for _, item := range items {
		ledger.add(item)
	}
	m.messages["raw"] = []aurora.QueuedMessage{{Body: reportBody("riley", person, "Hi", "queued-1")}, {Body: reportBody("riley", friend, "Call 415 555 0100.", "queued-2")}, textOf(person, "Hi"), textOf(friend, "Hi")}
	m.putReport(job)
	m.put(aurora.TranscriptKey(aurora.ReportsPrefix+"riley/weekly/2026-11-20T0000/", "one"), "<p>Hi</p>")
	return left
}

func TestErase(t *testing.T) {
	m := newMemory()
	left := fill(t, m)
	preview, err := m.service().Preview(t.Context(), person)
	if err != nil || m.dump(t) == left || preview.Counts.CallReports != 4 {
		t.Errorf("a preview counts %+v, %v; want 4 reports and nothing changed", preview.Counts, err)
	}
	r, err := m.service().Erase(t.Context(), person)
	if err != nil {
		t.Fatal(err)
	}
	if got := m.dump(t); got != left {
		t.Errorf("left is\n%s\nwant\n%s", got, left)
	}
	want := Counts{Calls: r.Counts.Calls, CallReports: 4, Analyses: 1, Unrecognised: 2, Rows: 3, OutboundRecords: 1, OtherLedgerItems: 19, Traces: 7, QueuedMessages: 2, ReportsMadeAgain: 1,
		ReportVersions: 5, NumbersReplaced: 6, DoNotCallEntries: 1}
	if r.Counts != want || !r.Complete || r.Number != "+14******100" {
		t.Errorf("the receipt is %+v, want the counts %+v", r, want)
	}
	if len(m.traces) != 1 || m.traces[trace.NewKey("friend")] != 7 {
		t.Errorf("the traces %v are left, want those of the friend's call", m.traces)
	}
	if len(m.made) != 1 || !m.made[0].Quiet {
		t.Errorf("the reports %+v were made, want one without mails", m.made)
	}
	again, err := m.service().Erase(t.Context(), person)
	if err != nil || again.Counts.found() || !again.Complete || again.Searches != 1 {
		t.Errorf("the second receipt is %+v, %v; want nothing found", again, err)
	}
}

// A run may end after any change. The next one removes what is left.
func TestEraseResumes(t *testing.T) {
	for changes := 0; ; changes++ {
		m := newMemory()
		left := fill(t, m)
		m.left = changes
		_, err := m.service().Erase(t.Context(), person)
		if err == nil {
			if changes < 40 {
				t.Fatalf("the run took only %d changes", changes)
			}
			return
		}
		if !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
		m.left = 1 << 30
		if r, err := m.service().Erase(t.Context(), person); err != nil || !r.Complete {
			t.Fatalf("after %d changes the next run ends with %v", changes, err)
		}
		if got := m.dump(t); got != left {
			t.Fatalf("after a run that ended after %d changes, and another one, left is\n%s\nwant\n%s", changes, got, left)
		}
	}
}

// After a run that did not end, a report without the number is known by its call's id. After one that ended, a report of the id
// is of another call.
func TestReportWithoutTheNumber(t *testing.T) {
	m := newMemory()
	left := fill(t, m)
	m.left = 20
	if _, err := m.service().Erase(t.Context(), person); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	m.left = 1 << 30
	m.put("eoc/riley/2026/11/18/one.json", reportBody("riley", "", "Late", "one"))
	if _, err := m.service().Erase(t.Context(), person); err != nil {
		t.Fatal(err)
	}
	if got := m.dump(t); got != left {
		t.Errorf("left is\n%s\nwant\n%s", got, left)
	}
	m.put("eoc/riley/2026/12/18/one.json", reportBody("riley", friend, "Another call", "one"))
	left = m.dump(t)
	if _, err := m.service().Erase(t.Context(), person); err != nil || m.dump(t) != left {
		t.Errorf("a later call with the same id was erased: %v", err)
	}
}

func TestReportThatCannotBeMadeAgain(t *testing.T) {
	m := newMemory()
	fill(t, m)
	m.put("reports/riley/weekly/2026-11-20T0000/report.json", "{")
	for v := range m.objects {
		if strings.HasSuffix(v.Key, aurora.ReportJSONName) && !v.Current {
			delete(m.objects, v)
		}
	}
	r, err := m.service().Erase(t.Context(), person)
	if err != nil || r.Counts.ReportsRemoved != 1 || len(m.made) != 0 {
		t.Errorf("the receipt is %+v, %v; want one report removed", r.Counts, err)
	}
	for v := range m.objects {
		if strings.HasPrefix(v.Key, aurora.ReportsPrefix) {
			t.Errorf("%s is left", v.Key)
		}
	}
}

func TestNumberOfAnAssistant(t *testing.T) {
	m := newMemory()
	left := fill(t, m)
	before := m.dump(t)
	_, err := m.service().Erase(t.Context(), "+15551230100")
	if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "riley") || m.dump(t) != before || left == before {
		t.Errorf("the error is %v, want one that names the assistant, and nothing changed", err)
	}
}

func TestReceiptHoldsTheNumberInPart(t *testing.T) {
	m := newMemory()
	fill(t, m)
	r, err := m.service().Erase(t.Context(), person)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	r.Print(&b)
	if text := b.String(); newMatcher(person).in(text) || !strings.Contains(text, "35 days") || !strings.Contains(text, "Mails that were sent") {
		t.Errorf("the receipt is\n%s", text)
	}
}

// archiveMap is an archive in memory.
type archiveMap map[string]string

func (a archiveMap) Add(name string, body []byte) error {
	a[name] = string(body)
	return nil
}

func TestExport(t *testing.T) {
	m := newMemory()
	fill(t, m)
	before, files := m.dump(t), archiveMap{}
	counts, err := m.service().Export(t.Context(), person, files)
	if err != nil || m.dump(t) != before {
		t.Errorf("the error is %v, want none and nothing changed", err)
	}
	if counts.CallReports != 4 || counts.Rows != 3 || counts.OutboundRecords != 1 || counts.QueuedMessages != 2 {
		t.Errorf("the counts are %+v", counts)
	}
	for name, want := range map[string]string{"calls/2026-11-18 one/transcript.txt": "caller: Hi", "calls/2026-11-18 one/transcript (2).txt": "caller: Hi again",
		"calls/2026-11-18 two/report.json": "001 (415) 555-0100", "calls/2026-11-18 one/row.json": "Greets.", "queued messages/raw.json": "queued-1", "README.txt": "the object eoc/riley/2026/11/18/friend.json",
		"records.jsonl": `"key":"phone#CAp"`} {
		if !strings.Contains(files[name], want) {
			t.Errorf("%s has no %q: %q", name, want, files[name])
		}
	}
	for name, text := range files {
		if strings.Contains(text, string(friend)) || strings.Contains(text, "Her number") {
			t.Errorf("%s has data of another person", name)
		}
	}
}

// textOf returns a text message of the queue of text messages.
func textOf(from aurora.Phone, words string) aurora.QueuedMessage {
	b, _ := json.Marshal(aurora.IncomingText{SID: "SM00000000000000000000000000000001", AssistantID: "riley", From: aurora.TextAddress(from), To: "+15551230100", Text: words}) // strings: cannot fail
	return aurora.QueuedMessage{Body: string(b), Group: "pair"}
}

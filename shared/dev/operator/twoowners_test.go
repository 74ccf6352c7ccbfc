package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/dev/emulator"
	"example.com/aurora/shared/dev/fakeopenai"
)

// owner is one of two owners of assistants, who have equal call ids, callers and idempotency keys.
type owner struct {
	name           string
	key            string // of all kinds; its entries have no name
	number, sender string
}

var twoOwners = []owner{
	{"ember", "aur_test_ember" + strings.Repeat("0", 32), "+15551231100", "+15551231101"},
	{"frost", "aur_test_frost" + strings.Repeat("0", 32), "+15551231200", "+15551231201"},
}

const sharedCaller = "+14155550123"

// other returns the name of the other owner.
func (o owner) other() string {
	if o.name == twoOwners[0].name {
		return twoOwners[1].name
	}
	return twoOwners[0].name
}

// ownersModel speaks for the owner whose prompt it gets. It does what the last user message asks for.
func ownersModel(_ int, r fakeopenai.Request) fakeopenai.Answer {
	if r.Body.ResponseFormat != nil {
		return fakeopenai.Text(`{"summary":"They spoke.","outcome":"resolved","sentiment":"positive","topics":[],"actionItems":[]}`)
	}
	name, agent := "unknown", "front"
	for _, o := range twoOwners {
		if strings.Contains(r.Last("system"), o.name) {
			name = o.name
		}
	}
	if strings.Contains(r.Last("system"), "billing") {
		agent = "billing"
	}
	last := r.Body.Messages[len(r.Body.Messages)-1]
	command, argument, _ := strings.Cut(r.Last("user"), ": ")
	switch {
	case last.Role == "tool":
		return fakeopenai.Text(fmt.Sprintf("%s %s did it. %s", name, agent, r.Last("tool")))
	case command == "text me":
		return fakeopenai.ToolCall("t1", "send_sms", fmt.Sprintf(`{"message":"%s %s"}`, name, argument))
	case command == "billing" && agent == "front" && name == "ember": // the same words, but frost answers them itself
		return fakeopenai.ToolCall("t1", "transfer_to_ember_billing", `{}`)
	case command == "goodbye":
		return fakeopenai.ToolCall("t1", "end_call", `{}`)
	}
	return fakeopenai.Text(fmt.Sprintf("%s %s speaks.", name, agent))
}

// TestTwoOwners lets two owners use the stack at once, with equal ids: nothing of one reaches the other.
func TestTwoOwners(t *testing.T) {
	b := &testStack{data: t.TempDir()}
	b.model = fakeopenai.Serve(t, ownersModel)
	b.start(t, "OPENAI_BASE_URL="+b.model.URL, "LIMIT_KEY_PER_MINUTE=1000", "LIMIT_DESTINATION_PER_DAY=1000", "LIMIT_COUNTRY_PER_DAY=1000", "LIMIT_SPEND_PER_DAY_USD=1000",
		"LIMIT_SMS_DESTINATION_PER_MINUTE=1000", "LIMIT_SMS_DESTINATION_PER_DAY=1000", "LIMIT_SMS_ASSISTANT_PER_DAY=1000", "LIMIT_CHAT_TURNS_PER_MINUTE=100000")
	b.putOwners(t)
	t.Run("turns", b.ownersTurns)
	t.Run("calls", b.ownersCalls)
	t.Run("live calls", b.ownersLiveCalls)
	t.Run("reports", b.ownersReports)
}

// putOwners stores the assistants and the keys of both owners.
func (b *testStack) putOwners(t *testing.T) {
	t.Helper()
	assistants := dynamo.NewAssistants(localStack(b.info).awsConfig("dynamodb"), b.info.Tables["assistants"], time.Now)
	for _, o := range twoOwners {
		for id, rest := range map[string]string{
			o.name + "-front": fmt.Sprintf(`"assistantPhoneNumber":%q,"textFromNumber":%q,"functions":["send_sms","end_call"],"callControl":"aurora","handoffs":["%s-billing"]`,
				o.number, o.sender, o.name),
			o.name + "-billing": fmt.Sprintf(`"functions":["end_call"],"handoffs":["%s-front"]`, o.name),
		} {
			name := strings.ReplaceAll(id, "-", " ")
			document := fmt.Sprintf(`{"assistantId":%q,"assistantName":%q,"assistantPrompt":"You are %s.",%s}`, id, name, name, rest)
			if _, err := assistants.Put(t.Context(), []byte(document)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, kind := range []auth.KeyKind{auth.KindAPI, auth.KindInternal} {
		var entries []string
		for _, o := range twoOwners {
			entries = append(entries, fmt.Sprintf(`{"digest":"sha256:%x","assistants":["%s-front","%s-billing"]}`, sha256.Sum256([]byte(string(kind)+o.key)), o.name, o.name))
		}
		b.putKeyList(t, kind, entries)
	}
}

// turn takes a turn of a call with an owner's front assistant, and returns the whole answer. A stack on a loaded machine may
// answer with the fallback message because a store was too slow: the turn is then taken again, as a voice server does.
func (b *testStack) turn(t *testing.T, o owner, call, text string) string {
	t.Helper()
	body := fmt.Sprintf(`{"stream":false,"messages":[{"role":"user","content":%q}],"call":{"id":%q,"assistantId":"%s-front","caller_phone_number":%q}}`,
		text, call, o.name, sharedCaller)
	var answer string
	for range 20 {
		var resp *http.Response
		resp, answer = b.post(t, b.info.API+"/api/v1/openai/chat/completions/voice", body, "Authorization", "Bearer "+string(auth.KindAPI)+o.key)
		isSent := strings.Contains(answer, "was sent") || !strings.HasPrefix(text, "text me")
		if resp.StatusCode == http.StatusOK && !strings.Contains(answer, `"error":{"code":"store_unavailable"`) && isSent {
			break
		}
	}
	if strings.Contains(answer, o.other()) {
		t.Errorf("%s, %s: the answer names %s: %s", o.name, call, o.other(), answer)
	}
	return answer
}

// ownersTurns sends text messages and hands conversations over in calls with equal ids, all at once.
func (b *testStack) ownersTurns(t *testing.T) {
	const calls = 30
	var wg sync.WaitGroup
	places := make(chan struct{}, 16) // turns at once
	for i := range calls {
		for _, o := range twoOwners {
			wg.Go(func() {
				places <- struct{}{}
				defer func() { <-places }()
				call := fmt.Sprintf("call-%d", i)
				for range 2 { // the second one is a retry of the voice server
					if answer := b.turn(t, o, call, fmt.Sprintf("text me: note %d", i)); !strings.Contains(answer, o.name+" front did it. ") {
						t.Errorf("%s, %s: %s", o.name, call, answer)
					}
				}
				agent := map[string]string{"ember": "billing", "frost": "front"}[o.name]
				answer := ""
				for range 5 { // a session that was not stored or read in time begins anew
					b.turn(t, o, call, "billing: please")
					if answer = b.turn(t, o, call, "hello: again"); strings.Contains(answer, o.name+" "+agent+" speaks.") {
						return
					}
				}
				t.Errorf("%s, %s: after the handoff of ember, %s", o.name, call, answer)
			})
		}
	}
	wg.Wait()
	sent := b.twilioList(t, "Messages.json", "messages")
	for _, o := range twoOwners {
		for i := range calls {
			want := fmt.Sprintf("%s note %d", o.name, i)
			n := 0
			for _, m := range sent {
				if m["body"] == want && m["from"] == o.sender && m["to"] == sharedCaller {
					n++
				}
			}
			if n != 1 {
				t.Errorf("%q was sent %d times from %s, want once", want, n, o.sender)
			}
		}
	}
	if len(sent) != 2*calls {
		t.Errorf("%d text messages, want %d", len(sent), 2*calls)
	}
}

// ownersCalls places calls to one number with equal idempotency keys: each owner has a call for each key.
func (b *testStack) ownersCalls(t *testing.T) {
	var mu sync.Mutex
	placed := map[string][]string{} // sids by owner and idempotency key
	var wg sync.WaitGroup
	for i := range 10 {
		for _, o := range twoOwners {
			wg.Go(func() {
				key := fmt.Sprintf("order-%d", i)
				body := fmt.Sprintf(`{"client":{"phoneNumber":"+14155550177","name":"John Doe"},"assistantId":"%s-front"}`, o.name)
				for range 2 {
					resp, answer := b.post(t, b.info.API+"/api/outbound-call-uat", body, "BINARYTINT-INTERNAL-API-KEY", string(auth.KindInternal)+o.key, "Idempotency-Key", key)
					m := initiated.FindStringSubmatch(answer)
					if m == nil || m[1] != o.number {
						t.Errorf("%s: %s %s", o.name, resp.Status, answer)
						return
					}
					mu.Lock()
					placed[o.name+" "+key] = append(placed[o.name+" "+key], m[3])
					mu.Unlock()
				}
			})
		}
	}
	wg.Wait()
	var sids []string
	for request, got := range placed {
		if len(got) != 2 || got[0] != got[1] {
			t.Errorf("%s: calls %v, want one, replayed", request, got)
		}
		sids = append(sids, got[0])
	}
	slices.Sort(sids)
	if n := len(slices.Compact(sids)); n != 20 {
		t.Errorf("%d calls, want 20", n)
	}
}

// ownersLiveCalls has each owner try to end the other's live call.
func (b *testStack) ownersLiveCalls(t *testing.T) {
	for _, victim := range twoOwners {
		resp, answer := b.post(t, b.info.Endpoints["twilio"]+"/inbound-calls", url.Values{"From": {sharedCaller}, "To": {victim.number}}.Encode(),
			"Content-Type", "application/x-www-form-urlencoded")
		var call struct{ SID string }
		if err := json.Unmarshal([]byte(answer), &call); err != nil || call.SID == "" {
			t.Fatalf("%s %s", resp.Status, answer)
		}
		status := func() any { return b.twilioGet(t, "Calls/"+call.SID+".json")["status"] }
		for _, o := range twoOwners {
			if o != victim {
				b.turn(t, o, call.SID, "goodbye: now")
			}
		}
		if got := status(); got != "in-progress" {
			t.Errorf("the other owner ended the call of %s: %v", victim.name, got)
		}
		b.turn(t, victim, call.SID, "goodbye: now")
		if got := status(); got != "completed" {
			t.Errorf("%s could not end its own call: %v", victim.name, got)
		}
	}
}

// ownersReports sends reports of calls with equal ids: each owner has a row of its own.
func (b *testStack) ownersReports(t *testing.T) {
	const calls = 8 // a caller history has ten
	var wg sync.WaitGroup
	for i := range calls {
		for _, o := range twoOwners {
			wg.Go(func() {
				body := fmt.Sprintf(`{"message":{"type":"end-of-call-report","endedReason":"customer-ended-call","startedAt":"2026-11-20T10:00:00Z","endedAt":"2026-11-20T10:01:00Z",
					"call":{"id":"report-%d","assistantId":"%s-front"},"customer":{"number":%q},"summary":"%s spoke.","transcript":"AI: %s speaks."}}`, i, o.name, sharedCaller, o.name, o.name)
				if resp, answer := b.post(t, b.info.API+"/api/webhook", body, "FLASK-API-KEY", string(auth.KindAPI)+o.key); resp.StatusCode != http.StatusOK {
					t.Errorf("%s: %s %s", o.name, resp.Status, answer)
				}
			})
		}
	}
	wg.Wait()
	table := dynamo.NewCalls(localStack(b.info).awsConfig("dynamodb"), b.info.Tables["calls"], 400*24*time.Hour)
	for _, o := range twoOwners {
		for deadline := time.Now().Add(time.Minute); ; <-time.After(200 * time.Millisecond) {
			rows, err := table.CallsOf(t.Context(), o.name+"-front", sharedCaller, 100)
			if err != nil {
				t.Fatal(err)
			}
			rows = slices.DeleteFunc(rows, func(c aurora.Call) bool { return !strings.HasPrefix(c.ID, "report-") })
			for _, row := range rows {
				if strings.Contains(row.Summary, o.other()) {
					t.Fatalf("%s has a row of %s: %+v", o.name, o.other(), row)
				}
			}
			if len(rows) == calls {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s has %d rows, want %d", o.name, len(rows), calls)
			}
		}
	}
}

// twilioGet returns a resource of the fake Twilio.
func (b *testStack) twilioGet(t *testing.T, path string) map[string]any {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.info.Endpoints["twilio"]+"/2010-04-01/Accounts/"+emulator.TwilioAccountSID+"/"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(emulator.TwilioAccountSID, emulator.TwilioAuthToken)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var resource map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&resource); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", path, resp.Status, err)
	}
	return resource
}

// twilioList returns the entries of a list of the fake Twilio.
func (b *testStack) twilioList(t *testing.T, path, name string) []map[string]any {
	t.Helper()
	var all []map[string]any
	list, _ := b.twilioGet(t, path)[name].([]any)
	for _, e := range list {
		if entry, ok := e.(map[string]any); ok {
			all = append(all, entry)
		}
	}
	return all
}

package providermsg_test

import (
	"slices"
	"testing"

	"example.com/aurora/shared/core/providermsg"
)

func parseMessage(t *testing.T, fields string) providermsg.Message {
	t.Helper()
	m, err := providermsg.ParseMessage([]byte(`{"message":{"type":"x",` + fields + `}}`))
	if err != nil {
		t.Fatalf("%s: %v", fields, err)
	}
	return m
}

// What a message is about is the same for everything that reads it: the key of a report, its row, and the tools of a call.
func TestMessageNamesOneCall(t *testing.T) {
	for name, c := range map[string]struct{ fields, callID, callSID, assistantID, caller string }{
		"the document's session": {`"session":{"callSid":"CA1","id":"s1","assistantId":"a1","from":"+1 415 555 0100"}`, "CA1", "CA1", "a1", "+14155550100"},
		"a session as JSON":      {`"session":"{\"callSid\":\"CA1\",\"assistant_id\":\"a1\"}"`, "CA1", "CA1", "a1", ""},
		"Vapi's call":            {`"call":{"id":"v1","assistantId":"a1","phoneCallProviderId":"CA1","customer":{"number":"+14155550100"}}`, "v1", "CA1", "a1", "+14155550100"},
		"both":                   {`"session":{"callSid":"CA1","assistantId":"a1"},"call":{"id":"v1","assistantId":"a2"}`, "v1", "CA1", "a1", ""},
		"a provider's other sid": {`"call":{"id":"v1","phoneCallProviderId":"x1","transport":{"callSid":"CA1"}}`, "v1", "CA1", "", ""},
		"nothing":                {`"call":[]`, "", "", "", ""},
	} {
		m := parseMessage(t, c.fields)
		caller, _ := m.Caller()
		if m.CallID() != c.callID || m.CallSID() != c.callSID || m.AssistantID() != c.assistantID || string(caller) != c.caller {
			t.Errorf("%s: call %q, sid %q, assistant %q, caller %q; want %q, %q, %q, %q", name, m.CallID(), m.CallSID(), m.AssistantID(), caller,
				c.callID, c.callSID, c.assistantID, c.caller)
		}
		r, id := m.EndOfCall(), m.Identity()
		if id.CallID() != c.callID || !slices.Equal(id.CallIDs, r.IDs) || id.AssistantID != c.assistantID || r.AssistantID != c.assistantID {
			t.Errorf("%s: the identity is %+v and the report has %v of %q", name, id, r.IDs, r.AssistantID)
		}
	}
}

func TestClassifyReadsLongReasonsInLinearTime(t *testing.T) {
	long := make([]byte, 1<<20)
	for i := range long {
		long[i] = 'a'
	}
	if got := providermsg.Classify("pipeline-error-"+string(long), providermsg.Evidence{Spoke: true}); got != "failed" {
		t.Errorf("a long reason that begins with pipeline- is %s, want failed", got)
	}
	if got := providermsg.Classify(string(long), providermsg.Evidence{Spoke: true}); got != "answered" {
		t.Errorf("a long unknown reason is %s, want answered", got)
	}
}

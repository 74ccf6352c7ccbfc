package webhook_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/usecase/webhook"
)

type everyoneEligible struct{}

func (everyoneEligible) CheckEligible(context.Context, string, string) error { return nil }

// A key that is limited to some assistants gets nothing about another one, and stores nothing for it, however the message names it.
func TestKeyReachesItsAssistantsOnly(t *testing.T) {
	var all []aurora.Assistant
	for _, document := range []string{
		`{"assistantId":"mine","assistantName":"Mine","assistantPrompt":"P","phoneNumbers":["+15551230100"],"handoffs":["other","also"],"transferDestinations":[{"name":"desk","number":"+14155550101"}]}`,
		`{"assistantId":"also","assistantName":"Also"}`,
		`{"assistantId":"other","assistantName":"Other","assistantPrompt":"secret","phoneNumbers":["+15551230200"],"transferDestinations":[{"name":"desk","number":"+14155550102"}]}`,
	} {
		a, err := aurora.ParseAssistant([]byte(document))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, a)
	}
	key := auth.Principal{ID: "k", Assistants: []string{"mine", "also"}}
	const forbidden = "assistant_not_allowed"
	for name, c := range map[string]struct {
		message string
		want    string // a part of the answer, or the code of the error
		stored  int
	}{
		"assistant-request, by id":              {`"type":"assistant-request","session":"mine"`, "Mine", 0},
		"assistant-request of another":          {`"type":"assistant-request","session":"other"`, forbidden, 0},
		"assistant-request, by another number":  {`"type":"assistant-request","session":{"to":"+15551230200"},"call":{"phoneNumber":{"number":"+15551230200"}}`, forbidden, 0},
		"assistant-request of an unknown one":   {`"type":"assistant-request","session":"unknown"`, forbidden, 0},
		"assistant-request of another, in Vapi": {`"type":"assistant-request","call":{"id":"c"},"phoneNumber":{"number":"+15551230200"}`, `{"error":"`, 0},
		"tool call":                             {`"type":"tool-calls","call":{"id":"c","assistantId":"mine"},"toolCallList":[{"id":"1","function":{"name":"t"}}]`, `"result":"ran"`, 0},
		"tool call of another":                  {`"type":"tool-calls","call":{"id":"c","assistantId":"other"},"toolCallList":[{"id":"1","function":{"name":"t"}}]`, "This key may not use this assistant.", 0},
		"function call of another":              {`"type":"function-call","call":{"id":"c","assistantId":"other"},"functionCall":{"name":"t","parameters":{}}`, "Error: This key may not use this assistant.", 0},
		"transfer":                              {`"type":"transfer-destination-request","call":{"id":"c","assistantId":"mine"}`, "+14155550101", 0},
		"transfer of another":                   {`"type":"transfer-destination-request","call":{"id":"c","assistantId":"other"}`, `{"error":"`, 0},
		"handoff passes over another":           {`"type":"handoff-destination-request","call":{"id":"c","assistantId":"mine"}`, `"assistantId":"also"`, 0},
		"campaign":                              {`"type":"campaign.predial","campaign":{"assistantId":"mine"},"contact":{"number":"+14155550103"}`, `{"eligible":true}`, 0},
		"campaign of another":                   {`"type":"campaign.predial","campaign":{"assistantId":"other"},"contact":{"number":"+14155550103"}`, `{"eligible":false}`, 0},
		"campaign of nobody":                    {`"type":"campaign.predial","contact":{"number":"+14155550103"}`, `{"eligible":false}`, 0},
		"report":                                {`"type":"end-of-call-report","call":{"id":"c","assistantId":"mine"}`, `{}`, 1},
		"report of another":                     {`"type":"end-of-call-report","call":{"id":"c","assistantId":"other"}`, forbidden, 0},
		"report by number":                      {`"type":"end-of-call-report","call":{"id":"c"},"phoneNumber":{"number":"+15551230100"}`, `{}`, 1},
		"report by another number":              {`"type":"end-of-call-report","call":{"id":"c"},"phoneNumber":{"number":"+15551230200"}`, forbidden, 0},
		"report of a squad":                     {`"type":"end-of-call-report","call":{"id":"c","squadId":"s"},"artifact":{"assistantActivations":[{"assistantId":"also"},{"assistantId":"other"}]}`, `{}`, 1},
		"report of another squad":               {`"type":"end-of-call-report","call":{"id":"c","squadId":"s"},"artifact":{"assistantActivations":[{"assistantId":"other"},{"assistantId":"also"}]}`, forbidden, 0},
		"report of nobody":                      {`"type":"end-of-call-report","call":{"id":"c"}`, forbidden, 0},
	} {
		s := &memory{objects: map[string]storedObject{}}
		r := &webhook.Receiver{Assistants: &testkit.Assistants{All: all}, Eligibility: everyoneEligible{}, Queue: s,
			Archive: webhook.Archive{Objects: s, Now: time.Now, Count: func(context.Context, string) {}},
			Tools:   toolFunc(func(context.Context, string, json.RawMessage) (string, error) { return "ran", nil })}
		response, err := r.Receive(t.Context(), key, []byte(`{"message":{`+c.message+`}}`))
		got, _ := json.Marshal(response.Body)
		if err != nil {
			got = []byte(fault.From(err).Code)
		}
		if !strings.Contains(string(got), c.want) || strings.Contains(string(got), "secret") || len(s.objects) != c.stored {
			t.Errorf("%s: %s, %d objects; want %s and %d", name, got, len(s.objects), c.want, c.stored)
		}
	}
}

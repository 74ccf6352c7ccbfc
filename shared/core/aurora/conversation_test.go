package aurora_test

import (
	"strings"
	"testing"

	"example.com/aurora/shared/core/aurora"
)

func TestConversation(t *testing.T) {
	said := func(ids ...string) (words []aurora.CallerWords) {
		for _, id := range ids {
			words = append(words, aurora.CallerWords{ID: id, Text: id})
		}
		return words
	}
	messages := []byte(`[]`)
	for _, c := range []struct {
		name   string
		call   aurora.PhoneCall
		stored []aurora.SpokenTurn
		want   string
	}{
		{"nothing", aurora.PhoneCall{}, nil, ""},
		{"a greeting that is not stored yet", aurora.PhoneCall{Spoken: []aurora.SpokenTurn{{Planned: "Hello."}}, Waiting: said("a")}, nil, "assistant:Hello. user:a"},
		{"a stored turn that was interrupted", aurora.PhoneCall{Spoken: []aurora.SpokenTurn{{Generation: 1, Cut: true, Heard: "One"}}},
			[]aurora.SpokenTurn{{Generation: 1, Said: said("a"), Planned: "One two."}}, "user:a assistant:One/One two."},
		{"an interrupted turn that is not stored yet", aurora.PhoneCall{Spoken: []aurora.SpokenTurn{{Generation: 1, Said: said("a"), Cut: true, Heard: "One"}}, Waiting: said("b")},
			nil, "user:a assistant:One user:b"},
		{"turns that are stored out of order", aurora.PhoneCall{}, []aurora.SpokenTurn{{Generation: 4, Said: said("b"), Planned: "2"}, {Generation: 2, Said: said("a"), Planned: "1"}},
			"user:a assistant:1 user:b assistant:2"},
		{"words that two turns answer", aurora.PhoneCall{Waiting: said("a", "c")}, []aurora.SpokenTurn{{Generation: 1, Said: said("a"), Messages: messages}, {Generation: 2, Said: said("a", "b"), Planned: "2"}},
			"user:a assistant: user:b assistant:2 user:c"},
		{"words without an answer", aurora.PhoneCall{}, []aurora.SpokenTurn{{Generation: 1, Said: said("a")}}, "user:a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, turn := range c.call.Conversation(c.stored) {
				entry := turn.Role + ":" + turn.Text
				if turn.Planned != "" {
					entry += "/" + turn.Planned
				}
				got = append(got, entry)
			}
			if all := strings.Join(got, " "); all != c.want {
				t.Errorf("got  %s\nwant %s", all, c.want)
			}
		})
	}
}

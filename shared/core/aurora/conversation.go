package aurora

import (
	"cmp"
	"slices"
)

// The roles of a PhoneTurn.
const (
	PhoneRoleUser      = "user"
	PhoneRoleAssistant = "assistant"
)

// MergeTurns returns the turns of a phone call in order: the stored ones, with what the call's state knows of them. What the
// state says of the words that were heard is newer.
func (c PhoneCall) MergeTurns(stored []SpokenTurn) []SpokenTurn {
	merged := slices.Clone(stored)
	for _, s := range c.Spoken {
		i := slices.IndexFunc(merged, func(t SpokenTurn) bool { return t.Generation == s.Generation })
		if i < 0 {
			merged = append(merged, s)
			continue
		}
		t := &merged[i]
		t.Heard, t.Cut = s.Heard, s.Cut
		t.Said = append(slices.Clone(t.Said), s.Said...)
	}
	slices.SortStableFunc(merged, func(a, b SpokenTurn) int { return cmp.Compare(a.Generation, b.Generation) })
	known := map[string]bool{}
	for i := range merged { // a turn that was interrupted and the next one may both say that they answer the same words
		said := slices.DeleteFunc(slices.Clone(merged[i].Said), func(w CallerWords) bool {
			seen := known[w.ID]
			known[w.ID] = true
			return seen
		})
		slices.SortStableFunc(said, func(a, b CallerWords) int { return a.At.Compare(b.At) })
		merged[i].Said = said
	}
	return merged
}

// UnansweredWords returns the caller's words that none of the turns answers, the oldest first.
func (c PhoneCall) UnansweredWords(turns []SpokenTurn) []CallerWords {
	return slices.DeleteFunc(slices.Clone(c.Waiting), func(w CallerWords) bool {
		return slices.ContainsFunc(turns, func(t SpokenTurn) bool {
			return slices.ContainsFunc(t.Said, func(said CallerWords) bool { return said.ID == w.ID })
		})
	})
}

// Conversation returns all that was said on a call, in order. The assistant's words are those that were heard. stored are the
// turns of the store.
func (c PhoneCall) Conversation(stored []SpokenTurn) []PhoneTurn {
	var turns []PhoneTurn
	merged := c.MergeTurns(stored)
	for _, t := range merged {
		turns = append(turns, userTurns(t.Said, t.Generation)...)
		if t.Planned == "" && t.Heard == "" && len(t.Messages) == 0 {
			continue
		}
		turn := PhoneTurn{Generation: t.Generation, Role: PhoneRoleAssistant, Text: t.Planned, Fillers: t.Fillers, StartedAt: t.StartedAt,
			EndedAt: t.EndedAt, Messages: t.Messages}
		if t.Cut {
			turn.Text, turn.Planned, turn.Cut = t.Heard, t.Planned, true
		}
		turns = append(turns, turn)
	}
	return append(turns, userTurns(c.UnansweredWords(merged), c.Generation)...)
}

func userTurns(words []CallerWords, generation int64) []PhoneTurn {
	var turns []PhoneTurn
	for _, w := range words {
		turns = append(turns, PhoneTurn{Generation: generation, Role: PhoneRoleUser, Text: w.Text, StartedAt: w.At, EndedAt: w.At})
	}
	return turns
}

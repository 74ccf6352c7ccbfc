package report

import (
	"cmp"
	"hash/fnv"
	"slices"
	"strings"

	"example.com/aurora/shared/core/aurora"
)

// Why a call deserves attention, and how much. The weights of all that apply are added; enough is where it begins.
const minScore = 3

var scoreRules = []struct {
	weight int
	reason string
	of     func(c *aurora.Call) bool
}{
	{6, "The call ended in an error.", func(c *aurora.Call) bool {
		return c.Disposition == aurora.DispositionFailed || c.Outcome == aurora.OutcomeError
	}},
	{5, "The caller was unhappy.", func(c *aurora.Call) bool { return c.Sentiment == aurora.SentimentNegative }},
	{4, "The caller's request was not resolved.", func(c *aurora.Call) bool { return c.Outcome == aurora.OutcomeUnresolved }},
	{3, "The call broke off.", func(c *aurora.Call) bool { return c.Outcome == aurora.OutcomeDropped }},
	{3, "Nobody answered the caller.", func(c *aurora.Call) bool {
		return c.Direction == aurora.DirectionInbound && (c.Disposition == aurora.DispositionNoAnswer || c.Disposition == aurora.DispositionBusy)
	}},
	{2, "Something is left to do.", func(c *aurora.Call) bool { return len(c.ActionItems) > 0 }},
}

// score is how much a call deserves attention; 0 where it does not.
func score(c *aurora.Call) (weight int) {
	for _, w := range scoreRules {
		if w.of(c) {
			weight += w.weight
		}
	}
	if weight < minScore {
		return 0
	}
	return weight
}

// reasonsFor says it in words, the weightiest first.
func reasonsFor(c *aurora.Call) []string {
	var reasons []string
	for _, w := range scoreRules {
		if w.of(c) {
			reasons = append(reasons, w.reason)
		}
	}
	return reasons
}

// ranking keeps the calls that most deserve attention.
type ranking struct{ calls []ranked }

type ranked struct {
	score int
	call  aurora.Call
}

func (r *ranking) add(c *aurora.Call) {
	weight := score(c)
	if weight == 0 {
		return
	}
	full := len(r.calls) == aurora.MaxAttention
	if full && compareRanked(ranked{weight, *c}, r.calls[len(r.calls)-1]) >= 0 {
		return
	}
	if full {
		r.calls = r.calls[:len(r.calls)-1]
	}
	at, _ := slices.BinarySearchFunc(r.calls, ranked{weight, *c}, compareRanked)
	r.calls = slices.Insert(r.calls, at, ranked{weight, *c})
}

// compareRanked orders by weight, then the newest first, then by id, so that a report made again is the same.
func compareRanked(a, b ranked) int {
	return cmp.Or(cmp.Compare(b.score, a.score), b.call.CountedAt().Compare(a.call.CountedAt()), strings.Compare(a.call.CallID, b.call.CallID))
}

// sample is a bounded choice of the calls in which somebody spoke, even over the whole window: those whose ids have the
// smallest hashes, whatever order they come in.
type sample struct {
	calls []sampled
}

type sampled struct {
	hash    uint64
	callKey aurora.CallKey
}

func (s *sample) add(c *aurora.Call) {
	if !c.Spoke {
		return
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(c.CallID)) // never fails
	one := sampled{h.Sum64(), c.CallKey}
	at, _ := slices.BinarySearchFunc(s.calls, one, func(a, b sampled) int {
		return cmp.Or(cmp.Compare(a.hash, b.hash), strings.Compare(a.callKey.CallID, b.callKey.CallID))
	})
	if at == sampleSize {
		return
	}
	s.calls = slices.Insert(s.calls, at, one)
	s.calls = s.calls[:min(len(s.calls), sampleSize)]
}

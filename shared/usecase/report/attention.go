package report

import (
	"cmp"
	"hash/fnv"
	"slices"
	"strings"

	"example.com/aurora/shared/core/aurora"
)

// minScore is the score from which a call deserves attention.
const minScore = 3

// scoreRules are the reasons why a call deserves attention, the heaviest first. A call's score is the sum of the weights of
// the rules that apply to it.
var scoreRules = []struct {
	weight  int
	reason  string
	applies func(c *aurora.Call) bool
}{
	{6, "The call ended in an error.", func(c *aurora.Call) bool {
		return c.Disposition == aurora.DispositionFailed || c.Outcome == aurora.OutcomeError
	}},
	{5, "The caller was unhappy.", func(c *aurora.Call) bool { return c.Sentiment == aurora.SentimentNegative }},
	{4, "The caller's request was not resolved.", func(c *aurora.Call) bool { return c.Outcome == aurora.OutcomeUnresolved }},
	{4, "The call was to be transferred, and was not.", func(c *aurora.Call) bool { return c.TransferFailed }},
	{3, "The call broke off.", func(c *aurora.Call) bool { return c.Outcome == aurora.OutcomeDropped }},
	{3, "Nobody answered the caller.", func(c *aurora.Call) bool {
		return c.Direction == aurora.DirectionInbound && (c.Disposition == aurora.DispositionNoAnswer || c.Disposition == aurora.DispositionBusy)
	}},
	{2, "Something is left to do.", func(c *aurora.Call) bool { return len(c.ActionItems) > 0 }},
}

// score returns how much a call deserves attention, or 0 if it does not reach minScore.
func score(c *aurora.Call) (sum int) {
	for _, rule := range scoreRules {
		if rule.applies(c) {
			sum += rule.weight
		}
	}
	if sum < minScore {
		return 0
	}
	return sum
}

// reasonsFor returns the reasons why a call deserves attention, the heaviest first.
func reasonsFor(c *aurora.Call) []string {
	var reasons []string
	for _, rule := range scoreRules {
		if rule.applies(c) {
			reasons = append(reasons, rule.reason)
		}
	}
	return reasons
}

// ranking holds the calls with the highest scores, at most aurora.MaxAttention of them, in the order of compareRanked.
type ranking struct{ calls []ranked }

type ranked struct {
	score int
	call  aurora.Call
}

func (r *ranking) add(c *aurora.Call) {
	one := ranked{score(c), *c}
	if one.score == 0 {
		return
	}
	full := len(r.calls) == aurora.MaxAttention
	if full && compareRanked(one, r.calls[len(r.calls)-1]) >= 0 {
		return
	}
	if full {
		r.calls = r.calls[:len(r.calls)-1]
	}
	at, _ := slices.BinarySearchFunc(r.calls, one, compareRanked)
	r.calls = slices.Insert(r.calls, at, one)
}

// compareRanked orders by score, then by time with the newest first, then by id. The order is total, so that a report that
// is made again lists the same calls.
func compareRanked(a, b ranked) int {
	return cmp.Or(cmp.Compare(b.score, a.score), b.call.CountedAt().Compare(a.call.CountedAt()), strings.Compare(a.call.CallID, b.call.CallID))
}

// sample is a random choice of at most sampleSize calls in which the caller spoke: those whose ids have the smallest
// hashes. The order in which the calls are added does not matter.
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

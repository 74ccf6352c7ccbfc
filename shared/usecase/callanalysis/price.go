package callanalysis

import (
	"math"
	"regexp"
	"slices"
	"sync"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
)

// tokenPrice is the price of a million tokens, in US dollars.
type tokenPrice struct{ prompt, completion float64 }

// prices are OpenAI's prices for its own API, without batches and discounts, as published in November 2026
// (https://developers.openai.com/api/docs/pricing). The lower price of cached prompts is not considered.
var prices = map[string]tokenPrice{
	"gpt-4o":            {2.50, 10},
	"gpt-4o-2024-05-13": {5, 15},
	"gpt-4o-mini":       {0.15, 0.60},
	"gpt-4.1":           {2, 8},
	"gpt-4.1-mini":      {0.40, 1.60},
	"gpt-4.1-nano":      {0.10, 0.40},
	"gpt-5":             {1.25, 10},
	"gpt-5-mini":        {0.25, 2},
	"gpt-5-nano":        {0.05, 0.40},
	"gpt-5.2":           {1.75, 14},
	"gpt-5.4":           {2.50, 15},
	"gpt-5.4-mini":      {0.75, 4.50},
	"o3-mini":           {1.10, 4.40},
	"o4-mini":           {1.10, 4.40},
}

// snapshotSuffix matches the date at the end of a model's name.
var snapshotSuffix = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`-20\d\d-\d\d-\d\d$`)
})

// analysisCost returns the price of the tokens in US dollars. It is nil if the model's price is not known, or if another
// server than OpenAI's may have answered.
func analysisCost(model string, refs []aurora.ModelRef, used agent.Usage) *float64 {
	p, ok := prices[model]
	if !ok {
		p, ok = prices[snapshotSuffix().ReplaceAllString(model, "")]
	}
	otherServer := slices.ContainsFunc(refs, func(r aurora.ModelRef) bool { return r.BaseURL != "" })
	if !ok || otherServer || used.PromptTokens+used.CompletionTokens == 0 {
		return nil
	}
	const steps = 1e8 // dollars to eight decimals: an analysis costs a hundredth of a cent
	dollars := math.Round((float64(used.PromptTokens)*p.prompt+float64(used.CompletionTokens)*p.completion)/1e6*steps) / steps
	return &dollars
}

package callfinder

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"example.com/aurora/shared/core/trace"
	"example.com/aurora/shared/usecase/timeline"
)

// addTraces adds the steps of the records of a call to its history, and the verdict about it.
func (s *search) addTraces(ctx context.Context, c *Call) error {
	var records []trace.Record
	for _, id := range slices.Sorted(maps.Keys(c.ids)) {
		found, err := s.Traces.Traces(ctx, trace.NewKey(id), s.Now())
		if err != nil {
			return err
		}
		for _, r := range found {
			if name := r.Assistant.String(); name == "" || name == c.AssistantID {
				records = append(records, r)
			}
		}
	}
	slices.SortStableFunc(records, func(a, b trace.Record) int { return a.At.Compare(b.At) })
	for i := range records {
		for _, step := range timeline.Steps(&records[i]) {
			c.add(Entry{Time: step.At, Source: "traces " + step.Lane, What: step.What, Detail: stepDetail(step)})
		}
	}
	c.Verdict = timeline.Judge(records).Sentence
	return nil
}

// stepDetail returns what a step has beside its name.
func stepDetail(s timeline.Step) string {
	var parts []string
	if s.Name != "" {
		parts = append(parts, "name="+s.Name)
	}
	if s.Ms != nil {
		parts = append(parts, fmt.Sprintf("ms=%d", *s.Ms))
	}
	if s.Code != "" {
		parts = append(parts, "code="+s.Code)
	}
	return strings.Join(parts, " ")
}

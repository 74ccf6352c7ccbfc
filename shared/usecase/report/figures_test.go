package report

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"reflect"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"example.com/aurora/shared/core/aurora"
)

// fakeCalls is the calls table in memory.
type fakeCalls struct {
	days map[string][]aurora.Call
	size int   // of a batch; all at once where 0
	err  error // after the first batch of the last day
}

func (s *fakeCalls) put(c aurora.Call) {
	if s.days == nil {
		s.days = map[string][]aurora.Call{}
	}
	s.days[c.Partition()] = append(s.days[c.Partition()], c)
}

func (s *fakeCalls) Day(_ context.Context, assistantID, day string) iter.Seq2[[]aurora.Call, error] {
	return func(yield func([]aurora.Call, error) bool) {
		for calls := range slices.Chunk(s.days[assistantID+"#"+day], max(s.size, 1)) {
			if !yield(calls, nil) {
				return
			}
			if s.err != nil {
				yield(nil, s.err)
				return
			}
		}
	}
}

func (s *fakeCalls) Row(_ context.Context, at aurora.CallKey) (aurora.Call, bool, error) {
	for _, c := range s.days[at.Partition()] {
		if c.CallID == at.CallID {
			return c, true, nil
		}
	}
	return aurora.Call{}, false, nil
}

var zones = []string{"UTC", "Europe/Bucharest", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Cairo", "America/Santiago", "Pacific/Kiritimati", "Pacific/Niue"}

func draw[T any](t *rapid.T, name string, of ...T) T { return rapid.SampledFrom(of).Draw(t, name) }

// drawCall draws a call in or near a window. Everything that may be unknown is sometimes unknown.
func drawCall(t *rapid.T, i int, w aurora.Window) aurora.Call {
	span := int64(w.Until.Sub(w.From) / time.Millisecond)
	at := w.Until.Add(-time.Duration(rapid.Int64Range(-span/5, 4*span).Draw(t, "at")) * time.Millisecond).UTC()
	if rapid.IntRange(0, 9).Draw(t, "edge") == 0 {
		at = draw(t, "which", w.From, w.Until, w.Previous().From, w.From.Add(-1), w.Until.Add(-1)).UTC()
	}
	c := aurora.Call{
		CallKey:     aurora.CallKey{AssistantID: "a1", Day: at.Format(time.DateOnly), CallID: fmt.Sprintf("c%d", i)},
		Disposition: draw(t, "class", aurora.DispositionAnswered, aurora.DispositionVoicemail, aurora.DispositionNoAnswer, aurora.DispositionBusy, aurora.DispositionFailed),
		Direction:   draw(t, "direction", aurora.DirectionInbound, aurora.DirectionOutbound, aurora.DirectionWeb, ""),
		Customer:    draw[aurora.Phone](t, "customer", "", "+14155550100", "+14155550101", "+14155550102", "sip:a@example.com", "sip:b@example.com", "+99"),
		EndedReason: draw(t, "reason", "", "customer-ended-call", "voicemail", "=cmd()"),
		Transferred: rapid.Bool().Draw(t, "transferred"),
		Spoke:       rapid.Bool().Draw(t, "spoke"),
	}
	c.Outcome = draw[aurora.Outcome](t, "outcome", "", aurora.OutcomeResolved, aurora.OutcomeUnresolved, aurora.OutcomeDropped)
	c.Sentiment = draw[aurora.Sentiment](t, "sentiment", "", aurora.SentimentPositive, aurora.SentimentNegative)
	c.Topics = rapid.SliceOfN(rapid.SampledFrom([]string{"hours", "prices", "hours", "parking"}), 0, 4).Draw(t, "topics")
	switch rapid.IntRange(0, 3).Draw(t, "known") {
	case 0:
		c.ReportedAt = at
	case 1:
		c.StartedAt, c.ReportedAt = at, at.Add(time.Hour)
	default:
		c.StartedAt, c.EndedAt, c.ReportedAt = at.Add(-time.Hour), at, at.Add(time.Hour)
		if rapid.Bool().Draw(t, "elsewhere") { // first seen by its start, or late
			c.Day = at.AddDate(0, 0, draw(t, "by", -1, 1)).Format(time.DateOnly)
		}
	}
	if rapid.Bool().Draw(t, "length") {
		n := float64(rapid.IntRange(0, 4_000_000).Draw(t, "ms")) / 1e3
		c.Seconds = &n
	}
	if rapid.Bool().Draw(t, "priced") {
		n := float64(rapid.IntRange(0, 2_000_000).Draw(t, "cost")) / 1e6
		c.Cost = &n
	}
	return c
}

// TestFiguresEqualAnIndependentCount draws calls, zones and windows, and compares with countIndependently.
func TestFiguresEqualAnIndependentCount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone, err := time.LoadLocation(draw(t, "zone", zones...))
		if err != nil {
			t.Fatal(err)
		}
		until := time.Unix(rapid.Int64Range(1_760_000_000, 1_830_000_000).Draw(t, "until"), 0)
		w := draw(t, "period", aurora.Weekly, aurora.Monthly).WindowUntil(until, zone)
		s := &fakeCalls{size: rapid.IntRange(1, 5).Draw(t, "batch")}
		var all []aurora.Call
		for i := range rapid.IntRange(0, 60).Draw(t, "calls") {
			c := drawCall(t, i, w)
			all = append(all, c)
			s.put(c)
		}
		stranger := aurora.Call{CallKey: aurora.CallKey{AssistantID: "a2", Day: until.UTC().Format(time.DateOnly), CallID: "x"}, EndedAt: w.From}
		s.put(stranger)
		p := newAggregation(w)
		if err := p.run(t.Context(), s, "a1"); err != nil {
			t.Fatal(err)
		}
		reported, previous := p.figures()
		assertFigures(t, "reported", reported, countIndependently(all, w))
		assertFigures(t, "previous", previous, countIndependently(all, w.Previous()))
	})
}

func assertFigures(t *rapid.T, name string, got, want aurora.Figures) {
	if math.Abs(got.Minutes-want.Minutes) > 0.0051 || math.Abs(got.Cost.Total-want.Cost.Total) > 1e-7 {
		t.Fatalf("%s: %v minutes and %v dollars, want %v and %v", name, got.Minutes, got.Cost.Total, want.Minutes, want.Cost.Total)
	}
	got.Minutes, got.Cost.Total = want.Minutes, want.Cost.Total
	if !reflect.DeepEqual(got, want) {
		a, _ := json.Marshal(got)
		b, _ := json.Marshal(want)
		t.Fatalf("%s: got\n%s\nwant\n%s", name, a, b)
	}
	if got.Calls.Answered+got.Calls.Voicemail+got.Calls.Failed != got.Calls.Total {
		t.Fatalf("%s: answered, voicemail and failed do not add up to the total: %+v", name, got.Calls)
	}
}

// countIndependently counts in another way than the code: from lists and texts, one figure at a time.
func countIndependently(all []aurora.Call, w aurora.Window) aurora.Figures {
	zone := w.From.Location()
	when := func(c aurora.Call) time.Time {
		if !c.EndedAt.IsZero() {
			return c.EndedAt
		}
		if !c.StartedAt.IsZero() {
			return c.StartedAt
		}
		return c.ReportedAt
	}
	within := func(w aurora.Window) (in []aurora.Call) {
		for _, c := range all {
			if at := when(c).UnixNano(); at >= w.From.UnixNano() && at < w.Until.UnixNano() {
				in = append(in, c)
			}
		}
		return in
	}
	calls := within(w)
	number := func(is func(aurora.Call) bool) int {
		return len(slices.DeleteFunc(slices.Clone(calls), func(c aurora.Call) bool { return !is(c) }))
	}
	f := aurora.Figures{Cost: aurora.CostFigures{Currency: "USD"}, Outcomes: map[aurora.Outcome]int{}, Sentiment: map[aurora.Sentiment]int{}, EndedReasons: map[string]int{}, Topics: []aurora.TopicFigure{}}
	f.Calls = aurora.CallFigures{Total: len(calls),
		Answered:  number(func(c aurora.Call) bool { return c.Disposition == "answered" }),
		Voicemail: number(func(c aurora.Call) bool { return c.Disposition == "voicemail" }),
		Failed: number(func(c aurora.Call) bool {
			return c.Disposition == "failed" || c.Disposition == "busy" || c.Disposition == "no-answer"
		}),
		Inbound:     number(func(c aurora.Call) bool { return c.Direction == "inbound" }),
		Outbound:    number(func(c aurora.Call) bool { return c.Direction == "outbound" }),
		Transferred: number(func(c aurora.Call) bool { return c.Transferred })}
	var lengths []float64
	topics := map[string]int{}
	for _, c := range calls {
		if c.Seconds != nil {
			lengths = append(lengths, *c.Seconds)
			f.Minutes += *c.Seconds / 60
		}
		if c.Cost == nil {
			f.Cost.UnknownCalls++
		} else {
			f.Cost.Total += *c.Cost
		}
		if c.Outcome != "" {
			f.Outcomes[c.Outcome]++
		}
		if c.Sentiment != "" {
			f.Sentiment[c.Sentiment]++
		}
		if c.EndedReason == "" {
			f.EndedReasons["unknown"]++
		} else {
			f.EndedReasons[c.EndedReason]++
		}
		once := map[string]bool{}
		for _, topic := range c.Topics {
			once[topic] = true
		}
		for topic := range once {
			topics[topic]++
		}
	}
	if n := len(lengths); n > 0 {
		sort.Float64s(lengths)
		sum := 0.0
		for _, l := range lengths {
			sum += l
		}
		rank := func(q float64) int { return int(math.Round(lengths[int(math.Ceil(q*float64(n)))-1])) }
		f.DurationSeconds = aurora.DurationFigures{Average: int(math.Round(math.Round(sum*1e3) / 1e3 / float64(n))), Median: rank(0.5), P90: rank(0.9)}
	}
	who := func(calls []aurora.Call) map[aurora.Phone]bool {
		set := map[aurora.Phone]bool{}
		for _, c := range calls {
			if c.Customer != "" {
				set[c.Customer] = true
			}
		}
		return set
	}
	now, earlier := who(calls), who(within(w.Previous()))
	f.Callers.Unique = len(now)
	for n := range now {
		if earlier[n] {
			f.Callers.Returning++
		}
	}
	for _, topic := range slices.Sorted(maps.Keys(topics)) {
		f.Topics = append(f.Topics, aurora.TopicFigure{Topic: topic, Calls: topics[topic]})
	}
	sort.SliceStable(f.Topics, func(i, j int) bool { return f.Topics[i].Calls > f.Topics[j].Calls })
	dates := []string{}
	for at := w.From; at.Before(w.Until); at = at.Add(10 * time.Minute) {
		if date := at.Format(time.DateOnly); !slices.Contains(dates, date) {
			dates = append(dates, date)
		}
	}
	if date := w.Until.Add(-time.Minute).Format(time.DateOnly); !slices.Contains(dates, date) {
		dates = append(dates, date)
	}
	for _, date := range dates {
		f.ByDay = append(f.ByDay, aurora.DayFigure{Date: date, Calls: number(func(c aurora.Call) bool { return when(c).In(zone).Format(time.DateOnly) == date })})
	}
	for d, name := range []string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"} {
		for h := range 24 {
			want := fmt.Sprintf("%s %02d", name, h)
			f.ByHour[d][h] = number(func(c aurora.Call) bool { return when(c).In(zone).Format("Monday 15") == want })
		}
	}
	return f
}

func TestPercentileIsNearestRank(t *testing.T) {
	for _, c := range []struct {
		lengths     []int
		median, p90 int
	}{
		{nil, 0, 0}, {[]int{7}, 7, 7}, {[]int{1, 9}, 1, 9}, {[]int{1, 2, 3}, 2, 3}, {[]int{15, 20, 35, 40, 50}, 35, 50},
		{[]int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 5, 9}, {[]int{5, 5, 5, 5, 5, 5, 5, 5, 5, 60}, 5, 5}, {[]int{5, 5, 5, 5, 5, 5, 5, 5, 60, 60}, 5, 60},
	} {
		y := newTally(aurora.Weekly.WindowUntil(time.Unix(1_795_000_000, 0), time.UTC))
		for _, l := range c.lengths {
			n := float64(l)
			y.add(&aurora.Call{Seconds: &n, EndedAt: y.window.From})
		}
		if f := y.figures(aurora.CallerFigures{}); f.DurationSeconds.Median != c.median || f.DurationSeconds.P90 != c.p90 {
			t.Errorf("lengths %v give %+v, want median %d and 90th percentile %d", c.lengths, f.DurationSeconds, c.median, c.p90)
		}
	}
}

// Names from outside must not fill the memory: only maxNames of them are counted.
func TestNamesAreBounded(t *testing.T) {
	y := newTally(aurora.Weekly.WindowUntil(time.Unix(1_795_000_000, 0), time.UTC))
	for i := range 3 * maxNames {
		y.add(&aurora.Call{EndedAt: y.window.From, EndedReason: fmt.Sprint("r", i), Analysis: aurora.Analysis{Topics: []string{fmt.Sprint("t", i)}}})
	}
	f := y.figures(aurora.CallerFigures{})
	if len(f.EndedReasons) != maxNames+1 || f.EndedReasons["other"] != 2*maxNames || len(y.topics) != maxNames || len(f.Topics) != aurora.MaxTopics {
		t.Errorf("%d reasons (%d other), %d topics, %d shown", len(f.EndedReasons), f.EndedReasons["other"], len(y.topics), len(f.Topics))
	}
}

func TestReadErrors(t *testing.T) {
	w := aurora.Weekly.WindowUntil(time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC), time.UTC)
	s := &fakeCalls{err: errors.New("throttled")}
	s.put(aurora.Call{CallKey: aurora.CallKey{AssistantID: "a1", Day: "2026-11-18", CallID: "c"}})
	if err := newAggregation(w).run(t.Context(), s, "a1"); err == nil || !strings.Contains(err.Error(), "2026-11-18: throttled") {
		t.Errorf("the error is %v, want one that names the day", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := newAggregation(w).run(ctx, &fakeCalls{}, "a1"); !errors.Is(err, context.Canceled) {
		t.Errorf("the error after cancel is %v", err)
	}
	if err := newAggregation(w).run(t.Context(), panickingCalls{}, "a1"); err == nil || !strings.Contains(err.Error(), "panic: no") {
		t.Errorf("the error after a panic is %v", err)
	}
}

type panickingCalls struct{ Calls }

func (panickingCalls) Day(context.Context, string, string) iter.Seq2[[]aurora.Call, error] {
	panic("no")
}

func TestAttentionAndSampleDoNotDependOnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := aurora.Weekly.WindowUntil(time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC), time.UTC)
		var calls []aurora.Call
		for i := range rapid.IntRange(0, 80).Draw(t, "calls") {
			calls = append(calls, drawCall(t, i, w))
		}
		see := func(calls []aurora.Call) (ids []string) {
			var r ranking
			var s sample
			for i := range calls {
				r.add(&calls[i])
				s.add(&calls[i])
			}
			for _, c := range r.calls {
				ids = append(ids, c.call.CallID)
			}
			for _, c := range s.calls {
				ids = append(ids, c.callKey.CallID)
			}
			if len(r.calls) > aurora.MaxAttention || len(s.calls) > sampleSize {
				t.Fatalf("%d calls for attention and %d in the sample, want at most %d and %d", len(r.calls), len(s.calls), aurora.MaxAttention, sampleSize)
			}
			return ids
		}
		if a, b := see(calls), see(rapid.Permutation(calls).Draw(t, "order")); !slices.Equal(a, b) {
			t.Fatalf("in one order\n%v\nin another\n%v", a, b)
		}
	})
}

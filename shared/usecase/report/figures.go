package report

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"

	"example.com/aurora/shared/core/aurora"
)

const (
	// currency is the one in which providers bill calls.
	currency = "USD"
	// unknownReason counts the calls without an ended reason.
	unknownReason = "unknown"
	// otherReason counts the calls whose ended reason is new after maxNames others.
	otherReason = "other"
	// maxNames bounds how many different ended reasons and topics are counted, and so the memory: both come from outside.
	maxNames = 10_000
)

// tally counts the calls of one window.
type tally struct {
	window   aurora.Window
	days     map[int]int // indexes of byDay, by dateKey
	byDay    []aurora.DayFigure
	byHour   [7][24]int
	calls    aurora.CallFigures
	withheld int // calls whose caller withheld the number

	milliseconds   int64       // of all calls with a known length
	callsBySeconds map[int]int // calls by their length in whole seconds
	knownLengths   int         // calls with a known length
	microdollars   int64
	unpriced       int // calls without a known cost

	outcomes  map[aurora.Outcome]int
	sentiment map[aurora.Sentiment]int
	reasons   map[string]int
	topics    map[string]int
}

func newTally(w aurora.Window) *tally {
	t := &tally{window: w, days: map[int]int{}, callsBySeconds: map[int]int{}, outcomes: map[aurora.Outcome]int{},
		sentiment: map[aurora.Sentiment]int{}, reasons: map[string]int{}, topics: map[string]int{}}
	for _, date := range w.Dates() {
		t.days[parseDateKey(date)] = len(t.byDay)
		t.byDay = append(t.byDay, aurora.DayFigure{Date: date})
	}
	return t
}

// dateKey returns a date as one number, such as 20261122: a map with numbers as keys is faster than one with texts.
func dateKey(year, month, day int) int { return (year*100+month)*100 + day }

// parseDateKey returns the dateKey of YYYY-MM-DD.
func parseDateKey(date string) int {
	key := 0
	for i := range len(date) {
		if date[i] != '-' {
			key = key*10 + int(date[i]-'0')
		}
	}
	return key
}

// add counts a call that ended in the window.
func (t *tally) add(c *aurora.Call) {
	t.calls.Total++
	switch c.Disposition {
	case aurora.DispositionAnswered:
		t.calls.Answered++
	case aurora.DispositionVoicemail:
		t.calls.Voicemail++
	default: // failed, busy, no answer; and the dispositions of a later version
		t.calls.Failed++
	}
	switch c.Direction {
	case aurora.DirectionInbound:
		t.calls.Inbound++
	case aurora.DirectionOutbound:
		t.calls.Outbound++
	}
	if c.Transferred {
		t.calls.Transferred++
	}
	if c.IsWithheld() {
		t.withheld++
	}
	if c.Seconds != nil {
		t.milliseconds += int64(math.Round(*c.Seconds * 1e3))
		t.callsBySeconds[int(math.Round(*c.Seconds))]++
		t.knownLengths++
	}
	if c.Cost != nil {
		t.microdollars += int64(math.Round(*c.Cost * 1e6))
	} else {
		t.unpriced++
	}
	if c.Outcome != "" {
		t.outcomes[c.Outcome]++
	}
	if c.Sentiment != "" {
		t.sentiment[c.Sentiment]++
	}
	countName(t.reasons, cmp.Or(c.EndedReason, unknownReason), otherReason)
	for i, topic := range c.Topics {
		if !slices.Contains(c.Topics[:i], topic) {
			countName(t.topics, topic, "")
		}
	}
	at := c.CountedAt().In(t.window.From.Location())
	year, month, day := at.Date()
	if i, ok := t.days[dateKey(year, int(month), day)]; ok {
		t.byDay[i].Calls++
	}
	t.byHour[(int(at.Weekday())+6)%7][at.Hour()]++
}

// countName counts a name. A new name after maxNames others is counted as other, or not at all if other is empty.
func countName(names map[string]int, name, other string) {
	if _, known := names[name]; !known && len(names) >= maxNames {
		name = other
	}
	if name != "" {
		names[name]++
	}
}

// figures returns what was counted.
func (t *tally) figures(callers aurora.CallerFigures) aurora.Figures {
	f := aurora.Figures{Calls: t.calls, Minutes: math.Round(float64(t.milliseconds)/600) / 100,
		Cost:    aurora.CostFigures{Total: float64(t.microdollars) / 1e6, Currency: currency, UnknownCalls: t.unpriced},
		Callers: aurora.CallerFigures{Unique: callers.Unique, Returning: callers.Returning, Withheld: t.withheld}, Outcomes: t.outcomes, Sentiment: t.sentiment, EndedReasons: t.reasons,
		ByDay: t.byDay, ByHour: t.byHour, Topics: []aurora.TopicFigure{}}
	if t.knownLengths > 0 {
		f.DurationSeconds.Average = int(math.Round(float64(t.milliseconds) / 1e3 / float64(t.knownLengths)))
	}
	seconds := slices.Sorted(maps.Keys(t.callsBySeconds))
	f.DurationSeconds.Median, f.DurationSeconds.P90 = t.percentile(seconds, 50), t.percentile(seconds, 90)
	for topic, calls := range t.topics {
		f.Topics = append(f.Topics, aurora.TopicFigure{Topic: topic, Calls: calls})
	}
	slices.SortFunc(f.Topics, func(a, b aurora.TopicFigure) int {
		return cmp.Or(cmp.Compare(b.Calls, a.Calls), strings.Compare(a.Topic, b.Topic))
	})
	f.Topics = f.Topics[:min(len(f.Topics), aurora.MaxTopics)]
	return f
}

// percentile returns the nearest-rank percentile of the lengths: the shortest length for which at least percent % of the
// calls are no longer. seconds are the different lengths in ascending order.
func (t *tally) percentile(seconds []int, percent int) int {
	rank := (t.knownLengths*percent + 99) / 100
	for _, s := range seconds {
		if rank -= t.callsBySeconds[s]; rank <= 0 {
			return s
		}
	}
	return 0
}

// callers holds who called in which of the windows. Phone numbers are stored as integers, so that a million different ones
// take eight bytes each in a map.
type callers struct {
	numbers map[uint64]windows
	others  map[string]windows // SIP addresses and the like
}

// windows is a set of windows, one bit for each.
type windows uint8

const (
	inReported windows = 1 << iota
	inPrevious
	inBefore
)

func newCallers() *callers {
	return &callers{numbers: map[uint64]windows{}, others: map[string]windows{}}
}

func (c *callers) add(who aurora.Phone, when windows) {
	if who == "" {
		return
	}
	if n, ok := parseE164(string(who)); ok {
		if seen := c.numbers[n]; seen&when == 0 {
			c.numbers[n] = seen | when
		}
		return
	}
	c.others[string(who)] |= when
}

// parseE164 returns the digits of an E.164 number, which is a plus and up to fifteen digits, as one integer.
func parseE164(s string) (n uint64, ok bool) {
	if len(s) < 2 || len(s) > 16 || s[0] != '+' || s[1] == '0' {
		return 0, false
	}
	for i := 1; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + uint64(s[i]-'0')
	}
	return n, true
}

// figures returns how many called in a window, and how many of these also called in the one before it.
func (c *callers) figures(in, before windows) (f aurora.CallerFigures) {
	count := func(w windows) {
		if w&in != 0 {
			f.Unique++
			if w&before != 0 {
				f.Returning++
			}
		}
	}
	for _, w := range c.numbers {
		count(w)
	}
	for _, w := range c.others {
		count(w)
	}
	return f
}

package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"example.com/aurora/shared/dev/fakeopenai"
)

// sentCall is a call that a test has generated: what reports must say about it, found without any of the tested code.
type sentCall struct {
	id, assistant, reason, direction, customer string
	ended                                      time.Time
	seconds, cost                              *float64
	transferred                                bool
	outcome, sentiment                         string
	topics                                     []string
	summarized                                 bool // the report has a summary and extracted data with the call's id
}

var (
	caseOf     = regexp.MustCompile(`case (\d+) of the test`)
	classNames = map[string]string{"customer-ended-call": "answered", "assistant-said-end-call-phrase": "answered", "assistant-forwarded-call": "answered", "silence-timed-out": "answered",
		"voicemail": "voicemail", "customer-did-not-answer": "failed", "customer-busy": "failed",
		"call.in-progress.error-providerfault-custom-llm-500-server-error": "failed"}
	outcomeNames   = []string{"resolved", "unresolved", "dropped"}
	sentimentNames = []string{"positive", "neutral", "negative"}
	topicNames     = []string{"opening hours", "prices", "parking", "insurance", "<b>bold</b>", "=1+1"}
	hostileTexts   = []string{"<script>window.__hacked=1</script>", "=HYPERLINK(\"https://evil.example.com\",\"x\")", "\u202eright to left", "a\u0000b\u001b[31m", "</style><img src=x onerror=alert(1)>",
		"{{ assistant_name }}", "@SUM(A1:A9)", "+cmd|' /C calc'!A0", "Zoë 👩‍🚀 " + strings.Repeat("long", 60)}
)

// analysed returns what the model answers about a case.
func analysed(n int) (outcome, sentiment string, topics []string) {
	for i, topic := range topicNames {
		if n%(i+2) == 0 {
			topics = append(topics, topic)
		}
	}
	return outcomeNames[n%3], sentimentNames[n/3%3], topics[:min(len(topics), 5)]
}

// reportsModel analyses calls by their case. Its narratives have one true sentence and one with a made-up number.
func reportsModel(_ int, r fakeopenai.Request) fakeopenai.Answer {
	said := ""
	for _, m := range r.Body.Messages {
		said += m.Content + "\n"
	}
	m := caseOf.FindStringSubmatch(said)
	if r.Body.ResponseFormat == nil || m == nil {
		return fakeopenai.Text("The assistant was busy. ", "There were 987654 calls.")
	}
	n, _ := strconv.Atoi(m[1])
	outcome, sentiment, topics := analysed(n)
	b, _ := json.Marshal(map[string]any{"summary": "Asked about " + hostileTexts[n%len(hostileTexts)], "outcome": outcome, "sentiment": sentiment, "topics": append([]string{}, topics...), "actionItems": []string{}})
	return fakeopenai.Text(string(b))
}

// randomCall generates a call and its end-of-call report, in the API document's format or in Vapi's.
func randomCall(r *rand.Rand, n int, assistant string, ended time.Time) (sentCall, string) {
	c := sentCall{id: fmt.Sprintf("made-%04d", n), assistant: assistant, ended: ended.Truncate(time.Second), customer: fmt.Sprintf("+14155550%03d", 100+r.IntN(100)),
		direction: []string{"inbound", "outbound"}[r.IntN(2)], reason: slices.Sorted(maps.Keys(classNames))[r.IntN(len(classNames))]}
	spoke := classNames[c.reason] == "answered" && r.IntN(5) > 0
	if r.IntN(4) > 0 {
		s := float64(r.IntN(600_000)) / 1000
		c.seconds = &s
	}
	if r.IntN(4) > 0 {
		d := float64(r.IntN(5_000)) / 10_000
		c.cost = &d
	}
	c.transferred = c.reason == "assistant-forwarded-call"
	switch {
	case c.transferred:
		c.outcome = "transferred"
	case classNames[c.reason] == "voicemail":
		c.outcome = "voicemail"
	case c.reason == "customer-did-not-answer", c.reason == "customer-busy":
		c.outcome = "no answer"
	case classNames[c.reason] == "failed":
		c.outcome = "error"
	case !spoke && n%3 > 0: // the others have no transcript, so it is not known what happened
		c.outcome = "dropped"
	}
	message := map[string]any{"type": "end-of-call-report", "endedReason": c.reason, "timestamp": c.ended.UnixMilli()}
	call := map[string]any{"id": c.id, "assistantId": assistant, "type": c.direction + "PhoneCall", "customer": map[string]any{"number": c.customer, "name": hostileTexts[n%len(hostileTexts)]}}
	message["call"] = call
	if spoke {
		outcome, sentiment, topics := analysed(n)
		if c.outcome == "" {
			c.outcome = outcome
		}
		c.sentiment, c.topics = sentiment, topics
		message["messages"] = []any{map[string]any{"role": "assistant", "content": "Hello"},
			map[string]any{"role": "user", "content": fmt.Sprintf("This is case %d of the test %s", n, hostileTexts[n%len(hostileTexts)])}}
	}
	if c.outcome == "dropped" && !spoke {
		message["messages"] = []any{map[string]any{"role": "assistant", "content": "Hello"}}
	}
	if c.summarized = !spoke && n%4 == 0; c.summarized {
		message["analysis"] = map[string]any{"summary": hostileTexts[n%len(hostileTexts)] + " " + c.id, "structuredData": map[string]any{c.id: hostileTexts[n%len(hostileTexts)]}}
	}
	if n%2 == 0 { // Vapi's format
		message["endedAt"] = c.ended.Format(time.RFC3339)
		if c.seconds != nil {
			message["durationSeconds"], message["startedAt"] = *c.seconds, c.ended.Add(-time.Duration(*c.seconds*1e9)).Format(time.RFC3339Nano)
		}
		if c.cost != nil {
			message["cost"] = *c.cost
		}
	} else { // the API document's format: the timestamp is the end, and numbers are strings
		message["timestamp"] = c.ended.Format(time.RFC3339)
		if c.seconds != nil {
			call["duration"] = strconv.FormatFloat(*c.seconds, 'f', -1, 64)
		}
		if c.cost != nil {
			call["cost"] = strconv.FormatFloat(*c.cost, 'f', -1, 64)
		}
	}
	b, _ := json.Marshal(map[string]any{"message": message})
	return c, string(b)
}

// corpusCalls are the calls of the corpus, read by hand.
func corpusCalls() []sentCall {
	at := func(s string) time.Time { t, _ := time.Parse(time.RFC3339, s); return t }
	f := func(n float64) *float64 { return &n }
	return []sentCall{
		{id: "CAbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", assistant: riley, reason: "customer-ended-call", direction: "inbound", customer: "+15557654321", ended: at("2026-11-18T15:04:44Z"), seconds: f(21.07), cost: f(0.0385)},
		{id: "6a4a10c1-e6b9-47bb-a577-933d598cc013", assistant: riley, reason: "assistant-said-end-call-phrase", direction: "inbound", customer: "+15557654321", ended: at("2026-11-18T15:04:42.704Z"), seconds: f(29.4), cost: f(0.0542), outcome: "resolved"},
		{id: "7a3b2daf-8486-4f1f-a515-d7ccbd19503c", assistant: riley, reason: "call.in-progress.error-providerfault-custom-llm-500-server-error", direction: "inbound", customer: "+15557654321", ended: at("2026-11-18T15:04:22.204Z"), seconds: f(9), cost: f(0.0157)},
		{id: "93c3bbef-fba9-4812-a4f6-48566a44cbf6", assistant: avery, reason: "customer-did-not-answer", direction: "outbound", customer: "+15559876543", ended: at("2026-11-18T15:04:35.204Z"), cost: f(0), outcome: "no answer"},
		{id: "d1824310-8e05-412d-ade9-1bc562cc4ff8", assistant: avery, reason: "voicemail", direction: "outbound", customer: "+15559876543", ended: at("2026-11-18T15:04:53.204Z"), seconds: f(31), cost: f(0.0414), outcome: "voicemail"},
	}
}

// figuresOf counts the figures of a report from what was sent, in the form of decoded JSON.
func figuresOf(all []sentCall, assistant string, from, until, before time.Time, zone *time.Location) map[string]any {
	var calls []sentCall
	earlier := map[string]bool{}
	for _, c := range all {
		switch {
		case c.assistant != assistant:
		case !c.ended.Before(from) && c.ended.Before(until):
			calls = append(calls, c)
		case !c.ended.Before(before) && c.ended.Before(from):
			earlier[c.customer] = true
		}
	}
	n, reasons, outcomes, sentiment, topics, days := map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}
	var hours [7][24]int
	var lengths []float64
	seconds, cost, unknown := 0.0, 0.0, 0
	unique := map[string]bool{}
	for _, c := range calls {
		n["total"]++
		n[classNames[c.reason]]++
		n[c.direction]++
		if c.transferred {
			n["transferred"]++
		}
		reasons[c.reason]++
		if c.outcome != "" {
			outcomes[c.outcome]++
		}
		if c.sentiment != "" {
			sentiment[c.sentiment]++
		}
		for _, topic := range c.topics {
			topics[topic]++
		}
		if c.seconds != nil {
			lengths = append(lengths, *c.seconds)
			seconds += *c.seconds
		}
		if c.cost == nil {
			unknown++
		} else {
			cost += *c.cost
		}
		unique[c.customer] = true
		days[c.ended.In(zone).Format("2006-01-02")]++
		hours[(int(c.ended.In(zone).Weekday())+6)%7][c.ended.In(zone).Hour()]++
	}
	returning := 0
	for customer := range unique {
		if earlier[customer] {
			returning++
		}
	}
	sort.Float64s(lengths)
	rank := func(q float64) float64 {
		if len(lengths) == 0 {
			return 0
		}
		return math.Round(lengths[int(math.Ceil(q*float64(len(lengths))))-1])
	}
	average := 0.0
	if len(lengths) > 0 {
		average = math.Round(seconds / float64(len(lengths)))
	}
	byDay := []any{}
	for day := from; day.Before(until); day = day.AddDate(0, 0, 1) {
		date := day.Format("2006-01-02")
		byDay = append(byDay, map[string]any{"date": date, "calls": days[date]})
	}
	names := slices.SortedFunc(maps.Keys(topics), func(a, b string) int {
		if topics[a] != topics[b] {
			return topics[b] - topics[a]
		}
		return strings.Compare(a, b)
	})
	list := []any{}
	for _, name := range names {
		list = append(list, map[string]any{"topic": name, "calls": topics[name]})
	}
	return asJSON(map[string]any{
		"calls": map[string]int{"total": n["total"], "answered": n["answered"], "voicemail": n["voicemail"], "failed": n["failed"], "inbound": n["inbound"], "outbound": n["outbound"],
			"transferred": n["transferred"]},
		"minutes": math.Round(seconds/60*100) / 100, "cost": map[string]any{"total": math.Round(cost*1e6) / 1e6, "currency": "USD", "unknownCalls": unknown},
		"durationSeconds": map[string]float64{"average": average, "median": rank(0.5), "p90": rank(0.9)},
		"callers":         map[string]int{"unique": len(unique), "returning": returning, "withheld": 0.0},
		"outcomes":        outcomes, "sentiment": sentiment, "endedReasons": reasons, "topics": list, "byDay": byDay, "byHour": hours,
	})
}

func asJSON(v any) (out map[string]any) {
	b, _ := json.Marshal(v)
	_ = json.Unmarshal(b, &out)
	return out
}

package bench

import (
	"fmt"
	"slices"
	"strings"
)

// Target is a performance target and the measured value.
type Target struct {
	What    string `json:"what"`
	Wanted  string `json:"wanted"`
	Found   string `json:"found"`
	Reached bool   `json:"reached"`
}

// phoneTableFunctions link the phone number tables, which every start has to read.
var phoneTableFunctions = []string{"webhook", "outbound-call-uat", "hyperscale-outbound-call", "outbound-call-status", "chat-completions-sms", "call-worker"}

// evaluateTargets compares a run with the targets. A target that was not measured is not reached.
func evaluateTargets(r Results) []Target {
	var all []Target
	atMost := func(what, unit string, limit, found float64, of string) {
		t := Target{What: what, Wanted: fmt.Sprintf("≤ %s%s", formatFigure(limit), unit), Found: "not measured"}
		if found >= 0 {
			t.Found, t.Reached = formatFigure(found)+unit, found <= limit
			if of != "" {
				t.Found += " (" + of + ")"
			}
		}
		all = append(all, t)
	}
	for _, g := range []struct {
		what  string
		limit float64
		in    func(name string) bool
	}{
		{"cold start by a bare function's: authorizers", 2.0, isAuthorizer},
		{"cold start by a bare function's: those with phone number tables", 5.0, hasTables},
		{"cold start by a bare function's: every other", 2.5, func(name string) bool { return !isAuthorizer(name) && !hasTables(name) }},
	} {
		worst, of := -1.0, ""
		for _, c := range r.Cold[min(1, len(r.Cold)):] {
			if g.in(c.Function) && c.Ratio > worst {
				worst, of = c.Ratio, c.Function
			}
		}
		atMost(g.what, "", g.limit, worst, of)
	}
	alone, rival, both, rivals := findTurn(r.Turns, wayURL, 1), findTurn(r.Turns, wayRival, 1), findTurn(r.Turns, wayURL, concurrentTurns), findTurn(r.Turns, wayRival, concurrentTurns)
	atMost("added to the first byte, function URL, one at a time", " ms", 1.0, orMissing(alone.First, alone.AddedFirst), "")
	atMost("the same, by what @openai/agents adds", "", 1.0/3, ratio(alone, rival), "")
	atMost("added to the first byte, function URL, 16 at once, by what @openai/agents adds", "", 0.1, ratio(both, rivals), "")
	atMost(fmt.Sprintf("memory of a chat function after %d turns", r.ChatTurns), " MB", 32, orMissing(float64(r.ChatResidentKB), float64(r.ChatResidentKB)/1024), "")
	allocations := -1.0
	for _, m := range r.Micro {
		if m.Name == "StreamToken" {
			allocations = m.Values["allocs/op"]
		}
	}
	atMost("allocations a streamed token, in our own path", "", 2, allocations, "")
	largest, growth := largestGrowth(r.Reports)
	atMost("report of 1,000,000 calls, processor time", " s", 10, largest.CPUSeconds, "")
	atMost("report of 1,000,000 calls, peak memory", " MB", 256, largest.PeakMB, "")
	atMost("growth of a report's time by that of its calls, from 10,000 to 1,000,000", "", 1.25, growth, "")
	atMost("make run to ready, everything built", " s", 3, orMissing(r.ReadySeconds, r.ReadySeconds), "")
	return append(all, memoryTarget(r.Costs))
}

// largestGrowth returns the report of a million calls, and the growth of its time from ten thousand calls divided by the
// growth of the calls. With fewer calls, fixed costs dominate the time. The growth is negative if it was not measured.
func largestGrowth(all []Report) (largest Report, growth float64) {
	largest, growth = Report{CPUSeconds: -1, PeakMB: -1}, -1
	var base Report
	for _, r := range all {
		switch r.Calls {
		case 10_000:
			base = r
		case 1_000_000:
			largest = r
		}
	}
	if base.CPUSeconds > 0 && largest.CPUSeconds > 0 {
		growth = largest.CPUSeconds / base.CPUSeconds / 100
	}
	return largest, growth
}

// memoryTarget checks that every function has the cheapest memory size in the template, or a reason for another one.
func memoryTarget(all []Cost) Target {
	t := Target{What: "memory sizes in the template", Wanted: "the cheapest, or a reason"}
	var wrong, reasons []string
	for _, c := range all {
		switch {
		case strings.Contains(c.Function, ","), c.Memory == c.Cheapest: // an entry for one size of report is not a function
		case c.SizeReason == "":
			wrong = append(wrong, fmt.Sprintf("%s has %d MB, want %d", c.Function, c.Memory, c.Cheapest))
		default:
			reasons = append(reasons, c.Function)
		}
	}
	t.Reached, t.Found = len(wrong) == 0 && len(all) > 0, "the cheapest"
	switch {
	case len(wrong) > 0:
		t.Found = strings.Join(wrong, ", ")
	case len(all) == 0:
		t.Found = "not measured"
	case len(reasons) > 0:
		t.Found = "the cheapest; for a reason not: " + strings.Join(reasons, ", ")
	}
	return t
}

func isAuthorizer(name string) bool { return strings.HasPrefix(name, "authorizer-") }
func hasTables(name string) bool    { return slices.Contains(phoneTableFunctions, name) }

// orMissing returns value, or -1 if nothing was measured.
func orMissing(there, figure float64) float64 {
	if there == 0 {
		return -1
	}
	return figure
}

func ratio(ours, theirs Turn) float64 {
	if ours.First == 0 || theirs.AddedFirst <= 0 {
		return -1
	}
	return max(0, ours.AddedFirst/theirs.AddedFirst)
}

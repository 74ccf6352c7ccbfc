package bench

import (
	"math"
	"time"
)

// Cost is the cost of a million events of a function.
type Cost struct {
	Function string `json:"function"`
	// CPU and Wait are the parts of its duration in milliseconds: CPU time, which a small memory size stretches, and waiting.
	CPU    float64 `json:"cpuMs"`
	Wait   float64 `json:"waitMs"`
	PeakMB float64 `json:"peakMB"`
	// Memory is the size in the template, and Lambda the cost of the function with it. Stores are DynamoDB, S3, SQS, mails, logs and traces.
	Memory int     `json:"memoryMB"`
	Lambda float64 `json:"lambdaUSD"`
	Stores float64 `json:"storesUSD"`
	// Cheapest is the cheapest size with enough memory.
	Cheapest       int     `json:"cheapestMB"`
	CheapestLambda float64 `json:"cheapestLambdaUSD"`
	// Busy is the duration of CPU at each size in milliseconds; First is the part before the first word.
	Busy  []float64 `json:"busyMs"`
	First []float64 `json:"firstMs,omitempty"`
	// SizeReason is the reason for a size other than the cheapest.
	SizeReason string `json:"kept,omitempty"`
}

// sizeReasons are the reasons for sizes other than the cheapest, by function.
var sizeReasons = map[string]string{
	"chat-completions-voice": "a caller waits for the first word, and a small size stretches the work before it",
	"voice-relay":            "the same; what is measured here is a handshake, and the turns are in the table of first words",
	"voice-worker":           "it goes on with turns of phone calls, for which a caller waits",
	"webhook":                "an end-of-call report may have 5 MB, and the largest one here has 3.9 MB",
	"call-worker":            "a batch may hold eight reports of 5 MB, and here not all eight came together",
}

// wallTime returns the duration of CPU milliseconds at a memory size.
func wallTime(cpu float64, memory int) float64 { return cpu * max(1, fullProcessor/float64(memory)) }

// lambdaCost returns the cost of an invocation. AWS rounds the duration up to a millisecond.
func lambdaCost(cpu, wait float64, memory int) float64 {
	ms := math.Ceil(wallTime(cpu, memory) + wait)
	return perInvocation + ms/1000*float64(memory)/1024*perGBSecond
}

// cheapest returns the cheapest size with so many MB, or the largest size.
func cheapest(cpu, wait, peak float64) int {
	best := 0
	for _, m := range memorySizes {
		if float64(m) >= roomOverMemory*peak && (best == 0 || lambdaCost(cpu, wait, m) < lambdaCost(cpu, wait, best)) {
			best = m
		}
	}
	if best == 0 {
		best = memorySizes[len(memorySizes)-1]
	}
	return best
}

// waitTime returns the milliseconds that an event waits for AWS, one request after the other.
func waitTime(uses Usage) float64 {
	var sum float64
	for what, n := range uses {
		sum += n * float64(serviceWaits[what]) / float64(time.Millisecond)
	}
	return sum
}

// storesCost returns the cost of an event in other services.
func storesCost(uses Usage) float64 {
	sum := traced * perTrace
	for what, n := range uses {
		sum += n * unitPrices[what]
	}
	return sum
}

// computeCosts returns the costs of every function, and of reports by their number of calls.
func computeCosts(r Results) []Cost {
	var all []Cost
	for _, w := range r.Warm {
		c := Cost{Function: w.Function, CPU: w.CPU, PeakMB: float64(peakOf(r, w)) / 1024, Memory: w.Memory}
		if isStreaming(w.Function) && len(r.Turns) > 0 {
			for _, m := range memorySizes {
				c.First = append(c.First, wallTime(findTurn(r.Turns, wayURL, 1).CPUFirst, m))
			}
		}
		all = append(all, addPrices(c, w.Usage))
	}
	for _, report := range r.Reports {
		if w, ok := warmOf(r, "report-worker"); ok {
			all = append(all, addPrices(Cost{Function: "report-worker, of " + formatCount(report.Calls) + " calls", CPU: w.CPU + 1000*report.CPUSeconds,
				PeakMB: max(report.PeakMB, float64(w.PeakKB)/1024), Memory: w.Memory}, addRowReads(w.Usage, report.Calls)))
		}
	}
	return all
}

// rowKB is the size of a call row in the index that reports read.
const rowKB = 0.7

// addRowReads adds the reading of a report's calls: those of its window, and as many in each of the two before, in pages of
// a megabyte, with eventually consistent reads at half a unit for 4 KB. Eight days are read at once.
func addRowReads(uses Usage, calls int) Usage {
	all := Usage{}
	for what, n := range uses {
		all[what] = n
	}
	kb := 3 * float64(calls) * rowKB
	all[useReads] += kb / 4 / 2
	all[useDynamo] += kb / 1024 / 8
	return all
}

func isStreaming(function string) bool {
	return function == "chat-completions" || function == "chat-completions-voice"
}

func addPrices(c Cost, uses Usage) Cost {
	c.Wait, c.Stores = waitTime(uses), 1e6*storesCost(uses)
	c.Lambda = 1e6 * lambdaCost(c.CPU, c.Wait, c.Memory)
	c.Cheapest = cheapest(c.CPU, c.Wait, c.PeakMB)
	c.CheapestLambda = 1e6 * lambdaCost(c.CPU, c.Wait, c.Cheapest)
	for _, m := range memorySizes {
		c.Busy = append(c.Busy, wallTime(c.CPU, m))
	}
	if c.Cheapest != c.Memory {
		c.SizeReason = sizeReasons[c.Function]
	}
	return c
}

// peakOf returns the maximum memory of a function in KB. Reports have their own benchmark for it.
func peakOf(r Results, w Warm) int64 {
	kb := w.PeakKB
	if w.Function == "report-worker" || w.Function == "aurora-report" {
		for _, report := range r.Reports {
			kb = max(kb, int64(report.PeakMB*1024))
		}
	}
	return kb
}

func warmOf(r Results, function string) (Warm, bool) {
	for _, w := range r.Warm {
		if w.Function == function {
			return w, true
		}
	}
	return Warm{}, false
}

func findTurn(turns []Turn, way string, atOnce int) Turn {
	for _, t := range turns {
		if t.Way == way && t.AtOnce == atOnce {
			return t
		}
	}
	return Turn{}
}

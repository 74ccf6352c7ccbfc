package bench

import (
	"math"
	"time"
)

// Cost is what a million pieces of a function's work cost.
type Cost struct {
	Function string `json:"function"`
	// CPU and Wait make up its time: the processor's milliseconds, which a small size stretches, and those that it waits.
	CPU    float64 `json:"cpuMs"`
	Wait   float64 `json:"waitMs"`
	PeakMB float64 `json:"peakMB"`
	// Memory is the template's, and Lambda what the function costs there. Stores are DynamoDB, S3, SQS, mails, logs and traces.
	Memory int     `json:"memoryMB"`
	Lambda float64 `json:"lambdaUSD"`
	Stores float64 `json:"storesUSD"`
	// Cheapest is the cheapest size whose memory suffices.
	Cheapest       int     `json:"cheapestMB"`
	CheapestLambda float64 `json:"cheapestLambdaUSD"`
	// Busy is how long CPU takes at each of the sizes, in milliseconds; First the same of what comes before the first word.
	Busy  []float64 `json:"busyMs"`
	First []float64 `json:"firstMs,omitempty"`
	// Kept says why the template has another size than the cheapest.
	SizeReason string `json:"kept,omitempty"`
}

// sizeReasons are the functions whose size is not the cheapest, and why.
var sizeReasons = map[string]string{
	"chat-completions-voice": "a caller waits for the first word, and a small size stretches the work before it",
	"call-worker":            "a batch may hold eight reports of 5 MB, and here not all eight came together",
}

// wallTime is how long so many milliseconds of a whole processor take at a size.
func wallTime(cpu float64, memory int) float64 { return cpu * max(1, fullProcessor/float64(memory)) }

// lambdaCost is what one invocation costs. AWS rounds up to the millisecond.
func lambdaCost(cpu, wait float64, memory int) float64 {
	ms := math.Ceil(wallTime(cpu, memory) + wait)
	return perInvocation + ms/1000*float64(memory)/1024*perGBSecond
}

// cheapest is the cheapest size that has room for so many MB; the largest where none has.
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

// waitTime is how long a piece of work waits on AWS, one thing after the other, in milliseconds.
func waitTime(uses Usage) float64 {
	var sum float64
	for what, n := range uses {
		sum += n * float64(serviceWaits[what]) / float64(time.Millisecond)
	}
	return sum
}

// storesCost is what it uses beside Lambda.
func storesCost(uses Usage) float64 {
	sum := traced * perTrace
	for what, n := range uses {
		sum += n * unitPrices[what]
	}
	return sum
}

// computeCosts are every function's, and those of reports by their calls.
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

// rowKB is a call's row as reports read it.
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

// peakOf is the most memory that a function was seen to hold, in KB. Reports have a benchmark of their own for it.
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

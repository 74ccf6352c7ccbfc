package bench

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Million is an estimate for a million calls a day, computed from the measured figures.
type Million struct {
	Assumed []string `json:"assumed"`
	Limits  []Limit  `json:"limits"` // the first limit to be reached is first
	Bill    []Line   `json:"bill"`
	Dollars float64  `json:"dollarsADay"`
}

// Limit is an AWS limit and the need at peak.
type Limit struct {
	What       string  `json:"what"`
	Need       float64 `json:"need"`
	Limit      float64 `json:"limit"`
	Headroom   float64 `json:"headroom"` // Limit divided by Need: below 1 it is exceeded
	Arithmetic string  `json:"arithmetic"`
}

// Line is a line of a day's bill.
type Line struct {
	What       string  `json:"what"`
	Arithmetic string  `json:"arithmetic"`
	Dollars    float64 `json:"dollars"`
}

// A day of a million calls.
const (
	dailyCalls      = 1e6
	peakFactor      = 5.0 // times the average
	turnsPerCall    = 10.0
	messagesPerCall = 4.0 // assistant-request, two status-updates, end-of-call-report
	assistantCount  = 1000.0
	retentionDays   = 400.0
	reportKB        = 10.0

	accountConcurrency = 1000.0   // a region's default, which AWS can raise
	gatewayRate        = 10_000.0 // requests a second, a region's default, can be raised
	throttleRate       = 100.0    // ThrottleRate, the template's default
	keyTurns           = 100.0    // LimitChatTurnsPerMinute, the template's default, a second
	partitionWrites    = 1000.0   // units a second that one partition key takes
	partitionReads     = 3000.0
	prefixPuts         = 3500.0
	tableWrites        = 40_000.0 // units a second, a table's default on demand, can be raised
	streamQueue        = 120_000.0
)

// estimateMillion computes the estimate. workers and batch are call-worker's MaximumConcurrency and batch size.
func estimateMillion(r Results, workers, batch int) Million {
	second := dailyCalls / 86400
	top := peakFactor * second
	m := Million{Assumed: []string{
		fmt.Sprintf("%.1f calls a second on average, %.1f at the peak (%.0f times as many)", second, top, peakFactor),
		fmt.Sprintf("%.0f turns a call, by voice at the function URL; each waits %.0f s for its model", turnsPerCall, serviceWaits[useModel].Seconds()),
		fmt.Sprintf("%.0f messages a call at the webhook, behind REST and its authorizer", messagesPerCall),
		fmt.Sprintf("%.0f assistants with a weekly report each; rows and reports (%.0f KB) are stored for %.0f days", assistantCount, reportKB, retentionDays),
		"no free tier, no discounts; the model, the telephone and what leaves AWS are not in it",
	}}
	voice, hook, authorizer, worker, maker := costOf(r, "chat-completions-voice"), costOf(r, "webhook"), costOf(r, "authorizer-webhook"), costOf(r, "call-worker"), costOf(r, "report-worker")
	concurrency := func(c Cost, rate float64) float64 { return rate * (wallTime(c.CPU, c.Memory) + c.Wait) / 1000 }
	row, uses := rowUnits(r), usageOf(r, "call-worker")

	voices, hooks, authorizers, works := concurrency(voice, top*turnsPerCall), concurrency(hook, top*messagesPerCall), concurrency(authorizer, top*messagesPerCall), concurrency(worker, top)
	limit := func(what string, need, limit float64, arithmetic string, args ...any) {
		m.Limits = append(m.Limits, Limit{what, need, limit, limit / need, fmt.Sprintf(arithmetic, args...)})
	}
	limit("Lambda: processes at once in the account", voices+hooks+authorizers+works, accountConcurrency,
		"turns %.1f/s × %.2f s = %.0f, webhook %.1f/s × %.3f s = %.0f, its authorizer %.0f, call-worker %.1f/s × %.2f s = %.0f",
		top*turnsPerCall, durationSeconds(voice), voices, top*messagesPerCall, durationSeconds(hook), hooks, authorizers, top, durationSeconds(worker), works)
	limit("the API's ThrottleRate, as the template has it", top*messagesPerCall, throttleRate, "%.1f calls/s × %.0f messages; turns do not pass the gateway", top, messagesPerCall)
	limit("the chat turns of one key, as the template limits them", top*turnsPerCall, keyTurns, "%.1f calls/s × %.0f turns, if one key serves all calls", top, turnsPerCall)
	limit("API Gateway: requests a second in the account", top*messagesPerCall, gatewayRate, "the same")
	limit("call-worker: messages at once", top*durationSeconds(worker), float64(workers*batch), "%.1f calls/s × %.2f s, against MaximumConcurrency %d × BatchSize %d; a peak waits in the queue, the average needs %.0f", top, durationSeconds(worker), workers, batch, second*durationSeconds(worker))
	limit("DynamoDB: one assistant's day, if all calls were one assistant's", top*row, partitionWrites, "%.1f calls/s × %.1f units for the row; other assistants, and the ledger's call#… keys, have partitions of their own", top, row)
	limit("DynamoDB: units written a second to a table", top*uses[useWrites], tableWrites, "%.1f calls/s × %.1f units, all tables as if they were one", top, uses[useWrites])
	limit("DynamoDB: an assistant's configuration, read once in 30 s by every process", voices/30, partitionReads, "%.0f processes / 30 s", voices)
	limit("S3: PUTs a second under one prefix, eoc/<assistant>/<day>", top, prefixPuts, "one PUT a call, if all calls were one assistant's")
	limit("SQS: messages in flight", top*durationSeconds(worker), streamQueue, "%.1f/s × %.2f s", top, durationSeconds(worker))
	slices.SortStableFunc(m.Limits, func(a, b Limit) int { return cmp.Compare(a.Headroom, b.Headroom) })

	bill := func(what string, dollars float64, arithmetic string, args ...any) {
		m.Bill = append(m.Bill, Line{what, fmt.Sprintf(arithmetic, args...), dollars})
		m.Dollars += dollars
	}
	each := func(what string, c Cost, times float64) {
		bill(what, times*(c.Lambda+c.Stores)/1e6, "%.0f million × ($%.2f Lambda at %d MB + $%.2f stores, logs and traces)", times/1e6, c.Lambda, c.Memory, c.Stores)
	}
	each("turns", voice, dailyCalls*turnsPerCall)
	each("webhook", hook, dailyCalls*messagesPerCall)
	each("its authorizer", authorizer, dailyCalls*messagesPerCall)
	bill("API Gateway", dailyCalls*messagesPerCall*perREST, "%.0f million × $%.2f", messagesPerCall, perREST*1e6)
	each("call-worker", worker, dailyCalls)
	bill("SQS between S3 and call-worker", 3*dailyCalls*perMessage, "3 requests a call × $%.2f a million", perMessage*1e6)
	each7 := interpolateReport(maker, usageOf(r, "report-worker"), r.Reports, int(7*dailyCalls/assistantCount))
	bill("weekly reports", assistantCount/7*(each7.Lambda+each7.Stores)/1e6, "%.0f a day × $%.4f, each of %s calls", assistantCount/7, (each7.Lambda+each7.Stores)/1e6, formatCount(int(7*dailyCalls/assistantCount)))
	bill("storage of rows at the full retention period", dailyCalls*retentionDays*2*row/2/(1<<20)*perRowGBMonth/monthDays, "%.0f million × %.1f KB, twice with the index, × $%.2f a GB and month", retentionDays, row/2, perRowGBMonth)
	bill("reports in the bucket, the same", dailyCalls*retentionDays*reportKB/(1<<20)*perGBMonth/monthDays, "%.0f million × %.0f KB × $%.3f a GB and month", retentionDays, reportKB, perGBMonth)
	bill("secrets", (voices+hooks+authorizers+works)/peakFactor*1440*2*perSecret, "%.0f processes on average × 1,440 minutes × 2 × $%.2f for 10,000", (voices+hooks+authorizers+works)/peakFactor, perSecret*1e4)
	return m
}

func durationSeconds(c Cost) float64 { return (wallTime(c.CPU, c.Memory) + c.Wait) / 1000 }

// rowUnits returns the write units of a call's row on its partition, over all its writes.
func rowUnits(r Results) float64 { return math.Max(usageOf(r, "call-worker")[useRow], 1) }

func usageOf(r Results, function string) Usage {
	w, _ := warmOf(r, function)
	return w.Usage
}

func costOf(r Results, function string) Cost {
	for _, c := range r.Costs {
		if c.Function == function {
			return c
		}
	}
	return Cost{Memory: fullProcessor}
}

// interpolateReport returns the cost of a report of so many calls, interpolated between the measured ones.
func interpolateReport(maker Cost, uses Usage, measured []Report, calls int) Cost {
	c := maker
	for _, r := range measured {
		if r.Calls >= calls {
			c.CPU += 1000 * r.CPUSeconds * float64(calls) / float64(r.Calls)
			break
		}
	}
	return addPrices(c, addRowReads(uses, calls))
}

package report

import (
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
)

// generatedCalls is a calls table with the same number of calls on every day, which are generated while they are read.
type generatedCalls struct{ perDay int }

const rowsPerPage = 1500 // rows of some 700 bytes in DynamoDB's megabyte

func (g generatedCalls) Day(_ context.Context, assistantID, day string) iter.Seq2[[]aurora.Call, error] {
	return func(yield func([]aurora.Call, error) bool) {
		begins, err := time.Parse(time.DateOnly, day)
		if err != nil {
			yield(nil, err)
			return
		}
		for first := 0; first < g.perDay; first += rowsPerPage {
			batch := make([]aurora.Call, min(rowsPerPage, g.perDay-first))
			for i := range batch {
				batch[i] = g.call(assistantID, day, begins, first+i)
			}
			if !yield(batch, nil) {
				return
			}
		}
	}
}

var (
	classes    = []aurora.Disposition{aurora.DispositionAnswered, aurora.DispositionAnswered, aurora.DispositionAnswered, aurora.DispositionVoicemail, aurora.DispositionNoAnswer, aurora.DispositionFailed}
	reasons    = []string{"customer-ended-call", "assistant-ended-call", "silence-timed-out", "voicemail", "customer-did-not-answer", "pipeline-error-openai-llm-failed"}
	outcomes   = []aurora.Outcome{aurora.OutcomeResolved, aurora.OutcomeResolved, aurora.OutcomeUnresolved, aurora.OutcomeVoicemail, aurora.OutcomeNoAnswer, aurora.OutcomeError}
	sentiments = []aurora.Sentiment{aurora.SentimentPositive, aurora.SentimentNeutral, aurora.SentimentNegative}
	subjects   = []string{"opening hours", "appointment", "prices", "parking", "insurance", "billing", "cancellation"}
)

func (g generatedCalls) call(assistantID, day string, begins time.Time, n int) aurora.Call {
	seconds, cost := float64(20+n%400)+0.3, 0.01+float64(n%90)/1000
	ended := begins.Add(time.Duration(n) * (24 * time.Hour / time.Duration(g.perDay)))
	who := uint64(4155550000 + (uint64(n)*2654435761+uint64(begins.Unix()))%1_000_000_000)
	return aurora.Call{
		CallKey: aurora.CallKey{AssistantID: assistantID, Day: day, CallID: day + "-" + strconv.Itoa(n)}, Version: "1",
		StartedAt: ended.Add(-time.Duration(seconds) * time.Second), EndedAt: ended, Seconds: &seconds, Cost: &cost,
		Disposition: classes[n%6], EndedReason: reasons[n%6], Direction: aurora.DirectionInbound, Customer: aurora.Phone("+1" + strconv.FormatUint(who, 10)), Spoke: n%6 < 3,
		Analysis: aurora.Analysis{Outcome: outcomes[n%6], Sentiment: sentiments[n%3], Topics: []string{subjects[n%7], subjects[(n+3)%7]}},
	}
}

func (generatedCalls) Row(context.Context, aurora.CallKey) (aurora.Call, bool, error) {
	return aurora.Call{}, false, nil
}

// BenchmarkFigures aggregates one report: the calls of its month, as many in each of the two months before, and report.csv.
// cpu-s and peak-MB are those of the whole process, so run one size at a time:
// go test -run '^$' -bench Figures/1000000 -benchtime 1x ./shared/usecase/report
func BenchmarkFigures(b *testing.B) {
	debug.SetMemoryLimit(200 << 20) // the functions' GOMEMLIMIT is as far below their memory size
	w := aurora.Monthly.WindowUntil(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), time.UTC)
	days := w.Until.Sub(w.From).Hours() / 24
	for _, calls := range []int{1_000, 10_000, 100_000, 1_000_000} {
		b.Run(strconv.Itoa(calls), func(b *testing.B) {
			before := cpuTime(b)
			for b.Loop() {
				a := newAggregation(w)
				file := newCSVSorter(NewCSV(io.Discard, time.UTC))
				a.onCall = file.add
				if err := a.run(b.Context(), generatedCalls{int(float64(calls) / days)}, "a1"); err != nil {
					b.Fatal(err)
				}
				if err := file.flush(); err != nil {
					b.Fatal(err)
				}
				if f, _ := a.figures(); f.Calls.Total < calls*9/10 {
					b.Fatalf("only %d were counted", f.Calls.Total)
				}
			}
			b.ReportMetric((cpuTime(b)-before).Seconds()/float64(b.N), "cpu-s/op")
			b.ReportMetric(peakMemory(b), "peak-MB")
		})
	}
}

// cpuTime returns the processor time that this process has used.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// peakMemory returns the highest memory use of this process in MB, or 0 if the system does not report it.
func peakMemory(b *testing.B) float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, found := strings.CutPrefix(line, "VmHWM:"); found {
			var kb float64
			if _, err := fmt.Sscan(rest, &kb); err != nil {
				b.Fatal(err)
			}
			return kb / 1024
		}
	}
	return 0
}

package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// Turn is the measured latency of a chat turn by one way, in milliseconds.
type Turn struct {
	Way    string `json:"way"`
	AtOnce int    `json:"atOnce"` // turns that start at the same moment
	// First and End are the medians of the times until the first content and the end. P99s are by nearest rank. Added is the
	// median minus that of the direct way.
	First      float64 `json:"firstMs"`
	FirstP99   float64 `json:"firstP99Ms"`
	End        float64 `json:"endMs"`
	EndP99     float64 `json:"endP99Ms"`
	AddedFirst float64 `json:"addedFirstMs"`
	AddedEnd   float64 `json:"addedEndMs"`
	// CPU is the processor time of a turn in milliseconds, of the function's processes or the rival's. It is 0 for the direct
	// way. CPUFirst is the part until the first content.
	CPU      float64 `json:"cpuMs"`
	CPUFirst float64 `json:"cpuFirstMs,omitempty"`
}

// way is an address that takes a chat turn.
type way struct {
	name, url, key string
	body           []byte
	pids           func() []int // the processes that do the work
}

const (
	concurrentTurns = 16
	turnTimeout     = 30 * time.Second
)

// lane is a way with its measurements.
type lane struct {
	way
	client     *http.Client
	first, end []float64
	cpu        time.Duration
}

// measureWays measures every way, first with sequential turns, then with sixteen concurrent ones. The ways alternate from
// round to round, so that a busy moment of the machine affects all of them. The first way is the direct one.
func measureWays(ctx context.Context, ways []way, alone, rounds int) ([]Turn, error) {
	var all []Turn
	for _, atOnce := range []int{1, concurrentTurns} {
		lanes := make([]*lane, len(ways))
		for i, w := range ways {
			lanes[i] = &lane{way: w, client: &http.Client{Timeout: turnTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: atOnce, DisableCompression: true}}}
			defer lanes[i].client.CloseIdleConnections()
		}
		n, warm := alone, 5
		if atOnce > 1 {
			n, warm = rounds, 2
		}
		for round := range n + warm {
			for _, l := range lanes {
				if err := l.round(ctx, atOnce, round >= warm); err != nil {
					return nil, fmt.Errorf("%s: %w", l.name, err)
				}
			}
		}
		for _, l := range lanes {
			t := Turn{Way: l.name, AtOnce: atOnce, First: median(l.first), FirstP99: percentile(l.first, 99), End: median(l.end), EndP99: percentile(l.end, 99),
				CPU: milliseconds(l.cpu) / float64(len(l.first))}
			t.AddedFirst, t.AddedEnd = t.First-median(lanes[0].first), t.End-median(lanes[0].end)
			all = append(all, t)
		}
	}
	return all, nil
}

// round runs this many concurrent turns. The first rounds do not count, because processes start, connections open and
// just-in-time compilers work.
func (l *lane) round(ctx context.Context, atOnce int, counts bool) error {
	var mu sync.Mutex
	var failed []error
	var wg sync.WaitGroup
	before := l.cpuTime()
	begin := make(chan struct{})
	for range atOnce {
		wg.Go(func() {
			<-begin
			first, end, err := measureTurn(ctx, l.client, l.way, nil)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = append(failed, err)
			} else if counts {
				l.first, l.end = append(l.first, milliseconds(first)), append(l.end, milliseconds(end))
			}
		})
	}
	close(begin)
	wg.Wait()
	if counts {
		l.cpu += l.cpuTime() - before
	}
	return errors.Join(failed...)
}

func (l *lane) cpuTime() time.Duration {
	if l.pids == nil {
		return 0
	}
	return cpuOf(l.pids())
}

// firstCPU returns the median processor time of this many turns until the first content, in milliseconds. Reading it takes
// time, so these turns do not count for the latencies.
func firstCPU(ctx context.Context, w way, turns int) (float64, error) {
	client := &http.Client{Timeout: turnTimeout}
	defer client.CloseIdleConnections()
	var all []float64
	for range turns {
		pids := w.pids()
		before, then := cpuOf(pids), time.Duration(0)
		if _, _, err := measureTurn(ctx, client, w, func() { then = cpuOf(pids) }); err != nil {
			return 0, err
		}
		all = append(all, milliseconds(then-before))
	}
	return median(all), nil
}

// measureTurn posts a turn and reads the stream to its end.
func measureTurn(ctx context.Context, client *http.Client, w way, atFirst func()) (first, end time.Duration, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(w.body))
	if err != nil {
		return 0, 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+w.key)
	began := time.Now()
	resp, err := client.Do(r)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(resp.Body)
		return 0, 0, fmt.Errorf("%s: %.300s", resp.Status, body)
	}
	lines := bufio.NewReader(resp.Body)
	words := 0
	for {
		line, err := lines.ReadSlice('\n')
		if bytes.Contains(line, []byte(`"content":"word`)) {
			if words++; words == 1 {
				first = time.Since(began)
				if atFirst != nil {
					atFirst()
				}
			}
		}
		if bytes.HasPrefix(line, []byte("data: [DONE]")) {
			end = time.Since(began)
			if words != Tokens {
				return 0, 0, fmt.Errorf("the stream had %d of %d words", words, Tokens)
			}
			_, err = io.Copy(io.Discard, lines)
			return first, end, err
		}
		if err != nil {
			return 0, 0, fmt.Errorf("the stream ended early: %w", err)
		}
	}
}

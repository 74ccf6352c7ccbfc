package bench

import (
	"bytes"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"example.com/aurora/shared/dev/testkit"
)

func TestPercentile(t *testing.T) {
	t.Parallel()
	hundred := make([]float64, 100)
	for i := range hundred {
		hundred[i] = float64(100 - i)
	}
	for _, c := range []struct {
		of      []float64
		percent int
		want    float64
	}{{nil, 50, 0}, {[]float64{7}, 99, 7}, {[]float64{3, 1, 2}, 50, 2}, {[]float64{4, 1, 3, 2}, 50, 2}, {hundred, 99, 99}, {hundred, 50, 50}, {hundred, 100, 100}} {
		if got := percentile(c.of, c.percent); got != c.want {
			t.Errorf("percentile %d of %d values is %v, want %v", c.percent, len(c.of), got, c.want)
		}
	}
}

func TestParseBench(t *testing.T) {
	t.Parallel()
	found := parseBench(`goos: linux
BenchmarkStreamToken-2   	  100000	       333.1 ns/op	      53 B/op	       0 allocs/op
BenchmarkFigures/1000000         	       1	3990376488 ns/op	         5.422 cpu-s/op	       201.1 peak-MB
BenchmarkBroken	x
PASS
`)
	if len(found) != 2 || found[0].Name != "StreamToken" || found[0].Runs != 100_000 || found[0].Values["B/op"] != 53 || found[0].Values["ns/op"] != 333.1 ||
		found[1].Name != "Figures/1000000" || found[1].Values["cpu-s/op"] != 5.422 || found[1].Values["peak-MB"] != 201.1 {
		t.Errorf("parsed %+v; want both benchmarks with their values", found)
	}
}

// A function that mostly waits is cheapest with the smallest size. CPU time costs the same at every size up to a full
// processor.
func TestCheapest(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cpu, wait, peak float64
		want            int
	}{
		"waits":               {10, 3000, 27, 128},
		"waits, and is large": {10, 3000, 103, 256},
		"just fits":           {10, 3000, 128 / 1.5, 128},
		"just does not":       {10, 3000, 128/1.5 + 1, 256},
		"fits nowhere":        {10, 3000, 4000, 1769},
		"works a moment":      {0.1, 0, 10, 128},
	} {
		if got := cheapest(c.cpu, c.wait, c.peak); got != c.want {
			t.Errorf("%s: cheapest size %d MB, want %d", name, got, c.want)
		}
	}
	// 100 ms of a processor at 128 MB are 1,382.04 ms, billed as 1,383: 0.172875 GB-seconds.
	if got, want := lambdaCost(100, 0, 128), 0.2/1e6+0.172875*0.0000133334; math.Abs(got-want) > 1e-12 {
		t.Errorf("the invocation costs %.12f dollars, want %.12f", got, want)
	}
	if slow, fast := lambdaCost(1000, 0, 128), lambdaCost(1000, 0, 1769); math.Abs(slow/fast-1) > 0.001 {
		t.Errorf("a second of CPU costs %.9f dollars at 128 MB and %.9f at 1769 MB; want the same", slow, fast)
	}
}

func TestStoresAndWaiting(t *testing.T) {
	t.Parallel()
	uses := Usage{useWrites: 3, useReads: 2, useDynamo: 4, usePut: 1, useModel: 1, useLogs: 1 << 30}
	if got, want := storesCost(uses), 0.05*5e-6+3*0.625e-6+2*0.125e-6+0.005/1000+0.5; math.Abs(got-want) > 1e-12 {
		t.Errorf("the stores cost %.9f dollars, want %.9f", got, want)
	}
	if got := waitTime(uses); got != 4*4+30+3000 {
		t.Errorf("the waiting time is %v ms, want 3046", got)
	}
	for what := range unitPrices {
		if what != useReads && what != useWrites && what != useLogs && serviceWaits[what] == 0 {
			t.Errorf("%s has a price but no waiting time", what)
		}
	}
}

// sample returns a run in which every target is just reached.
func sample() Results {
	return Results{
		Cold: []Cold{{Function: "bare", NextMs: 3, Ratio: 1}, {Function: "authorizer-bearer", Ratio: 2}, {Function: "webhook", Ratio: 5}, {Function: "report-view", Ratio: 2.5}},
		Turns: []Turn{{Way: wayURL, AtOnce: 1, First: 1.3, AddedFirst: 1, CPUFirst: 1.5}, {Way: wayRival, AtOnce: 1, First: 4, AddedFirst: 3},
			{Way: wayURL, AtOnce: concurrentTurns, First: 5, AddedFirst: 4}, {Way: wayRival, AtOnce: concurrentTurns, First: 41, AddedFirst: 40}},
		ChatResidentKB: 32 << 10, ChatTurns: 100, ReadySeconds: 3,
		Micro:   []Micro{{Name: "StreamToken", Values: map[string]float64{"allocs/op": 2}}},
		Reports: []Report{{Calls: 10_000, CPUSeconds: 0.09, PeakMB: 17}, {Calls: 1_000_000, CPUSeconds: 10, PeakMB: 256}},
		Warm: []Warm{{Function: "chat-completions-voice", Memory: 512, CPU: 20, PeakKB: 27 << 10, Usage: Usage{useModel: 1}},
			{Function: "webhook", Memory: 256, CPU: 2, PeakKB: 104 << 10, Usage: Usage{usePut: 1}}, {Function: "authorizer-webhook", Memory: 128, CPU: 0.4, PeakKB: 11 << 10},
			{Function: "call-worker", Memory: 256, CPU: 8, PeakKB: 72 << 10, Usage: Usage{useWrites: 4, useRow: 3, useDynamo: 8, useModel: 1, usePut: 1, useGet: 1}},
			{Function: "report-worker", Memory: 512, CPU: 40, PeakKB: 33 << 10, Usage: Usage{useModel: 1}}},
	}
}

func TestTargets(t *testing.T) {
	t.Parallel()
	r := sample()
	r.Costs = computeCosts(r)
	reached := evaluateTargets(r)
	if len(reached) != 13 {
		t.Errorf("%d targets, want 13", len(reached))
	}
	for _, x := range reached {
		if !x.Reached {
			t.Errorf("a target that was just reached counts as missed: %+v", x)
		}
	}
	for _, x := range evaluateTargets(Results{}) {
		if x.Reached || x.Found != "not measured" {
			t.Errorf("without measurements: %+v; want it not reached and not measured", x)
		}
	}
	for name, spoil := range map[string]func(*Results){
		"authorizers":         func(r *Results) { r.Cold[1].Ratio = 2.01 },
		"phone number tables": func(r *Results) { r.Cold[2].Ratio = 5.01 },
		"every other":         func(r *Results) { r.Cold[3].Ratio = 2.51 },
		"one at a time":       func(r *Results) { r.Turns[0].AddedFirst, r.Turns[1].AddedFirst = 1.01, 9 },
		"the same":            func(r *Results) { r.Turns[1].AddedFirst = 2.9 },
		"16 at once":          func(r *Results) { r.Turns[3].AddedFirst = 39 },
		"memory of a chat":    func(r *Results) { r.ChatResidentKB++ },
		"allocations":         func(r *Results) { r.Micro[0].Values["allocs/op"] = 2.01 },
		"processor time":      func(r *Results) { r.Reports[1].CPUSeconds = 10.01 },
		"peak memory":         func(r *Results) { r.Reports[1].PeakMB = 257 },
		"growth":              func(r *Results) { r.Reports[0].CPUSeconds = 0.079 },
		"make run":            func(r *Results) { r.ReadySeconds = 3.01 },
		"memory sizes":        func(r *Results) { r.Warm[2].Memory = 256 },
	} {
		r := sample()
		spoil(&r)
		r.Costs = computeCosts(r)
		var missed []string
		for _, x := range evaluateTargets(r) {
			if !x.Reached {
				missed = append(missed, x.What)
			}
		}
		if len(missed) != 1 || !strings.Contains(missed[0], name) {
			t.Errorf("%s: the missed targets are %q, want this one", name, missed)
		}
	}
}

// The limit that is reached first comes first, and the bill is the sum of its lines.
func TestMillion(t *testing.T) {
	t.Parallel()
	r := sample()
	r.Costs = computeCosts(r)
	m := estimateMillion(r, 10, 8)
	sum := 0.0
	for _, l := range m.Bill {
		if l.Dollars <= 0 || math.IsNaN(l.Dollars) || math.IsInf(l.Dollars, 0) {
			t.Errorf("a line of the bill has no valid price: %+v", l)
		}
		sum += l.Dollars
	}
	if math.Abs(sum-m.Dollars) > 1e-9 {
		t.Errorf("the bill is %v dollars, and its lines add up to %v", m.Dollars, sum)
	}
	for i, l := range m.Limits {
		if i > 0 && l.Headroom < m.Limits[i-1].Headroom || l.Need <= 0 {
			t.Errorf("limit %d is out of order or has no need: %+v", i, l)
		}
		// 1,000,000 / 86,400 × 5 × 3 units
		if strings.Contains(l.What, "one assistant's day") && math.Abs(l.Need-173.61) > 0.01 {
			t.Errorf("the writes of one assistant's day: %+v, want a need of 173.61", l)
		}
	}
	if m.Limits[0].Headroom > 0.5 || !strings.Contains(m.Limits[0].What, "chat turns of one key") {
		t.Errorf("the first limit is %+v, want the chat turns of one key", m.Limits[0])
	}
	if text := renderMarkdown(r); !strings.Contains(text, "| function URL ") || strings.Contains(text, "%!") || strings.Contains(text, "NaN") {
		t.Errorf("the tables lack a row or have an invalid number:\n%s", text)
	}
}

func TestFormatFigure(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]string{0: "0.00", 0.333: "0.33", 9.994: "9.99", 42.64: "42.6", 123.4: "123", 1234.5: "1,235", 1e6: "1,000,000", -1234: "-1,234"} {
		if got := formatFigure(v); got != want {
			t.Errorf("%v is formatted as %s, want %s", v, got, want)
		}
	}
}

func TestReplaceMarked(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "README.md")
	if err := os.WriteFile(path, []byte("before\n"+markStart+"old\n"+markEnd+"\nafter\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := replaceMarked(path, "new\n"); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "before\n"+markStart+"new\n"+markEnd+"\nafter\n" {
		t.Errorf("the file holds %s, error %v; want the new tables between the marks", text, err)
	}
	if err := os.WriteFile(path, []byte("no marks"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := replaceMarked(path, "new\n"); err == nil {
		t.Error("a file without marks was written")
	}
}

func TestPageWithMarks(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..", "..")
	page := filepath.Join(root, filepath.FromSlash(benchmarksPage))
	for name, c := range map[string]struct {
		page, want string
		fails      bool
	}{
		"none":                   {"", "", false},
		"the benchmarks page":    {page, page, false},
		"README.md":              {"README.md", page, false},
		"a page without marks":   {filepath.Join(root, "README.md"), "", true},
		"a page that is missing": {filepath.Join(t.TempDir(), "none.md"), "", true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := pageWithMarks(root, c.page)
			if (err != nil) != c.fails {
				t.Fatalf("error %v, want one: %v", err, c.fails)
			}
			if !c.fails && got != c.want {
				t.Errorf("page %q, want %q", got, c.want)
			}
		})
	}
}

// A meter passes requests on, and counts DynamoDB's capacity units.
func TestMeter(t *testing.T) {
	t.Parallel()
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || !bytes.Contains(body, []byte(`"ReturnConsumedCapacity":"INDEXES"`)) {
			t.Errorf("the service received %s, error %v; want ReturnConsumedCapacity added", body, err)
		}
		switch r.Header.Get("X-Amz-Target") {
		case "DynamoDB_20120810.PutItem":
			_, _ = io.WriteString(w, `{"ConsumedCapacity":{"TableName":"aurora-dev-calls","CapacityUnits":4,"Table":{"CapacityUnits":2}}}`)
		case "DynamoDB_20120810.BatchGetItem":
			_, _ = io.WriteString(w, `{"ConsumedCapacity":[{"TableName":"a","CapacityUnits":0.5},{"TableName":"b","CapacityUnits":1}]}`)
		default:
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"__type":"ConditionalCheckFailedException"}`)
		}
	}))
	defer store.Close()
	m, err := newMeter(map[string]string{"AWS_ENDPOINT_URL_DYNAMODB": store.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer m.close()
	for _, c := range []struct {
		target, body string
		want         Usage
	}{
		{"PutItem", `{"TableName":"aurora-dev-calls"}`, Usage{useDynamo: 1, useWrites: 4, useRow: 2}},
		{"BatchGetItem", `{}`, Usage{useDynamo: 1, useReads: 1.5}},
		{"UpdateItem", `{"Key":{}}`, Usage{useDynamo: 1, useWrites: 1}},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, m.addresses["AWS_ENDPOINT_URL_DYNAMODB"], strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Amz-Target", "DynamoDB_20120810."+c.target)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		used := m.reset()
		for what, n := range c.want {
			if used[what] != n {
				t.Errorf("%s: counted %v, want %v", c.target, used, c.want)
			}
		}
	}
}

// The fake model sends its tokens at a fixed pace, and ends the stream.
func TestModel(t *testing.T) {
	t.Parallel()
	o, err := startExternalServices()
	if err != nil {
		t.Fatal(err)
	}
	defer o.close()
	first, end, err := measureTurn(t.Context(), http.DefaultClient, way{url: o.model + "/chat/completions", body: []byte(`{"model":"m","stream":true}`)}, nil)
	if err != nil || first <= 0 || end < (Tokens-1)*Pace {
		t.Errorf("first word after %v, end after %v, error %v; want the model's pace", first, end, err)
	}
	if n := o.asked.model.Load(); n != 1 {
		t.Errorf("%d model requests, want 1", n)
	}
}

func TestProcessorTime(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/schedstat"); err != nil {
		testkit.SkipCheck(t, "this system does not report processor times per thread: the benchmark's reading of them was not checked")
	}
	for before := cpuOf([]int{os.Getpid()}); cpuOf([]int{os.Getpid()}) <= before; { // if the time never grows, go test times out
		runtime.Gosched()
	}
	now := residentKB(os.Getpid())
	if most := peakKB(os.Getpid()); now <= 0 || most < now {
		t.Errorf("resident %d KB, peak %d KB; want the peak at least as large", now, most)
	}
}

func TestFirstWordsAlone(t *testing.T) {
	t.Parallel()
	err := Run(t.Context(), Options{Out: io.Discard, Only: "everything"})
	if err == nil || !strings.Contains(err.Error(), onlyFirstWords) {
		t.Errorf("%v, want an error that names the part that can be measured alone", err)
	}
	var text strings.Builder
	writeFirstWords(&text, []FirstWords{{wayVoice, 1, 1.234, 5.6}, {wayRelay, 16, 20, 65.34}})
	for _, row := range []string{"| " + wayVoice + " | 1               | 1.23 | 5.60 |", "| ConversationRelay               | 16              | 20.0 | 65.3 |"} {
		if !strings.Contains(text.String(), row) {
			t.Errorf("the table has no row %q:\n%s", row, text.String())
		}
	}
}

package bench

import (
	"os"
	"runtime"
	"strings"
	"time"
)

// Results is bench.json.
type Results struct {
	Version int       `json:"version"` // of this format
	At      time.Time `json:"at"`
	Machine Machine   `json:"machine"`
	Seconds float64   `json:"seconds"` // that the run took
	// ReadySeconds is from `make run` to ready, with everything built.
	ReadySeconds float64 `json:"readySeconds"`
	Cold         []Cold  `json:"coldStarts"` // the bare function first
	Turns        []Turn  `json:"turns"`
	// ChatResidentKB is the memory of a chat function after its turns, of which there were ChatTurns at least.
	ChatResidentKB int64    `json:"chatResidentKB"`
	ChatTurns      int      `json:"chatTurns"`
	Webhook        []Load   `json:"webhook"`
	Outbound       Load     `json:"outbound"`
	Micro          []Micro  `json:"micro"`
	Reports        []Report `json:"reports"`
	Warm           []Warm   `json:"functions"`
	Costs          []Cost   `json:"costs"`
	Million        Million  `json:"millionCallsADay"`
	Targets        []Target `json:"targets"`
	// Missing are the parts that could not be measured, and why.
	Missing []string `json:"missing,omitempty"`
}

// Machine is where it was measured.
type Machine struct {
	CPU   string `json:"cpu"`
	Cores int    `json:"cores"`
	OS    string `json:"os"`
	Go    string `json:"go"`
}

func machine() Machine {
	m := Machine{Cores: runtime.NumCPU(), OS: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(), CPU: "unknown"}
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return m
	}
	for line := range strings.Lines(string(text)) {
		if name, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(name) == "model name" {
			m.CPU = strings.TrimSpace(value)
			break
		}
	}
	return m
}

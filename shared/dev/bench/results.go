package bench

import (
	"os"
	"runtime"
	"strings"
	"time"
)

// Results is the content of bench.json.
type Results struct {
	Version int       `json:"version"` // of the format
	At      time.Time `json:"at"`
	Machine Machine   `json:"machine"`
	Seconds float64   `json:"seconds"` // duration of the run
	// ReadySeconds is the time of `make run` until the stack is ready, if everything is built.
	ReadySeconds float64      `json:"readySeconds"`
	Cold         []Cold       `json:"coldStarts"` // the bare function first
	SecureCold   []Cold       `json:"secureColdStarts"`
	Turns        []Turn       `json:"turns"`
	FirstWords   []FirstWords `json:"firstWords"` // of phone calls
	// ChatResidentKB is the memory of a chat function after at least ChatTurns turns.
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
	// Missing names the parts that could not be measured, with the reasons.
	Missing []string `json:"missing,omitempty"`
}

// Machine describes the machine of the run.
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

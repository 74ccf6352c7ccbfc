package main

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"example.com/aurora/shared/core/assistantcheck"
	"example.com/aurora/shared/dev/eventcase"
	"example.com/aurora/shared/dev/eventtest"
	"example.com/aurora/shared/dev/fakeversions"
	"example.com/aurora/shared/dev/golden"
	"example.com/aurora/shared/transport/operatorapi"
	"example.com/aurora/shared/usecase/versions"
)

type shell = *operatorapi.Shell

// newShell returns the shell with all routes of the function.
func newShell(operators *eventtest.Operators, publicURL string) shell {
	return serve(&operators.Operators, newService(fakeversions.New()), publicURL, newTimelines())
}

// newService returns the use case over stores in memory.
func newService(m *fakeversions.Memory) *versions.Service {
	ids := 0
	return &versions.Service{Published: m, History: m, Audit: m, Numbers: m, Check: assistantcheck.Checker{}.Check, Now: eventtest.OperatorTime,
		NewID: func() string { ids++; return fmt.Sprintf("%012d-longer", ids) }}
}

func TestMain(m *testing.M) { os.Exit(golden.Main(m).Run()) }

func TestCases(t *testing.T) {
	eventtest.Run(t, "operators", func(t *testing.T, c *eventcase.Case, event json.RawMessage) eventtest.Observed {
		var given eventtest.OperatorsGiven
		if err := c.Setup(&given); err != nil {
			t.Fatal(err)
		}
		operators := eventtest.OperatorsOf(given)
		before := len(operators.EndedSessions.IDs)
		o := eventtest.Invoke(t, newShell(operators, given.PublicURL).Function(), event)
		o.Effects = map[string]any{"ended": operators.EndedSessions.IDs[before:]}
		return o
	})
}
